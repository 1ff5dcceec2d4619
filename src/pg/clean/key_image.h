// The key of a model's row, and what makes it the latest of its key, as images (pg/table/row_image.h).
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"
#include "pg/table/row_image.h"

namespace dap {

struct ImageColumn {
  ImageKind kind;
  int target;  // its position in the table's descriptor
};

// A column of the model; `ordered` as for image_kind. 42703 if the table has none of that name.
ImageColumn image_column(const Model*, TupleDesc, const char* name, bool ordered);

// Where images are made, one behind the other.
struct ImageBuffer {
  unsigned char* bytes;
  Size room;
};

ImageBuffer image_buffer();
void make_image_room(ImageBuffer*, Size bytes);
// Makes the image of a key's values, at least eight bytes long, zeros where it is shorter; returns its length. Values
// are not toasted.
Size put_key_image(ImageBuffer*, const ImageColumn*, const Datum* values, int count);

}  // namespace dap
