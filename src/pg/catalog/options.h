// The options of a source and of a call, as §"options" of dap.create_source documents them.
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

// Which keys are allowed besides the common ones.
enum class OptionScope : unsigned char { source, call, read };

// Defaults, overlaid by `definition`, overlaid by `call` (either may be NULL). Raises 22023 for unknown keys and
// unusable values.
SourceOptions* parse_options(Jsonb* definition, Jsonb* call, OptionScope scope);

}  // namespace dap
