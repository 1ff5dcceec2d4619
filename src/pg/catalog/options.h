// The options of a source and of a call. Which there are says option_table.h.
#pragma once

#include "bridge/pg.h"
#include "pg/file/byte_source.h"

namespace dap {

enum class NewColumn : unsigned char { add, stop, ignore };

struct Alias {
  char* header;
  char* column;
};

struct SourceOptions {
  char delimiter;
  char quote;  // 0: none
  char escape;
  bool header;
  char* null_text;
  int encoding;
  Compression compression;
  bool lenient;
  bool stop_on_error;
  int64 max_rejects;  // -1: no limit
  double max_reject_percent;
  bool set_aside;
  NewColumn on_new_column;
  Alias* aliases;
  int alias_count;
  char** optional;
  int optional_count;
  bool arrival_by_name;
  int64 settle_us;
  bool again;         // calls only
  bool skip_rejects;  // read_csv only
  int64 limit;        // read_csv only; -1: none
};

// Where an option may be given: with a source, which keeps it; to dap.create_source alone; for one call that loads or
// retries; to dap.read_csv; to dap.sniff_csv.
enum class OptionScope : unsigned char { source, create, call, read, sniff };

// Defaults, overlaid by `definition`, overlaid by `call` (either may be NULL), which is of that scope. Raises 22023 for
// unknown keys and unusable values.
SourceOptions* parse_options(Jsonb* definition, Jsonb* call, OptionScope scope);

// Does the object, if there is one, hold this key?
bool is_given(Jsonb* options, const char* key);

}  // namespace dap
