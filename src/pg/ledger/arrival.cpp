#include "pg/ledger/arrival.h"

#include <cstring>

#include "bridge/query.h"
#include "pg/catalog/options.h"
#include "pg/file/byte_source.h"

namespace dap {
namespace {

struct NamedFile {
  int32 file_id;
  const char* path;
};

const char* base_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash ? slash + 1 : path;
}

int compare_by_name(const void* a, const void* b) {
  CHECK_FOR_INTERRUPTS();
  const auto *left = static_cast<const NamedFile*>(a), *right = static_cast<const NamedFile*>(b);
  if (int order = natural_compare(base_name(left->path), base_name(right->path))) return order;
  if (int order = std::strcmp(left->path, right->path)) return order;
  return left->file_id < right->file_id ? -1 : 1;
}

int compare_by_file(const void* a, const void* b) {
  int32 left = static_cast<const ArrivalRank*>(a)->file_id, right = static_cast<const ArrivalRank*>(b)->file_id;
  return left < right ? -1 : left > right;
}

}  // namespace

ArrivalRank* arrival_ranks(int32 source_id, int* count) {
  Parameter parameter = int4_parameter(source_id);
  ResultRows options = query_rows("SELECT d.options FROM dap_internal.source_definition d WHERE d.source_id = $1",
                                  &parameter, 1, CurrentMemoryContext, ReadAt::active_snapshot);
  if (options.rows == 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("source %d is not defined any more", source_id),
                    errhint("Define the model that reads it again with or_replace, or drop it.")));
  bool by_name = parse_options(DatumGetJsonbP(options.values[0]), nullptr, OptionScope::source)->arrival_by_name;
  ResultRows files = query_rows(
      "SELECT l.file_id, l.path FROM dap_internal.file_ledger l WHERE l.source_id = $1 AND l.status = 'loaded' ORDER "
      "BY l.file_id",
      &parameter, 1, CurrentMemoryContext, ReadAt::active_snapshot);
  *count = files.rows;
  auto* named = static_cast<NamedFile*>(palloc(sizeof(NamedFile) * static_cast<Size>(files.rows + 1)));
  for (int i = 0; i < files.rows; i++)
    named[i] = {DatumGetInt32(files.values[2 * i]), TextDatumGetCString(files.values[2 * i + 1])};
  if (by_name) qsort(named, static_cast<Size>(files.rows), sizeof(NamedFile), compare_by_name);
  auto* ranks = static_cast<ArrivalRank*>(palloc(sizeof(ArrivalRank) * static_cast<Size>(files.rows + 1)));
  for (int i = 0; i < files.rows; i++) ranks[i] = {named[i].file_id, i};
  qsort(ranks, static_cast<Size>(files.rows), sizeof(ArrivalRank), compare_by_file);
  return ranks;
}

}  // namespace dap
