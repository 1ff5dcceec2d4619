// The scanner on hostile files: one chunk, many chunks, every kernel and the reference must agree. The first bytes of an input choose the
// dialect, limits and chunks, the rest is the file.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "csv_reference_support.h"
#include "csv_support.h"
#include "engine/simd/kernels.h"

namespace {

using namespace dap::csv::test;

constexpr std::size_t control_bytes = 6;

void require_equal(const Outcome& got, const Outcome& expected, const char* what) {
  if (got == expected) return;
  std::fprintf(stderr, "%s\n%sexpected\n%s", what, show(got).c_str(), show(expected).c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < control_bytes) return 0;
  Options options;
  dap::csv::Dialect& dialect = options.dialect;
  const char delimiters[] = {',', ';', '\t', '|'};
  const char quotes[] = {'"', '"', '\'', 0};
  const char escapes[] = {'"', 0, '\\', '\''};
  const char* const nulls[] = {"", "", "NULL", "x"};
  dialect.delimiter = delimiters[data[0] & 3];
  dialect.quote = quotes[data[0] >> 2 & 3];
  dialect.escape = escapes[data[0] >> 4 & 3];
  dialect.null_text = nulls[data[0] >> 6];
  dialect.lenient = (data[1] & 1) != 0;
  dialect.validate_utf8 = (data[1] & 2) == 0;
  options.header = (data[1] & 4) == 0;
  options.columns = data[1] >> 3 & 7;
  if ((data[2] & 0x80) != 0) options.limits.field_bytes = data[2] & 0x7F;
  if ((data[3] & 0x80) != 0) options.limits.record_bytes = data[3] & 0x7F;
  if ((data[1] & 0x80) != 0) options.limits.reject_bytes = data[3] & 0x7F;
  Feeding feeding;
  feeding.chunks = {std::size_t{1} + data[4] % 16, std::size_t{1} + data[4] / 16 * 10};
  feeding.max_records = 1 + data[5] % 16;
  feeding.finish_early = (data[5] & 0x80) != 0;

  const std::string_view file(reinterpret_cast<const char*>(data) + control_bytes, size - control_bytes);
  const Outcome expected = reference(file, options);
  for (const dap::simd::Kernels* kernels : dap::simd::available()) {
    dap::simd::select(kernels->name);
    require_equal(scan(file, options), expected, kernels->name);
  }
  require_equal(scan(file, options, feeding), expected, "many chunks");
  return 0;
}
