// States of the order statistics in PostgreSQL's memory: what an aggregate keeps, and the file it moves to when memory
// ends.
#pragma once

#include <memory_resource>

#include "engine/quantile/image.h"
#include "engine/quantile/moving.h"
#include "engine/quantile/sample.h"

#include "pg/aggregate/handed_file.h"

#include "bridge/context_memory.h"
#include "bridge/pg.h"

namespace dap::aggregate {

using dap::ContextMemory;

struct QuantileState;
struct Pool;

// What a sample holds, in memory of a pool: small pieces in the arena, where there is one.
class SampleMemory final : public std::pmr::memory_resource {
 public:
  explicit SampleMemory(const Pool* pool) : pool_(pool) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  const Pool* pool_;
};

// One plan node: its aggregates share one limit, `work_mem` × `hash_mem_multiplier`.
struct PlanNode {
  PlanNode* next;
  AggState* aggregate;  // NULL: a window's, which has no limit
  Pool* pools;
  uint64 limit;   // the server's
  uint64 states;  // of all pools
  uint64 least;   // bytes in use when values of all states were last moved to files
  MemoryContextCallback at_end;
};

// A file of a pool: a private one, or the node's: written for a leader, or handed to this process by a worker.
struct PoolFile {
  File file;
  bool of_node;  // stays open beyond the pool's groups
};
constexpr uint32 no_file = PG_UINT32_MAX;

// The states that lie in one memory context of a node, of whatever aggregate call, and their files: both are as good as
// gone when the node starts over. It belongs to the query, not to the call: Citus calls with an FmgrInfo of its own for
// every row.
struct Pool {
  Pool* next;  // of the node
  PlanNode* node;
  MemoryContext context;
  // A child of it in which the small pieces of values lie, so that they can be given back all at once (memory contexts
  // keep small pieces that are freed one by one). What is in there goes when values move to files. NULL: none, small
  // pieces lie in the context itself.
  MemoryContext arena;
  MemoryContext old_arena;
  QuantileState* states;
  uint32 state_count;
  uint32 spare_count;  // states allocated ahead
  QuantileState* spare;
  bool in_use;
  bool may_spill;
  bool hands_over;  // its states go to another process (or another node of this one) that can read files by name
  PoolFile* files;
  uint32 file_count, file_capacity;
  uint32 own;          // which of them is written; no_file: none yet
  off_t own_end;       // of a private one
  NodeOutput* output;  // while there is an own one that is handed over
  alignas(SampleMemory) char memory_place[sizeof(SampleMemory)];
  alignas(ContextMemory) char lasting_place[sizeof(ContextMemory)];
  // For samples alone; whatever else is to last is in the other one.
  std::pmr::memory_resource* memory() { return reinterpret_cast<SampleMemory*>(memory_place); }
  std::pmr::memory_resource* lasting() { return reinterpret_cast<ContextMemory*>(lasting_place); }
};

// Keys, or records of wide values (key, length, bytes), in a file of the pool: any number of parts, of which each but
// the first written is followed by where the one before it lies, so that a group takes no more memory however often it
// has moved values there.
struct Extent {
  off_t offset;  // of the last part
  uint64 part;   // bytes of the last part
  uint64 count;  // of all parts, as all below
  uint64 bytes;
  int64 low, high;
  uint32 unit;
  uint32 file;
  bool wide;
};

// What follows a part: where the one before it lies; no bytes: there is none.
struct Link {
  off_t offset;
  uint64 part;
};

// The fractions that the rows of a group bring.
struct Fractions {
  quantile::Shape shape;
  float8 scalar;
  ArrayType* array;
};

struct QuantileState {
  quantile::Sample sample;
  Pool* pool;
  QuantileState* next;  // of the pool
  Extent* extents;
  uint32 extent_count, extent_capacity;
  Fractions fractions;
  const bytea* image;  // set only by deserialize: everything is in there, until it is combined
  // other processes' states are in it: what they say of kind and fractions nobody has compared with the aggregate yet
  bool foreign;
};

// What a call site knows of itself, kept in fn_extra.
struct CallSite {
  quantile::Kind kind;
  bool has_fraction;
  bool has_array;  // of fractions
};

CallSite* call_site(FunctionCallInfo fcinfo);
// The pool of this aggregate context; raises XX000 when not called as an aggregate.
Pool* pool_of(FunctionCallInfo fcinfo);
QuantileState* new_state(Pool* pool, quantile::Kind kind);

// Bytes that the node's memory contexts have taken, and how many they may take before values move to files.
uint64 used_bytes(const PlanNode* node);
uint64 most_bytes(const PlanNode* node);
inline bool has_room(const Pool* pool, uint64 more) { return used_bytes(pool->node) + more <= most_bytes(pool->node); }

// Where `more` bytes for a state are to come from, which itself could bring `own` to a file: what is there, its own
// values, or those of all states, which have been moved by then: the state may hold other memory than before.
enum class Room : unsigned char { there, own_values, moved };
Room find_room(QuantileState* state, uint64 more, uint64 own, uint64 least_own);

// Checks and keeps the row's fractions: `seen` is how many rows the group had. Raises 22003 and 22023.
void take_fractions(FunctionCallInfo fcinfo, int argument, Fractions* fractions, bool first, MemoryContext context);
void compare_fractions(const Fractions& mine, const Fractions& other);
[[noreturn]] void raise_fraction_range();
void check_fraction(float8 fraction);

// Adds keys of a scale, making room in memory or in the file.
void state_add_keys(QuantileState* state, const int64* keys, uint64 count, int groups);
// Makes room for one key: in memory while the pool has some, else by moving keys to the file.
void state_make_room(QuantileState* state);
// After values came that are not plain keys: moves them to the file when the pool is over its limit.
void state_settle(QuantileState* state);
void state_add_decimal(QuantileState* state, const quantile::Decimal& decimal);
// Room for `more` further keys if the pool has it, at once instead of by doubling.
void state_expect_keys(QuantileState* state, uint64 more);
void state_add_interval(QuantileState* state, const Interval* interval);

// The argument as key; for kinds whose value is always a key.
inline int64 datum_key(quantile::Kind kind, Datum value) {
  switch (kind) {
    case quantile::Kind::int2: return DatumGetInt16(value);
    case quantile::Kind::int4: return DatumGetInt32(value);
    case quantile::Kind::date: return DatumGetDateADT(value);
    case quantile::Kind::float4: return quantile::double_key(DatumGetFloat4(value));
    case quantile::Kind::float8: return quantile::double_key(DatumGetFloat8(value));
    default: return DatumGetInt64(value);
  }
}

// ---- files ----
constexpr uint64 block_bytes = 256 * 1024;
// Reads `bytes` of an extent's last part, from its byte `from` on, into `buffer`.
void read_extent(const Pool* pool, const Extent& extent, uint64 from, void* buffer, uint64 bytes);

// An extent's parts, the last one first. It owns palloc'd memory.
struct ExtentReader {
  const Pool* pool;
  Extent at;  // its part: what is left of the present one
  char* records;
  uint64 room;
};
ExtentReader read_parts(const Pool* pool, const Extent& extent);
constexpr uint64 link_keys = sizeof(Link) / sizeof(int64);
// Reads up to `most` keys, of as many parts as it takes, into `keys`, which has room for `link_keys` more; 0 at the
// end.
uint64 read_keys(ExtentReader* reader, int64* keys, uint64 most);
// Reads the records of a part, which are good until the next call, and returns their bytes; 0 at the end.
uint64 read_records(ExtentReader* reader, char** records);
void end_reading(ExtentReader* reader);

// Small parts that are written to a pool's own file at once.
struct Batch {
  Pool* pool;
  char* buffer;
  uint64 filled, room;
};
Batch begin_batch(Pool* pool);
void end_batch(Batch* batch);
// Moves the plain keys, or the wide values, to the pool's own file; `batch` is NULL for a state alone.
void spill_keys(QuantileState* state, Batch* batch = nullptr);
void spill_wide(QuantileState* state, Batch* batch = nullptr);
// Moves what is counted there too, each value as often as it came: the counts are 0 then.
void spill_counts(QuantileState* state, Batch* batch = nullptr);
// Writes at the end of the pool's own file, which is created if need be, and returns where.
off_t write_file(Pool* pool, const void* data, uint64 bytes);
// The pool's number for a file that was handed to this process; it is removed at the query's end.
uint32 adopt_file(Pool* pool, const HandedFile& name);
Extent* new_extent(QuantileState* state);
// Closes the private files, and forgets those of the node.
void close_files(Pool* pool);

// The result of a kind, from two neighbours and the way between them.
Datum interpolate(quantile::Kind kind, int groups, const quantile::Value& low, const quantile::Value& high,
                  const quantile::Position& position);
// The Oid of the results.
Oid result_type(quantile::Kind kind);

// Which values a final function wants.
enum class Statistic : unsigned char { continuous, discrete };

// Answers from anything that can give values at ranks.
struct RankSource {
  quantile::Kind kind;
  int groups;
  uint64 count;
  void (*values_at)(const RankSource* source, uint64* ranks, size_t rank_count, quantile::Value* values);
  void* state;
};
// The result at a position, from the values at ascending ranks, among which those that it needs are.
Datum interpolate_at(const RankSource& source, const uint64* ranks, size_t rank_count, const quantile::Value* values,
                     const quantile::Position& position);
Datum answer_one(const RankSource& source, float8 fraction, Statistic statistic);
Datum answer_many(const RankSource& source, ArrayType* fractions);

// The first argument of a final function, a QuantileState or a moving window's, as a source of ranks; false where the
// answer is NULL.
bool final_source(FunctionCallInfo fcinfo, RankSource* source);
// Raises 22P03 where other processes' states are of another kind than the final function's, which gives `type`, or
// bring no fractions of this shape.
void check_foreign(FunctionCallInfo fcinfo, const QuantileState* state, Oid type,
                   quantile::Shape shape = quantile::Shape::none);
inline void check_foreign(FunctionCallInfo fcinfo, const RankSource& source, Oid type) {
  check_foreign(fcinfo, static_cast<const QuantileState*>(source.state), type);
}
bool moving_source(FunctionCallInfo fcinfo, RankSource* source);

// A window's argument as a value; its bytes, if it has any, stand in `place`, which has room for bytes_at_hand, or are
// palloc'd. The first numeric decides the scale.
constexpr Size bytes_at_hand = 256;
quantile::Value read_value(quantile::Kind kind, Datum argument, uint8* groups, bool* scale_known, void* place);

// key / 10^places without trailing zeros behind the point.
Datum scaled_numeric(int64 key, int places);
// A decimal's bytes in the stored form, made canonical by the server's own arithmetic.
Datum bytes_numeric(const quantile::Bytes* bytes);
Datum value_numeric(const quantile::Value& value, int groups);
Interval* value_interval(const quantile::Value& value);

}  // namespace dap::aggregate
