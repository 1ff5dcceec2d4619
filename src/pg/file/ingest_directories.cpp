#include "pg/file/ingest_directories.h"

#include "pg/file/access.h"

namespace dap {
namespace {

char* directories_text = nullptr;

// Splits the list as PostgreSQL does its own directory lists: commas apart, entries may be double-quoted, case kept.
bool split_directories(const char* text, List** entries) { return SplitDirectoriesString(pstrdup(text), ',', entries); }

bool check_ingest_directories(char** value, void** /*extra*/, GucSource /*source*/) {
  List* entries = NIL;
  if (!split_directories(*value, &entries)) {
    GUC_check_errdetail("List syntax is invalid.");
    return false;
  }
  ListCell* cell;
  foreach (cell, entries) {
    const char* entry = static_cast<const char*>(lfirst(cell));
    if (!is_absolute_path(entry)) {
      GUC_check_errdetail("Entry \"%s\" is not an absolute path.", entry);
      return false;
    }
  }
  return true;
}

}  // namespace

void define_ingest_directories() {
  // GUC_LIST_QUOTE is for core's own lists; without it the list is written as one string: '/a, /b'.
  DefineCustomStringVariable("dap.ingest_directories",
                             "Directories that ingest may read for those who are no members of pg_read_server_files.",
                             "A comma-separated list of absolute paths. Relative paths are looked up below each.",
                             &directories_text, "", PGC_SUSET, GUC_LIST_INPUT, check_ingest_directories, nullptr,
                             nullptr);
}

List* ingest_directories() {
  List* entries = NIL;
  if (!split_directories(ingest_directories_text(), &entries)) return NIL;  // the check hook has seen to it
  ListCell* cell;
  foreach (cell, entries) lfirst(cell) = tidy_path(static_cast<const char*>(lfirst(cell)));
  return entries;
}

const char* ingest_directories_text() { return directories_text != nullptr ? directories_text : ""; }

}  // namespace dap
