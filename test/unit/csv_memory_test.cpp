// What the scanner allocates: from its resource alone, little of it, and nothing is left or broken when there is no
// more.
#include <gtest/gtest.h>

#include <memory_resource>
#include <new>
#include <set>

#include "csv_support.h"

namespace dap::csv::test {
namespace {

class Meter : public std::pmr::memory_resource {
 public:
  std::size_t used = 0, peak = 0, calls = 0;
  std::size_t fail_at = static_cast<std::size_t>(-1);  // this call throws

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    if (++calls == fail_at) throw std::bad_alloc();
    used += size;
    peak = std::max(peak, used);
    return ::operator new(size, std::align_val_t(alignment));
  }
  void do_deallocate(void* p, std::size_t size, std::size_t alignment) override {
    used -= size;
    ::operator delete(p, size, std::align_val_t(alignment));
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// Feeds `before`, then `filling` again and again up to `total` bytes, then `after`; returns all rejects and the number
// of records.
struct Long {
  std::vector<Bad> bad;
  std::size_t records = 0;
  Reason error = Reason::none;
};

Long scan_long(const std::string& before, const std::string& filling, std::uint64_t total, const std::string& after,
               const Options& options, Meter& meter) {
  Long result;
  Scanner scanner(options.dialect, options.limits, &meter);
  scanner.set_columns(options.columns);
  std::uint64_t fed = 0;
  int phase = 0;
  Batch batch;
  for (;;) {
    const Step step = scanner.next(batch, 1000);
    if (step == Step::call_again) continue;
    if (step == Step::batch) {
      result.records += batch.records.size();
      for (const Reject& r : batch.rejects)
        result.bad.push_back(
            {r.line, r.offset, reason_code(r.reason), r.column, r.fields_found, std::string(r.raw), r.raw_size});
    } else if (step == Step::need_input) {
      if (phase == 0) {
        scanner.feed(before.data(), before.size());
        phase = 1;
      } else if (phase == 1 && fed < total) {
        scanner.feed(filling.data(), filling.size());
        fed += filling.size();
      } else if (phase == 1) {
        scanner.feed(after.data(), after.size());
        phase = 2;
      } else {
        scanner.finish();
      }
    } else {
      result.error = scanner.file_error();
      return result;
    }
  }
}

Options small_limits() {
  Options options;
  options.columns = 2;
  options.limits.field_bytes = 1u << 20;
  options.limits.record_bytes = 2u << 20;
  options.limits.reject_bytes = 1000;
  return options;
}

TEST(CsvMemory, QuotedFieldOfAGigabyte) {
  Meter meter;
  const std::uint64_t total = std::uint64_t{1} << 30;
  const std::string filling(1u << 16, 'x');
  const Long got = scan_long("1,2\n1,\"", filling, total, "\"\n3,4\n", small_limits(), meter);
  EXPECT_EQ(got.records, 2u);
  ASSERT_EQ(got.bad.size(), 1u);
  EXPECT_EQ(got.bad[0].reason, "field_too_long");
  EXPECT_EQ(got.bad[0].column, 1);
  EXPECT_EQ(got.bad[0].line, 2u);
  EXPECT_EQ(got.bad[0].raw, "1,\"" + std::string(997, 'x'));
  EXPECT_EQ(got.bad[0].raw_size, total + 4);
  EXPECT_LT(meter.peak, 5u << 20);
  EXPECT_EQ(meter.used, 0u);
}

TEST(CsvMemory, RecordOfManyFieldsAndLines) {
  Meter meter;
  const std::uint64_t total = std::uint64_t{64} << 20;
  std::string filling;
  for (int k = 0; k < 10000; k++) filling += ",\"\n\"\"\"";
  const Long got = scan_long("1", filling, total, "\n3,4\n", small_limits(), meter);
  EXPECT_EQ(got.records, 1u);
  ASSERT_EQ(got.bad.size(), 1u);
  EXPECT_EQ(got.bad[0].reason, "record_too_long");
  EXPECT_EQ(got.bad[0].column, -1);
  EXPECT_LT(meter.peak, 6u << 20);
}

TEST(CsvMemory, UnterminatedQuote) {
  Meter meter;
  const Long got = scan_long("1,\"", std::string(1u << 20, '\n'), std::uint64_t{1} << 24, "", small_limits(), meter);
  EXPECT_EQ(got.error, Reason::unclosed_quote);
  EXPECT_LT(meter.peak, 5u << 20);
}

TEST(CsvMemory, ManyRecordsAndRejectsInOneChunk) {
  Meter meter;
  std::string filling;
  while (filling.size() < (16u << 20)) filling += "1,\"a\"\"b\"\n\"x\n\",\"\"\n1\n";
  const Long got = scan_long("", filling, 1, "", small_limits(), meter);
  EXPECT_EQ(got.error, Reason::none);
  EXPECT_GT(got.records, 800000u);
  EXPECT_GT(got.bad.size(), 800000u);
  EXPECT_LT(meter.peak, 4u << 20);
}

TEST(CsvMemory, LongRecordsAreAcceptedAndTheirMemoryReturned) {
  Meter meter;
  Options options;
  options.columns = 2;
  std::string record = "\"" + std::string(12u << 20, 'x') + "\"\"\"," + std::string(15u << 20, 'y') + "\n";
  const Long got = scan_long(record, "1,2\n", 1000, record, options, meter);
  EXPECT_EQ(got.records, 252u);
  EXPECT_TRUE(got.bad.empty());
  EXPECT_LT(meter.peak, 100u << 20);
}

// A long record's values take the place of its bytes: no second copy of them, and what a reject would show of it is
// still there.
TEST(CsvMemory, LongRecordIsNotHeldTwice) {
  for (const bool backslash : {false, true}) {
    Options options;
    options.columns = 4;
    options.dialect.lenient = true;
    if (backslash) options.dialect.escape = '\\';
    options.limits.reject_bytes = 1000;
    std::string inside, value;
    for (int k = 0; inside.size() < (3u << 20); k++) {
      inside += backslash ? "\\\"\\\\\\n" : "\"\"\n\"\",";
      value += backslash ? "\"\\\\n" : "\"\n\",";
      inside.append(static_cast<std::size_t>(k % 97), static_cast<char>('a' + k % 26));
      value.append(static_cast<std::size_t>(k % 97), static_cast<char>('a' + k % 26));
    }
    const std::string record = "plain,\"" + inside + "\",\"" + inside + "\" and more\",\"" + inside + "\"";
    Meter meter;
    const Outcome got = scan("1,2,3,4\n" + record + "\n5,6,7,8\n", options, {{1u << 18}}, &meter);
    EXPECT_TRUE(got.bad.empty());
    ASSERT_EQ(got.rows.size(), 2u);
    EXPECT_TRUE(got.rows[0].values == (std::vector<Value>{"plain", value, value + "\" and more", value}));
    EXPECT_EQ(got.rows[0].raw, record.substr(0, 1000));
    EXPECT_EQ(got.rows[1].raw, "5,6,7,8");
    // Room for the longest record there may be, and little else.
    EXPECT_LT(meter.peak, options.limits.record_bytes + (4u << 20));
  }
}

// Its memory can be given back as soon as its values were used.
TEST(CsvMemory, LongRecordIsGivenBack) {
  Meter meter;
  Options options;
  Scanner scanner(options.dialect, options.limits, &meter);
  scanner.set_columns(2);
  const std::string head = "1,2\n3,", filling(1u << 18, 'x'), end = "\n5,6\n";
  std::size_t fed = 0;
  Batch batch;
  std::size_t records = 0;
  for (Step step; (step = scanner.next(batch, 100)) != Step::end;) {
    ASSERT_NE(step, Step::failed);
    if (step == Step::batch) {
      records += batch.records.size();
      if (batch.records[0].raw_size < (1u << 20)) continue;
      EXPECT_EQ(batch.records.size(), 1u);  // alone, whatever follows it in the same chunk
      EXPECT_EQ(batch.fields[1].size, 40u << 18);
      EXPECT_GT(meter.used, 10u << 20);
      scanner.release_record();
      EXPECT_LT(meter.used, 4u << 20);
    } else if (fed == 0) {
      scanner.feed(head.data(), head.size());
      fed++;
    } else if (fed <= 40) {
      scanner.feed(filling.data(), filling.size());
      fed++;
    } else if (fed == 41) {
      scanner.feed(end.data(), end.size());
      fed++;
    } else {
      scanner.finish();
    }
  }
  EXPECT_EQ(records, 3u);
}

TEST(CsvMemory, WideHeaderIsBounded) {
  Meter meter;
  Options options;
  const Outcome got = scan(std::string(60u << 20, ','), options, {}, &meter);
  ASSERT_EQ(got.bad.size(), 1u);
  EXPECT_EQ(got.bad[0].reason, "field_count");
  EXPECT_EQ(got.bad[0].fields_found, (60u << 20) + 1);
  EXPECT_LT(meter.peak, 200u << 20);
}

// Every allocation may fail, and nothing may be lost by it.
TEST(CsvMemory, OutOfMemoryIsBadAllocAndLeaksNothing) {
  std::string file = "a,b\n1,\"2\"\"\"\nx\n";
  file += "\"" + std::string(300000, 'q') + "\"\"\",2\n1,2";
  Options options;
  options.dialect.null_text = "NULL";
  const Feeding feeding{{4000}, 1000, false};
  Meter all;
  const Outcome expected = scan(file, options, feeding, &all);
  ASSERT_GT(all.calls, 8u);
  for (std::size_t k = 1; k <= all.calls; k++) {
    Meter meter;
    meter.fail_at = k;
    EXPECT_THROW(scan(file, options, feeding, &meter), std::bad_alloc) << k;
    EXPECT_EQ(meter.used, 0u) << k;
  }
  EXPECT_EQ(expected.rows.size(), 3u);
}

}  // namespace
}  // namespace dap::csv::test
