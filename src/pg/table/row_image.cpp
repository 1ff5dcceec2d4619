#include "pg/table/row_image.h"

#include <cstring>

#include "engine/row/image.h"

namespace dap {

namespace {

// Equal texts have equal bytes; in which order PostgreSQL has them is another question.
bool has_equal_bytes(Oid collation) { return OidIsValid(collation) && get_collation_isdeterministic(collation); }

bool is_in_order_of_bytes(Oid collation) { return collation == C_COLLATION_OID; }

}  // namespace

ImageKind image_kind(Oid type, Oid collation, bool ordered) {
  switch (type) {
    case INT2OID: return ImageKind::int16;
    case INT4OID:
    case DATEOID: return ImageKind::int32;
    case INT8OID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID: return ImageKind::int64;
    case BOOLOID: return ImageKind::boolean;
    case FLOAT4OID: return ImageKind::float32;
    case FLOAT8OID: return ImageKind::float64;
    case UUIDOID: return ImageKind::uuid;
    case TEXTOID:
      return (ordered ? is_in_order_of_bytes(collation) : has_equal_bytes(collation)) ? ImageKind::text
                                                                                      : ImageKind::none;
    default: return ImageKind::none;
  }
}

Size image_room(ImageKind kind, Datum value) {
  if (kind == ImageKind::text) return VARSIZE_ANY_EXHDR(DatumGetPointer(value)) + 1;
  return kind == ImageKind::uuid ? UUID_LEN : sizeof(uint64);
}

unsigned char* put_image(ImageKind kind, Datum value, unsigned char* out) {
  switch (kind) {
    case ImageKind::none: break;
    case ImageKind::int16: return row::put_integer(DatumGetInt16(value), out);
    case ImageKind::int32: return row::put_integer(DatumGetInt32(value), out);
    case ImageKind::int64: return row::put_integer(DatumGetInt64(value), out);
    case ImageKind::boolean: return row::put_integer(DatumGetBool(value), out);
    case ImageKind::float32: return row::put_double(static_cast<double>(DatumGetFloat4(value)), out);
    case ImageKind::float64: return row::put_double(DatumGetFloat8(value), out);
    case ImageKind::uuid: std::memcpy(out, DatumGetUUIDP(value)->data, UUID_LEN); return out + UUID_LEN;
    case ImageKind::text:
      return row::put_text(VARDATA_ANY(DatumGetPointer(value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value)), out);
  }
  return out;
}

}  // namespace dap
