// A UTF-8 byte order mark at the file's beginning.
#include "engine/csv/scanner_impl.h"

namespace dap::csv {
namespace {

bool begins(const char* data, std::size_t size, std::string_view with) noexcept {
  return size >= with.size() && std::memcmp(data, with.data(), with.size()) == 0;
}

}  // namespace

Step Scanner::Impl::sniff() {
  const char* data = waiting;
  std::size_t size = waiting_size;
  const bool collected = head_size > 0 || (size < head_bytes && !finished);
  if (collected) {
    const std::size_t taken = std::min(size, head_bytes - head_size);
    if (taken > 0) std::memcpy(head + head_size, waiting, taken);
    head_size += taken;
    waiting += taken;
    waiting_size -= taken;
    if (head_size < head_bytes && !finished) return Step::need_input;
    data = head;
    size = head_size;
  } else {
    waiting_size = 0;
  }
  sniffed = true;
  begin_piece(data, data + size);
  if (begins(data, size, "\xEF\xBB\xBF")) {
    cursor += 3;
    index.seek(cursor);
  }
  return Step::batch;
}

}  // namespace dap::csv
