// The scanner on hostile files: what it finds in one chunk and in many is what the reference finds. The first bytes of
// an input choose the dialect, limits, chunks and kernel, the rest is the file.
#include <cstdio>

#include "csv_reference_support.h"
#include "fuzz_support.h"

using namespace dap::fuzz;
using namespace dap::csv::test;

namespace {

void require_equal(const Outcome& got, const Outcome& expected, const char* what) {
  if (got == expected) return;
  std::fprintf(stderr, "%s\n%sexpected\n%s", what, show(got).c_str(), show(expected).c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < control_bytes) return 0;
  static RecyclingMemory memory;
  const Choice choice = choose(data);
  const std::string_view file(reinterpret_cast<const char*>(data) + control_bytes, size - control_bytes);
  const Outcome expected = reference(file, choice.options);
  use_level(choice.level);
  require_equal(scan(file, choice.options, {}, &memory), expected, "one chunk");
  use_level(choice.level + 1);
  require_equal(scan(file, choice.options, choice.feeding, &memory), expected, "many chunks");
  return 0;
}
