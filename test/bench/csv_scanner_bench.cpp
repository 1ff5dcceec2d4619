// How fast files of several kinds are scanned, by kernel, in CPU time. Usage: csv_scanner_bench [kernel...]
#include <ctime>

#include <cstdio>
#include <cstring>
#include <random>
#include <string>

#include "engine/csv/scanner.h"
#include "engine/simd/kernels.h"

namespace {

constexpr std::size_t file_bytes = 100u << 20;
constexpr std::size_t chunk_bytes = 1u << 20;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct File {
  const char* name;
  std::uint32_t columns;
  std::string bytes;
};

// Repeats `format` with a running number and a random one.
File made(const char* name, std::uint32_t columns, const char* format) {
  File file{name, columns, {}};
  std::mt19937 random(1);
  char line[512];
  for (int i = 1; file.bytes.size() < file_bytes; i++) {
    const int n = std::snprintf(line, sizeof line, format, i, static_cast<int>(random() >> 12));
    file.bytes.append(line, static_cast<std::size_t>(n));
  }
  return file;
}

void run(const File& file) {
  double best = 1e9;
  std::size_t records = 0, rejects = 0;
  for (int round = 0; round < 5; round++) {
    records = rejects = 0;
    std::size_t fed = 0;
    const double start = cpu_seconds();
    dap::csv::Scanner scanner({}, {}, std::pmr::new_delete_resource());
    scanner.set_columns(file.columns);
    dap::csv::Batch batch;
    for (;;) {
      const dap::csv::Step step = scanner.next(batch, 1024);
      if (step == dap::csv::Step::batch) {
        records += batch.records.size();
        rejects += batch.rejects.size();
      } else if (step == dap::csv::Step::need_input) {
        const std::size_t size = std::min(chunk_bytes, file.bytes.size() - fed);
        if (size == 0) scanner.finish();
        else scanner.feed(file.bytes.data() + fed, size);
        fed += size;
      } else {
        break;
      }
    }
    best = std::min(best, cpu_seconds() - start);
  }
  std::printf("%-8s %-16s %6.2f GB/s %7.2f M records/s %7.2f M rejects/s\n", dap::simd::active().name, file.name,
              static_cast<double>(file.bytes.size()) / best / 1e9, static_cast<double>(records) / best / 1e6,
              static_cast<double>(rejects) / best / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  File one_value{"one huge value", 2, "1,\"" + std::string(file_bytes, 'x') + "\"\n"};
  const File files[] = {
      made("transactions", 4, "%d,%d,812.40,2024-05-17 11:23:45\n"),
      made("crlf", 4, "%d,%d,812.40,2024-05-17 11:23:45\r\n"),
      made("quoted", 3, "\"%d\",\"some, text %d\",\"say \"\"hi\"\"\"\n"),
      made("utf-8", 4, "%d,M\xC3\xBCller %d,\xE6\x97\xA5\xE6\x9C\xAC,x\n"),
      made("all rejected", 3, "%d,in\"side %d,x\n"),
      made("all invalid", 3, "%d,M\xFCller %d,x\n"),
      std::move(one_value),
  };
  for (const dap::simd::Kernels* kernels : dap::simd::available()) {
    bool wanted = argc == 1;
    for (int k = 1; k < argc; k++) wanted = wanted || std::strcmp(argv[k], kernels->name) == 0;
    if (!wanted) continue;
    dap::simd::select(kernels->name);
    for (const File& file : files) run(file);
  }
}
