// Sorting of keys by their digits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::bag {

// Sorts the keys; `scratch` has room for as many. Returns where they stand in order: `keys` or `scratch`.
std::int64_t* sort_keys(std::int64_t* keys, std::size_t count, std::int64_t* scratch);

}  // namespace dap::bag
