// Why a file, a record or a value was not taken: an enum inside, texts at the edge, where a ledger, an error or a
// result is written. All of them are in reason_list.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap {

enum class Reason : std::uint8_t {
  none,
#define DAP_REASON(name, code, stage, words, hint) name,
#include "engine/reason/reason_list.h"
#undef DAP_REASON
};

// What is not taken: a file as a whole, which fails; a file that is none the worse for it; a record; a value of a clean
// model.
enum class Stage : std::uint8_t { file, skip, ingest, clean };

// How many there are, `none` among them.
extern const std::size_t reason_count;

// The stable code, such as "field_count"; NULL for none, as are the others.
const char* reason_code(Reason) noexcept;
Stage reason_stage(Reason) noexcept;
// A part of a sentence, with a {name} for each number or name that it speaks of.
const char* reason_words(Reason) noexcept;
// What to do, in full sentences; empty where the words say it.
const char* reason_hint(Reason) noexcept;

}  // namespace dap
