// Hostile states of dap.top_n: refused, or entries that are added up and written again as they were.
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <vector>

#include "engine/top/image.h"

namespace {

using namespace dap::top;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::pmr::monotonic_buffer_resource memory;
  ImageHeader header{};
  if (!read_image(data, size, &header, &memory)) return 0;
  require(header.wanted >= 0);
  Table table{};
  table.kind = header.kind;
  const unsigned char* at = data + header_size;
  ImageEntry from;
  std::uint64_t count = 0;
  while (next_entry(header.kind, &at, data + size, &from)) {
    count++;
    Entry* entry = from.is_null                     ? entry_of_null(&table, &memory)
                   : header.kind == KeyKind::number ? entry_of(&table, from.number, &memory)
                                                    : entry_of(&table, from.text, from.text_length, &memory);
    const Amount before = entry->amount;
    if (!add_units(&entry->amount, from.units, from.groups))
      require(entry->amount.units == before.units && entry->amount.groups == before.groups);
    std::vector<char> text(units_text_size + from.scale);
    units_text(from.units, from.groups, from.scale, text.data());
    std::vector<unsigned char> again(entry_size(header.kind, from));
    require(write_entry(header.kind, from, again.data()) == again.data() + again.size());
    const unsigned char* place = again.data();
    ImageEntry back;
    require(next_entry(header.kind, &place, again.data() + again.size(), &back));
    require(back.units == from.units && back.number == from.number && back.text_length == from.text_length &&
            back.scale == from.scale);
  }
  require(count == header.count && table.count <= count);
  for (std::uint32_t i = 1; i < table.count; i++) {
    require(compare_keys(header.kind, table.entries[i - 1], table.entries[i]) != 0);
    require(compare_units(table.entries[i - 1].amount, table.entries[i].amount) ==
            -compare_units(table.entries[i].amount, table.entries[i - 1].amount));
  }
  return 0;
}
