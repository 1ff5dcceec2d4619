// A refresh or a load runs what users wrote: models, functions, triggers. These must not begin such work themselves,
// nor change what it works on.
#pragma once

#include "bridge/pg.h"

namespace dap {

// What this session is doing now, such as "a refresh"; NULL: nothing of the kind.
extern const char* work_under_way;

// 55000 at once if a refresh or a load is under way in this session; `what` says what cannot be done within it, such as
// "load files".
void refuse_within_work(const char* what);

// Runs `work` as the refresh or load that is under way, whatever ends it. `work` owns no C++ object that needs a
// destructor.
template <class Work>
void as_work(const char* name, Work&& work) {
  work_under_way = name;
  PG_TRY();
  { work(); }
  PG_FINALLY();
  { work_under_way = nullptr; }
  PG_END_TRY();
}

}  // namespace dap
