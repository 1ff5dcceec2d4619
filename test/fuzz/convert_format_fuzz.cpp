// Arbitrary formats and texts: `format NUL format NUL text`. No fault; a compiled format reads in range; the overlap
// search keeps its word.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/convert/format.h"

namespace {

using namespace dap::convert;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string_view next_part(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

bool in_years(const CivilTime& moment) { return year_of_day(moment.day) >= 1900 && year_of_day(moment.day) <= 2199; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view first_text = next_part(rest);
  const std::string_view second_text = next_part(rest);
  Format first;
  Format second;
  const FormatResult first_result = compile_format(first_text, &first);
  require(first_result.position >= 0 &&
          static_cast<std::size_t>(first_result.position + first_result.length) <= first_text.size());
  if (first_result.error != FormatError::none) return 0;
  CivilTime moment;
  const Status status = parse_by_format(first, rest, &moment);
  if (status == Status::ok) {
    require(moment.microsecond >= 0 && moment.microsecond < microseconds_per_day);
    require(year_of_day(moment.day) >= 1 && year_of_day(moment.day) <= 9999);
    require(std::abs(moment.offset_seconds) < 16 * 3600);
  }
  if (compile_format(second_text, &second).error != FormatError::none) return 0;
  char witness[max_witness];
  int length = 0;
  const Overlap overlap = find_overlap(first, second, 1900, 2199, witness, &length);
  CivilTime other;
  if (overlap == Overlap::found) {
    const std::string_view text(witness, static_cast<std::size_t>(length));
    require(parse_by_format(first, text, &moment) == Status::ok && parse_by_format(second, text, &other) == Status::ok);
    require(in_years(moment) && in_years(other));
    require(moment.has_offset != other.has_offset || moment.utc_microseconds() != other.utc_microseconds());
  } else if (overlap == Overlap::none && status == Status::ok && parse_by_format(second, rest, &other) == Status::ok &&
             in_years(moment) && in_years(other)) {
    require(moment.has_offset == other.has_offset && moment.utc_microseconds() == other.utc_microseconds());
  }
  return 0;
}
