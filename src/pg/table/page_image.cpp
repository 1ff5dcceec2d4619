#include "pg/table/page_image.h"

#include <cstring>

extern "C" {
#include "storage/bufpage.h"
}

namespace dap {
namespace {

void put_text(char** at, const char* start, const CsvField* field) {
  Size length = field->size;
  if (length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX) {
    SET_VARSIZE_SHORT(*at, length + VARHDRSZ_SHORT);
    std::memcpy(*at + VARHDRSZ_SHORT, field->data, length);
    *at += VARHDRSZ_SHORT + length;
    return;
  }
  char* aligned = const_cast<char*>(start) + INTALIGN(*at - start);
  std::memset(*at, 0, static_cast<Size>(aligned - *at));
  SET_VARSIZE(aligned, length + VARHDRSZ);
  std::memcpy(aligned + VARHDRSZ, field->data, length);
  *at = aligned + VARHDRSZ + length;
}

void put_row(const RowForm* form, HeapTupleHeader tuple, const RowSize* size, const CsvField* record, int64 line) {
  std::memset(static_cast<void*>(tuple), 0, size->header);
  HeapTupleHeaderSetXmin(tuple, form->xid);
  HeapTupleHeaderSetCmin(tuple, form->command);
  HeapTupleHeaderSetNatts(tuple, form->attributes);
  tuple->t_infomask |= static_cast<uint16>(HEAP_XMAX_INVALID | HEAP_HASVARWIDTH | (size->has_null ? HEAP_HASNULL : 0));
  tuple->t_hoff = static_cast<uint8>(size->header);
  char* start = reinterpret_cast<char*>(tuple) + size->header;
  char* at = start;
  std::memcpy(at, &line, sizeof(line));
  at += sizeof(line);
  std::memcpy(at, &form->file_id, sizeof(int32));
  at += sizeof(int32);
  uint8* bitmap = tuple->t_bits;
  if (size->has_null) bitmap[0] = 3;
  for (int a = 2; a < form->attributes; a++) {
    int field = form->fields[a];
    if (field < 0 || record[field].is_null) continue;
    if (size->has_null) bitmap[a >> 3] |= static_cast<uint8>(1 << (a & 7));
    put_text(&at, start, &record[field]);
  }
}

}  // namespace

// Short varlena headers need no alignment, long ones four bytes.
RowSize row_size(const RowForm* form, const CsvField* record) {
  bool has_null = false;
  Size data = sizeof(int64) + sizeof(int32);
  for (int a = 2; a < form->attributes; a++) {
    int field = form->fields[a];
    if (field < 0 || record[field].is_null) {
      has_null = true;
      continue;
    }
    Size length = record[field].size;
    data = length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX ? data + VARHDRSZ_SHORT + length
                                                       : INTALIGN(data) + VARHDRSZ + length;
  }
  Size header = MAXALIGN(SizeofHeapTupleHeader + (has_null ? static_cast<Size>(BITMAPLEN(form->attributes)) : 0));
  return {header, header + data, has_null};
}

void image_add_row(const RowForm* form, Page page, const RowSize* size, const CsvField* record, int64 line) {
  auto* header = reinterpret_cast<PageHeader>(page);
  auto offset = static_cast<OffsetNumber>(PageGetMaxOffsetNumber(page) + 1);
  auto upper = static_cast<LocationIndex>(header->pd_upper - MAXALIGN(size->length));
  put_row(form, reinterpret_cast<HeapTupleHeader>(page + upper), size, record, line);
  Size padding = MAXALIGN(size->length) - size->length;
  if (padding) std::memset(page + upper + size->length, 0, padding);
  ItemIdSetNormal(PageGetItemId(page, offset), upper, size->length);
  header->pd_lower = static_cast<LocationIndex>(header->pd_lower + sizeof(ItemIdData));
  header->pd_upper = upper;
}

}  // namespace dap
