// Why a record is a reject.
#pragma once

#include <cstdint>

namespace dap::csv {

enum class Reason : std::uint8_t {
  field_count,       // another number of fields than the header has
  invalid_encoding,  // bytes that are not UTF-8, or not what the caller decodes them as
  nul_byte,
  quote_in_field,      // a quote inside an unquoted field (strict)
  text_after_quote,    // text between a closing quote and the delimiter (strict)
  unterminated_quote,  // a quote that opens a field is not closed, in a record whose end was found all the same
  bare_cr,             // a carriage return outside quotes that ends no line of this file
  field_too_long,
  record_too_long,
  // Never the scanner's: found by who converts and stores the records that it gives.
  untranslatable_character,
  row_too_big,
};
// The stable code kept in the ledger, such as "field_count".
const char* reason_code(Reason) noexcept;

}  // namespace dap::csv
