// Values of columns as images that order rows (engine/row/image.h).
#pragma once

#include "bridge/pg.h"

namespace dap {

// How the values of a column become an image.
enum class ImageKind : unsigned char { none, int16, int32, int64, boolean, float32, float64, uuid, text };

// Of a type under a collation, such that images are the same exactly where the values are equal; `ordered`: and that
// they are ordered as the values are. none: there is no such image here.
ImageKind image_kind(Oid type, Oid collation, bool ordered);

// The most bytes that the image of a value can have.
Size image_room(ImageKind, Datum);
// Writes the image and returns where it stopped. The value is not toasted.
unsigned char* put_image(ImageKind, Datum, unsigned char* out);

}  // namespace dap
