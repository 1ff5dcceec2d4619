// Input, output, receive and send of dap.bag.
#include <algorithm>
#include <new>

#include "engine/bag/text.h"

#include "pg/aggregate/bag_value.h"
#include "pg/settings.h"

extern "C" {
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
}

#include "bridge/engine_call.h"

namespace dap::aggregate {

using bag::TextFault;

namespace {

constexpr unsigned items_a_step = 1 << 14;
constexpr Size encoded_a_step = 3 << 20;

// The input's values are data: the message says where, not what.
[[noreturn]] void raise_text_fault(const bag::TextReader& reader, const char* text) {
  const int character = pg_mbstrlen_with_len(text, static_cast<int>(reader.at - text)) + 1;
  switch (reader.fault) {
    case TextFault::range:
      ereport(ERROR,
              (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
               errmsg("invalid input for type dap.bag: value overflows numeric format"),
               errdetail("The number at character %d has more than 131072 digits before or 16383 behind the point.",
                         character)));
    case TextFault::total: raise_bag_outcome(bag::Outcome::too_many);
    case TextFault::number:
      ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input for type dap.bag"),
                      errdetail("What stands at character %d is not a number.", character),
                      errhint("Numbers are written [+-]digits[.digits][e[+-]digits], NaN, Infinity or -Infinity.")));
    case TextFault::times:
      ereport(
          ERROR,
          (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input for type dap.bag"),
           errdetail(
               "What stands at character %d is not a number of times, a whole number from 1 to 9223372036854775807.",
               character)));
    default:
      ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input for type dap.bag"),
                      errdetail("The text goes wrong at character %d.", character),
                      errhint("A bag is written {value:times,...}, for example {1.25:3,2:1}; :1 can be left out.")));
  }
}

void append_element(StringInfo text, const bag::Element& element, int scale) {
  if (element.bytes == nullptr) {
    char key[bag::most_key_text];
    appendBinaryStringInfo(text, key, static_cast<int>(bag::write_key(element.key, scale, key) - key));
    return;
  }
  const Datum numeric = element_numeric(element, scale);
  char* written = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
  appendStringInfoString(text, written);
  pfree(written);
  pfree(DatumGetPointer(numeric));
}

void append_times(StringInfo text, uint64 times) {
  char number[32];
  number[0] = ':';
  const int length = pg_ulltoa_n(times, number + 1);
  appendBinaryStringInfo(text, number, length + 1);
}

void append_special(StringInfo text, const bag::Header& header, bag::Special special) {
  if (header.specials[special] == 0) return;
  if (text->len > 1) appendStringInfoChar(text, ',');
  appendStringInfoString(text, special == bag::minus_infinity ? "-Infinity"
                               : special == bag::infinity     ? "Infinity"
                                                              : "NaN");
  append_times(text, header.specials[special]);
}

// The bag of a text behind the mark of bytes.
Datum read_encoded(const char* text) {
  const std::string_view encoded(text);
  auto* bytes = static_cast<unsigned char*>(MemoryContextAllocHuge(CurrentMemoryContext, encoded.size() / 4 * 3 + 3));
  const unsigned char* const end = bag::read_base64(encoded, bytes);
  const BagBytes read{bytes, end == nullptr ? 0 : static_cast<Size>(end - bytes)};
  if (end == nullptr || !check_bag(read))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input for type dap.bag"),
             errdetail("What stands behind \"base64:\" are not the bytes of a bag of version %d.", bag::bag_version)));
  const Datum result = bag_datum(read);
  pfree(bytes);
  return result;
}

char* write_encoded(BagBytes bytes) {
  auto* text = static_cast<char*>(palloc(bag::encoded_size(bytes.size) + 1));
  memcpy(text, bag::encoded_mark.data(), bag::encoded_mark.size());
  char* out = text + bag::encoded_mark.size();
  for (Size from = 0; from < bytes.size; from += encoded_a_step) {
    CHECK_FOR_INTERRUPTS();
    out = bag::write_base64(bytes.data + from, std::min(encoded_a_step, bytes.size - from), out);
  }
  *out = '\0';
  return text;
}

}  // namespace

}  // namespace dap::aggregate

