#include "pg/table/tuple_shape.h"

namespace dap {

TupleShape* tuple_shape(TupleDesc desc, const AttrNumber* wanted, int count) {
  auto* shape = static_cast<TupleShape*>(palloc0(sizeof(TupleShape)));
  for (int i = 0; i < count; i++)
    if (wanted[i] > shape->attributes) shape->attributes = wanted[i];
  shape->attribute = static_cast<TupleShape::Attribute*>(
      palloc0(sizeof(TupleShape::Attribute) * static_cast<Size>(shape->attributes + 1)));
  for (int i = 0; i < shape->attributes; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    shape->attribute[i] = {attribute->attlen, attribute->attalign, -1};
    if (attribute->attlen < -1) return nullptr;  // cstring: of no column
  }
  for (int i = 0; i < count; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, wanted[i] - 1);
    if (attribute->atthasmissing || attribute->attgenerated) return nullptr;
    shape->attribute[wanted[i] - 1].wanted = static_cast<int16>(i);
  }
  return shape;
}

}  // namespace dap
