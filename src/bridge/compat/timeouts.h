// Which limits of time a server has.
#pragma once

#include "bridge/pg.h"

namespace dap {

constexpr bool has_transaction_timeout = PG_VERSION_NUM >= 170000;  // commit 51efe38cb9

}  // namespace dap
