// States of the order statistics in PostgreSQL's memory: what an aggregate keeps, and the file it moves to when memory ends.
#pragma once

#include <memory_resource>

#include "engine/quantile/image.h"
#include "engine/quantile/moving.h"
#include "engine/quantile/sample.h"

#include "pg/aggregate/handed_file.h"

#include "bridge/pg.h"

namespace dap::aggregate {

// A MemoryContext as the engine's memory; what is not there is std::bad_alloc.
class ContextMemory final : public std::pmr::memory_resource {
 public:
  explicit ContextMemory(MemoryContext context) : context_(context) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  MemoryContext context_;
};

struct CallSite;

// A file of a pool: its own (private, or one that a leader will read), or one that a worker has handed to this process.
struct PoolFile {
  File file;
  HandedFile name;  // writer 0: private
};
constexpr uint32 no_file = PG_UINT32_MAX;

// The memory of one plan node's groups, and their files: both are as good as gone when the node starts over.
struct Pool {
  Pool* next;
  CallSite* site;
  MemoryContext context;  // of the node's states
  bool in_use;
  bool may_spill;
  bool hands_over;  // its states go to another process (or another node of this one) that can read files by name
  PoolFile* files;
  uint32 file_count, file_capacity;
  uint32 own;  // which of them is written; no_file: none yet
  off_t own_end;
  uint64 used;
  uint64 limit;
  alignas(ContextMemory) char memory_place[sizeof(ContextMemory)];
  std::pmr::memory_resource* memory() { return reinterpret_cast<ContextMemory*>(memory_place); }
};

// Keys, or records of wide values (key, length, bytes; they are read whole), in a file of the pool.
struct Extent {
  off_t offset;
  uint64 count;
  uint64 bytes;
  int64 low, high;
  uint32 unit;
  uint32 file;
  bool wide;
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
  Extent* extents;
  uint32 extent_count, extent_capacity;
  Fractions fractions;
  const bytea* image;  // set only by deserialize: everything is in there, until it is combined
  bool foreign;        // other processes' states are in it: what they say of kind and fractions nobody has compared with the aggregate yet
};

// What a call site knows of itself, kept in fn_extra.
struct CallSite {
  Pool* pools;
  MemoryContext context;  // of the query
  quantile::Kind kind;
  bool has_fraction;
  struct Handed {
    HandedFile name;
    Handed* next;
  };
  Handed* handed;  // files to be removed at the query's end: until then a later group may need them
  MemoryContextCallback at_end;
};

// The call site's pool in this aggregate context; raises XX000 when not called as an aggregate.
CallSite* call_site(FunctionCallInfo fcinfo);
Pool* pool_of(FunctionCallInfo fcinfo, CallSite* site);
QuantileState* new_state(Pool* pool, quantile::Kind kind);

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
// Reads `bytes` of an extent, from its byte `from` on, into `buffer`.
void read_extent(const Pool* pool, const Extent& extent, uint64 from, void* buffer, uint64 bytes);
// Moves the plain keys, or the wide values, to the pool's own file.
void spill_keys(QuantileState* state);
void spill_wide(QuantileState* state);
// Moves what is counted there too, each value as often as it came: the counts are 0 then.
void spill_counts(QuantileState* state);
// Writes at the end of the pool's own file, which is created if need be, and returns where.
off_t write_file(Pool* pool, const void* data, uint64 bytes);
// The pool's number for a file that was handed to this process; it is opened, and removed at the query's end.
uint32 adopt_file(Pool* pool, const HandedFile& name);
Extent* new_extent(QuantileState* state);
// Closes the files.
void close_files(Pool* pool);

// The result of a kind, from two neighbours and the way between them.
Datum interpolate(quantile::Kind kind, int groups, const quantile::Value& low, const quantile::Value& high, const quantile::Position& position);
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
Datum interpolate_at(const RankSource& source, const uint64* ranks, size_t rank_count, const quantile::Value* values, const quantile::Position& position);
Datum answer_one(const RankSource& source, float8 fraction, Statistic statistic);
Datum answer_many(const RankSource& source, ArrayType* fractions);

// The first argument of a final function, a QuantileState or a moving window's, as a source of ranks; false where the answer is NULL.
bool final_source(FunctionCallInfo fcinfo, RankSource* source);
// Raises 22P03 where other processes' states are of another kind than the final function's, which gives `type`, or bring no fractions of this shape.
void check_foreign(FunctionCallInfo fcinfo, const QuantileState* state, Oid type, quantile::Shape shape = quantile::Shape::none);
inline void check_foreign(FunctionCallInfo fcinfo, const RankSource& source, Oid type) {
  check_foreign(fcinfo, static_cast<const QuantileState*>(source.state), type);
}
bool moving_source(FunctionCallInfo fcinfo, RankSource* source);

// A window's argument as a value; its bytes, if it has any, stand in `place`, which has room for bytes_at_hand, or are palloc'd.
// The first numeric decides the scale.
constexpr Size bytes_at_hand = 256;
quantile::Value read_value(quantile::Kind kind, Datum argument, uint8* groups, bool* scale_known, void* place);

// key / 10^places without trailing zeros behind the point.
Datum scaled_numeric(int64 key, int places);
// A decimal's bytes in the stored form, made canonical by the server's own arithmetic.
Datum bytes_numeric(const quantile::Bytes* bytes);
Datum value_numeric(const quantile::Value& value, int groups);
Interval* value_interval(const quantile::Value& value);

}  // namespace dap::aggregate
