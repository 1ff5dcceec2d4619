// The build side of a join whose key is unique there: each probed row finds one row or none. Plain data in memory of
// the caller's resource: it may be abandoned at any time, and must be where std::bad_alloc was thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/column/batch.h"
#include "engine/column/key_table.h"

namespace dap::join {

constexpr std::uint32_t most_join_keys = 4;
constexpr std::uint32_t most_payloads = 32;

struct MapPlan {
  std::uint32_t key_count;                                     // 1 to most_join_keys
  std::uint32_t payload_count;                                 // 0 to most_payloads
  const column::Dictionary* key_dictionaries[most_join_keys];  // of keys that are codes, which the probing side shares
  bool keeps_unmatched;  // for RIGHT and FULL JOIN: rows with NULL in the key are kept, matched rows are marked
};

struct UniqueMap {
  MapPlan plan;
  column::KeyTable table;
};

enum class Outcome : std::uint8_t {
  done,
  duplicate  // a key that is not unique: the map is of no more use
};

// False where the plan cannot be. Throws std::bad_alloc.
bool begin_map(UniqueMap* map, const MapPlan& plan, std::pmr::memory_resource* memory);

// Adds the selected rows of a batch. NULL is equal to nothing: a row with NULL in its key is left out, or kept as
// unmatched. Throws std::bad_alloc.
Outcome add_rows(UniqueMap* map, const column::Vector* keys, const column::Vector* payloads,
                 const column::Selection& selection);

inline std::size_t memory_used(const UniqueMap& map) { return map.table.bytes; }
inline std::uint32_t row_count(const UniqueMap& map) { return map.table.stores[0].count; }

// Where a probe's results go, by row of the batch: the caller's places, of batch_rows each.
struct Found {
  std::int64_t* values[most_payloads];
  unsigned char* nulls[most_payloads];  // 1 also where no row was found
  unsigned char* found;                 // 1: there is a row with this key
};

// Looks for the selected rows' keys; of other rows nothing is written. Where `kept` is not nullptr, `result` are the
// rows that found one, for an inner join; `kept` has room for selection.count and may be the selection's own rows.
void probe(UniqueMap* map, const column::Vector* keys, const column::Selection& selection, const Found& out,
           std::uint16_t* kept, column::Selection* result);

// Where the keys of unmatched rows go; nullptr: not wanted.
struct FoundKeys {
  std::int64_t* values[most_join_keys];
  unsigned char* nulls[most_join_keys];
};

// Up to batch_rows of the rows that no probe has found, from row *next on, which is moved on, past 65,536 rows at most:
// their keys and payloads, at 0, 1, ... of the places; `out.found` is not written. Returns how many; all were seen when
// *next is row_count().
std::uint32_t next_unmatched(const UniqueMap& map, std::uint32_t* next, const FoundKeys& keys, const Found& out);

}  // namespace dap::join
