#include "pg/clean/key_image.h"

#include "pg/clean/clean_rules.h"

namespace dap {

ImageColumn image_column(const Model* model, TupleDesc desc, const char* name, bool ordered) {
  int target = model_column_position(model, desc, name);
  Form_pg_attribute attribute = TupleDescAttr(desc, target);
  return {image_kind(attribute->atttypid, attribute->attcollation, ordered), target};
}

ImageBuffer image_buffer() {
  constexpr Size room = 1024;
  return {static_cast<unsigned char*>(palloc(room)), room};
}

void make_image_room(ImageBuffer* images, Size bytes) {
  if (bytes <= images->room) return;
  images->room = 2 * bytes;
  images->bytes = static_cast<unsigned char*>(repalloc(images->bytes, images->room));
}

Size put_key_image(ImageBuffer* images, const ImageColumn* columns, const Datum* values, int count) {
  Size room = 2 * sizeof(uint64);
  for (int i = 0; i < count; i++) room += image_room(columns[i].kind, values[i]);
  make_image_room(images, room);
  unsigned char* at = images->bytes;
  for (int i = 0; i < count; i++) at = put_image(columns[i].kind, values[i], at);
  for (; at < images->bytes + sizeof(uint64); at++) *at = 0;
  return static_cast<Size>(at - images->bytes);
}

}  // namespace dap
