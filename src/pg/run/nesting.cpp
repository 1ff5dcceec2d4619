#include "pg/run/nesting.h"

namespace dap {

const char* work_under_way = nullptr;

void refuse_within_work(const char* what) {
  if (!work_under_way) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("cannot %s within %s", what, work_under_way),
           errdetail("A query, function or trigger that %s runs asked for it.", work_under_way),
           errhint("Do one after the other, in statements of their own.")));
}

}  // namespace dap