// (cstring) -> dap.bag
DAP_FUNCTION(dap_bag_in) {
  using namespace dap::aggregate;
  namespace bag = dap::bag;
  const char* text = PG_GETARG_CSTRING(0);
  const char* marked = text + strspn(text, " \t\n\r\f\v");
  if (strncmp(marked, bag::encoded_mark.data(), bag::encoded_mark.size()) == 0)
    PG_RETURN_DATUM(read_encoded(marked + bag::encoded_mark.size()));
  Levels levels{};
  levels.context = CurrentMemoryContext;
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  auto* writer = static_cast<bag::Writer*>(palloc(sizeof(bag::Writer)));
  bag::TextReader reader;
  bag::open_text(&reader, text, strlen(text));
  while (!reader.ended && reader.fault == bag::TextFault::none) {
    CHECK_FOR_INTERRUPTS();
    bag::begin_bag(writer, 0, memory);
    const dap::EngineFault fault = dap::try_engine([&] { bag::read_items(&reader, items_a_step, writer); });
    dap::raise_engine_fault(fault, "bags");
    if (reader.fault == bag::TextFault::none) push_writer(&levels, writer, false);
  }
  if (reader.fault != bag::TextFault::none) raise_text_fault(reader, text);
  PG_RETURN_DATUM(bag_datum(sum_levels(&levels)));
}

// (dap.bag) -> cstring: {value:times,...}, or all bytes where that would be too long for a dump.
DAP_FUNCTION(dap_bag_out) {
  using namespace dap::aggregate;
  namespace bag = dap::bag;
  const BagBytes bytes = bag_bytes(PG_GETARG_DATUM(0));
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  auto* cursor = static_cast<bag::Cursor*>(palloc(sizeof(bag::Cursor)));
  cursor->digits = nullptr;
  bag::Header header;
  if (!bag::read_header(bytes.data, bytes.size, &header)) raise_bag_outcome(bag::Outcome::damaged);
  const dap::EngineFault fault =
      dap::try_engine([&] { bag::open_cursor(cursor, bytes.data, bytes.size, header.scale, memory); });
  dap::raise_engine_fault(fault, "bags");
  constexpr uint64 least_item = 4;
  const auto longest = static_cast<uint64>(dap::setting_longest_bag_text);
  if ((header.key_count + header.wide_count) * least_item > longest) PG_RETURN_CSTRING(write_encoded(bytes));
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoChar(&text, '{');
  append_special(&text, header, bag::minus_infinity);
  for (uint64 i = 0; !cursor->ended; i++) {
    if (i % 4096 == 0 || cursor->head.bytes != nullptr) CHECK_FOR_INTERRUPTS();
    if (text.len > 1) appendStringInfoChar(&text, ',');
    append_element(&text, cursor->head, header.scale);
    append_times(&text, cursor->head.times);
    if (static_cast<uint64>(text.len) > longest) {
      pfree(text.data);
      PG_RETURN_CSTRING(write_encoded(bytes));
    }
    bag::advance(cursor);
  }
  if (cursor->damaged) raise_bag_outcome(bag::Outcome::damaged);
  append_special(&text, header, bag::infinity);
  append_special(&text, header, bag::not_a_number);
  appendStringInfoChar(&text, '}');
  PG_RETURN_CSTRING(text.data);
}

// (internal) -> dap.bag: nothing that a sender may say is believed before all of it has been checked.
DAP_FUNCTION(dap_bag_receive) {
  using namespace dap::aggregate;
  auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int size = message->len - message->cursor;
  const char* data = pq_getmsgbytes(message, size);
  const BagBytes bytes{reinterpret_cast<const unsigned char*>(data), static_cast<Size>(size)};
  if (!check_bag(bytes))
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid binary form of type dap.bag"),
                    errdetail("The bytes are not those of a bag of version %d.", dap::bag::bag_version)));
  PG_RETURN_DATUM(bag_datum(bytes));
}

// (dap.bag) -> bytea: the stored bytes
DAP_FUNCTION(dap_bag_send) {
  using namespace dap::aggregate;
  PG_RETURN_DATUM(bag_datum(bag_bytes(PG_GETARG_DATUM(0))));
}
