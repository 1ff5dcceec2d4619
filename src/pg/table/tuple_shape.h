// How the values of a table's rows lie in its tuples.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct TupleShape {
  int attributes;  // up to the last one that is wanted
  struct Attribute {
    int16 length;
    char alignment;
    int16 wanted;  // where its place goes, -1: nowhere
  } * attribute;
};

// The shape of rows of which these attributes (numbers from 1, ascending in no particular order) are wanted. NULL where
// one of them may have a value that is not in the tuple (a column that was added with a default, or one that is
// generated).
TupleShape* tuple_shape(TupleDesc, const AttrNumber* wanted, int count);

// Sets places[i] to where the value of the i-th wanted attribute lies, NULL for NULL.
inline void tuple_places(const TupleShape* shape, HeapTupleHeader tuple, const char** places) {
  const char* data = reinterpret_cast<const char*>(tuple) + tuple->t_hoff;
  bool has_null = (tuple->t_infomask & HEAP_HASNULL) != 0;
  int present = HeapTupleHeaderGetNatts(tuple);
  Size at = 0;
  for (int i = 0; i < shape->attributes; i++) {
    const TupleShape::Attribute& attribute = shape->attribute[i];
    if (i >= present || (has_null && att_isnull(i, tuple->t_bits))) {
      if (attribute.wanted >= 0) places[attribute.wanted] = nullptr;
      continue;
    }
    // A value of variable length is aligned where a byte of padding, which is zero, stands before it.
    if (attribute.length > 0 || data[at] == 0)
      at = attribute.alignment == TYPALIGN_INT      ? INTALIGN(at)
           : attribute.alignment == TYPALIGN_DOUBLE ? DOUBLEALIGN(at)
           : attribute.alignment == TYPALIGN_SHORT  ? SHORTALIGN(at)
                                                    : at;
    if (attribute.wanted >= 0) places[attribute.wanted] = data + at;
    at += attribute.length > 0 ? static_cast<Size>(attribute.length) : VARSIZE_ANY(data + at);
  }
}

}  // namespace dap
