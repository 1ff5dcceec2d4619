#include "engine/reason/reason.h"

namespace dap {
namespace {

struct Row {
  const char* code;
  Stage stage;
  const char* words;
  const char* hint;
};

constexpr Row rows[] = {
    {nullptr, Stage::file, nullptr, nullptr},
#define DAP_REASON(name, code, stage, words, hint) {code, Stage::stage, words, hint},
#include "engine/reason/reason_list.h"
#undef DAP_REASON
};

constexpr bool is_ordered() {
  for (std::size_t i = 2; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].stage < rows[i - 1].stage) return false;
  return true;
}
static_assert(is_ordered(), "reason_list.h is in the order of the stages");
static_assert(sizeof rows / sizeof *rows <= 256, "a reason is a byte");

const Row& row_of(Reason reason) noexcept { return rows[static_cast<std::size_t>(reason)]; }

}  // namespace

const std::size_t reason_count = sizeof rows / sizeof *rows;

const char* reason_code(Reason reason) noexcept { return row_of(reason).code; }
Stage reason_stage(Reason reason) noexcept { return row_of(reason).stage; }
const char* reason_words(Reason reason) noexcept { return row_of(reason).words; }
const char* reason_hint(Reason reason) noexcept { return row_of(reason).hint; }

}  // namespace dap
