#include <cstring>

#include "engine/bag/text.h"
#include "engine/simd/kernels.h"
#include "pg/settings.h"

namespace dap {

bool setting_engine = true;
int setting_max_reject_bytes = 64 * 1024;
int setting_max_field_bytes = 16 * 1024 * 1024;
int setting_max_record_bytes = 64 * 1024 * 1024;
int setting_max_kept_rejects = 1000;
int setting_max_ingest_workers = -1;
int setting_max_refresh_workers = -1;
int setting_chunk_bytes = 256 * 1024;
int setting_longest_bag_text = bag::most_text;
int setting_largest_sent_state = MaxAllocSize - VARHDRSZ;

namespace {

char* simd_text = nullptr;

bool is_automatic(const char* name) { return std::strcmp(name, "auto") == 0; }

bool check_simd(char** value, void** /*extra*/, GucSource /*source*/) {
  if (is_automatic(*value)) return true;
  for (const simd::Kernels* kernels : simd::available())
    if (std::strcmp(kernels->name, *value) == 0) return true;
  GUC_check_errdetail("This server's processor or build has no such instruction set.");
  GUC_check_errhint("Use auto, or one of scalar, sse2, avx2 and avx512 that the processor has.");
  return false;
}

void assign_simd(const char* value, void* /*extra*/) { simd::select(value); }

}  // namespace

void define_settings() {
  DefineCustomBoolVariable("dap.engine", "Models run through the extension's own engine where it knows how.",
                           "off: all of them run as SQL; the results are the same.", &setting_engine, true, PGC_USERSET,
                           0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("dap.max_reject_bytes", "Bytes of a rejected record that the ledger keeps.", nullptr,
                          &setting_max_reject_bytes, 64 * 1024, 0, 256 * 1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable("dap.max_field_bytes", "A record with a longer field is rejected.", nullptr,
                          &setting_max_field_bytes, 16 * 1024 * 1024, 1, 256 * 1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable("dap.max_record_bytes", "A longer record is rejected.", nullptr, &setting_max_record_bytes,
                          64 * 1024 * 1024, 1, 512 * 1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("dap.max_kept_rejects", "Rejects of each failed file that are kept when a run fails.",
                          nullptr, &setting_max_kept_rejects, 1000, 0, 1000000, PGC_USERSET, 0, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("dap.max_ingest_workers", "Parallel workers that help to write one file's pages.",
                          "-1: as many as there are processors beside the leader's, at most 3. "
                          "max_parallel_maintenance_workers and max_parallel_workers bound it too.",
                          &setting_max_ingest_workers, -1, -1, 8, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("dap.max_refresh_workers", "Parallel workers that help with one step of a refresh.",
                          "-1: as many as there are processors beside the leader's, at most 7. "
                          "max_parallel_maintenance_workers and max_parallel_workers bound it too.",
                          &setting_max_refresh_workers, -1, -1, 7, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "dap.debug_largest_sent_state",
      "Bytes of an aggregate's state from which on a parallel worker leaves it to its leader in a temporary file.",
      "For tests; the results are the same.", &setting_largest_sent_state, MaxAllocSize - VARHDRSZ, 64,
      MaxAllocSize - VARHDRSZ, PGC_USERSET, GUC_UNIT_BYTE | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, nullptr, nullptr,
      nullptr);
  DefineCustomIntVariable(
      "dap.debug_longest_bag_text", "Bytes of a bag's text from which on it is written as base64 instead of values.",
      "For tests; the bags are the same.", &setting_longest_bag_text, bag::most_text, 2, bag::most_text, PGC_USERSET,
      GUC_UNIT_BYTE | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, nullptr, nullptr, nullptr);
  DefineCustomStringVariable("dap.simd", "Instruction set of the inner loops: auto, scalar, sse2, avx2 or avx512.",
                             "For tests and measurements; the results are the same with each.", &simd_text, "auto",
                             PGC_USERSET, GUC_NOT_IN_SAMPLE, check_simd, assign_simd, nullptr);
  DefineCustomIntVariable("dap.debug_chunk_bytes", "Bytes of a file that are read and scanned at a time.",
                          "For tests; the results are the same with each.", &setting_chunk_bytes, 256 * 1024, 1,
                          64 * 1024 * 1024, PGC_SUSET, GUC_UNIT_BYTE | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, nullptr,
                          nullptr, nullptr);
  MarkGUCPrefixReserved("dap");
}

}  // namespace dap
