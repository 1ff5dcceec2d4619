#include "pg/table/long_row.h"

#include <cstring>

extern "C" {
#include "access/tupmacs.h"
}

namespace dap {
namespace {

bool is_short(const CsvField* text) { return text->size + VARHDRSZ_SHORT <= VARATT_SHORT_MAX; }

// Where attribute `a` ends if it may start at `offset`; its start in *start.
Size place(Form_pg_attribute attribute, const CsvField* text, Size offset, Size* start) {
  if (!text) {
    *start = att_align_nominal(offset, attribute->attalign);
    return *start + static_cast<Size>(attribute->attlen);
  }
  *start = is_short(text) ? offset : att_align_nominal(offset, TYPALIGN_INT);
  return *start + (is_short(text) ? static_cast<Size>(VARHDRSZ_SHORT) : static_cast<Size>(VARHDRSZ)) + text->size;
}

}  // namespace

HeapTuple long_row_form(TupleDesc desc, const CsvField* const* texts, const Datum* values, const bool* nulls) {
  bool has_null = false;
  Size data = 0, start;
  for (int a = 0; a < desc->natts; a++) {
    if (!texts[a] && nulls[a]) has_null = true;
    else data = place(TupleDescAttr(desc, a), texts[a], data, &start);
  }
  Size header = MAXALIGN(SizeofHeapTupleHeader + (has_null ? static_cast<Size>(BITMAPLEN(desc->natts)) : 0));
  if (!AllocSizeIsValid(HEAPTUPLESIZE + header + data))
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a record is too long to be a row")));
  auto* tuple = static_cast<HeapTuple>(palloc(HEAPTUPLESIZE + header + data));
  tuple->t_len = static_cast<uint32>(header + data);
  ItemPointerSetInvalid(&tuple->t_self);
  tuple->t_tableOid = InvalidOid;
  tuple->t_data = reinterpret_cast<HeapTupleHeader>(reinterpret_cast<char*>(tuple) + HEAPTUPLESIZE);
  HeapTupleHeader head = tuple->t_data;
  std::memset(static_cast<void*>(head), 0, header);
  HeapTupleHeaderSetDatumLength(head, tuple->t_len);
  HeapTupleHeaderSetTypeId(head, desc->tdtypeid);
  HeapTupleHeaderSetTypMod(head, desc->tdtypmod);
  ItemPointerSetInvalid(&head->t_ctid);
  HeapTupleHeaderSetNatts(head, desc->natts);
  head->t_hoff = static_cast<uint8>(header);
  head->t_infomask = static_cast<uint16>(HEAP_HASVARWIDTH | (has_null ? HEAP_HASNULL : 0));

  char* body = reinterpret_cast<char*>(head) + header;
  Size end = 0;
  for (int a = 0; a < desc->natts; a++) {
    const CsvField* text = texts[a];
    if (!text && nulls[a]) continue;
    if (has_null) head->t_bits[a >> 3] |= static_cast<uint8>(1 << (a & 7));
    Form_pg_attribute attribute = TupleDescAttr(desc, a);
    Size next = place(attribute, text, end, &start);
    if (start > end) std::memset(body + end, 0, start - end);
    if (!text) {
      store_att_byval(body + start, values[a], attribute->attlen);
    } else {
      Size size = next - start;
      if (is_short(text)) SET_VARSIZE_SHORT(body + start, size);
      else SET_VARSIZE(body + start, size);
      if (text->size) std::memcpy(body + next - text->size, text->data, text->size);
    }
    end = next;
  }
  return tuple;
}

}  // namespace dap
