// The scanner against the reference: random dialects, limits, files, chunks, batches; every kernel.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "csv_reference_support.h"
#include "csv_support.h"
#include "engine/simd/kernels.h"

namespace dap::csv::test {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <typename T, std::size_t n>
  const T& pick(const T (&of)[n]) {
    return of[below(n)];
  }

 private:
  std::mt19937_64 engine_;
};

Options random_options(Dice& dice) {
  Options o;
  if (dice.one_in(2)) {
    const char delimiters[] = {';', '\t', '|', 'e', ' ', '\xA7'};
    const char quotes[] = {'\'', '"', 0, '\x01'};
    const char escapes[] = {'\\', '"', '\'', 0, 'f', '\x01'};
    o.dialect.delimiter = dice.pick(delimiters);
    o.dialect.quote = dice.pick(quotes);
    o.dialect.escape = dice.pick(escapes);
  }
  o.dialect.lenient = dice.one_in(2);
  o.dialect.validate_utf8 = static_cast<unsigned char>(o.dialect.delimiter) < 0x80 && !dice.one_in(4);
  const char* const nulls[] = {"", "", "", "NULL", "a", "-"};
  o.dialect.null_text = dice.pick(nulls);
  if (dice.one_in(3)) o.limits.field_bytes = dice.below(dice.one_in(2) ? 12 : 20000);
  if (dice.one_in(3)) o.limits.record_bytes = dice.below(dice.one_in(2) ? 40 : 40000);
  if (dice.one_in(2)) o.limits.reject_bytes = dice.below(dice.one_in(2) ? 10 : 30000);
  if (dice.one_in(2)) o.limits.step_bytes = dice.below(dice.one_in(2) ? 10 : 1000);
  o.header = !dice.one_in(3);
  o.columns = static_cast<std::uint32_t>(1 + dice.below(4));
  return o;
}

void add_noise(Dice& dice, const Dialect& d, std::string& file) {
  const std::string tokens[] = {std::string(1, d.delimiter),
                                std::string(1, d.quote),
                                std::string(2, d.quote),
                                std::string(1, d.escape),
                                "\n",
                                "\r",
                                "\r\n",
                                "\n\n",
                                "a",
                                "NULL",
                                std::string(1, '\0'),
                                "\xC3\xBC",
                                "\xE2\x82\xAC",
                                "\xF0\x9F\x98\x8E",
                                "\xC3",
                                "\xED\xA0\x80",
                                "\xEF\xBB\xBF",
                                "\xF4\x90\x80\x80",
                                "\xC0\x80",
                                " ",
                                std::string(dice.below(80), 'x')};
  file += dice.pick(tokens);
}

std::string random_value(Dice& dice, const Dialect& d) {
  const char* const texts[] = {"",
                               "a",
                               "12345",
                               "2024-01-31",
                               "name@example.org",
                               "NULL",
                               "-",
                               "M\xC3\xBCnchen",
                               "\xE6\x97\xA5\xE6\x9C\xAC",
                               "\xF0\x9F\x98\x8E"};
  std::string value = dice.pick(texts);
  if (dice.one_in(40)) value += std::string(dice.below(300), 'y');
  if (dice.one_in(1500)) value += std::string(dice.below(40000), 'z');
  if (d.quote == 0 || !dice.one_in(4)) return value;
  // Quoted, with whatever needs it.
  std::string quoted(1, d.quote);
  const char escape = d.escape == 0 ? d.quote : d.escape;
  for (std::size_t k = dice.below(4); k > 0; k--) {
    const std::string inner[] = {std::string(1, d.delimiter),
                                 std::string{escape, d.quote},
                                 std::string{escape, escape},
                                 escape == d.quote ? std::string("n") : std::string{escape, 'n'},
                                 "\n",
                                 "\r\n",
                                 "\r",
                                 "word"};
    value += dice.pick(inner);
  }
  if (dice.one_in(50)) add_noise(dice, d, value);
  if (dice.one_in(1000))
    for (std::size_t k = dice.below(20000); k > 0; k--) value += d.delimiter;
  return quoted + value + d.quote;
}

std::string random_file(Dice& dice, const Options& o) {
  std::string file;
  if (dice.one_in(20)) file += "\xEF\xBB\xBF";
  if (dice.one_in(3)) {  // all noise
    for (std::size_t k = dice.below(60); k > 0; k--) add_noise(dice, o.dialect, file);
    return file;
  }
  const char* const ends[] = {"\n", "\n", "\r\n", "\r"};
  const char* end = dice.pick(ends);
  if (dice.one_in(3)) {  // quotes out of place, with whole lines between them
    const std::string line = [&] {
      std::string text = "1";
      for (std::size_t k = 1; k < o.columns; k++) text += o.dialect.delimiter + std::string("x");
      return text;
    }();
    const std::string pieces[] = {std::string(1, o.dialect.quote),
                                  std::string(1, o.dialect.quote),
                                  std::string(2, o.dialect.quote),
                                  std::string(1, o.dialect.delimiter),
                                  std::string(1, o.dialect.escape),
                                  "a",
                                  end,
                                  end + line + end,
                                  line,
                                  dice.one_in(4) ? "\r" : "b",
                                  dice.one_in(4) ? "\xFF" : "c"};
    if (dice.one_in(2)) file += line + end;
    for (std::size_t k = 5 + dice.below(40); k > 0; k--) file += dice.pick(pieces);
    return file;
  }
  const std::size_t columns = o.columns;
  const std::size_t noise = dice.one_in(2) ? 1000000 : dice.one_in(2) ? 300 : 10;
  for (std::size_t rows = dice.below(dice.one_in(8) ? 1500 : 30); rows > 0; rows--) {
    for (std::size_t k = 0; k < columns; k++) {
      if (k > 0) file += o.dialect.delimiter;
      file += random_value(dice, o.dialect);
      if (dice.one_in(noise)) add_noise(dice, o.dialect, file);
    }
    if (rows > 1 || dice.one_in(2)) file += dice.one_in(50) ? "\r\n" : end;
  }
  if (dice.one_in(4)) {
    for (std::size_t k = 1 + dice.below(3); k > 0 && !file.empty(); k--) {
      std::string noise;
      add_noise(dice, o.dialect, noise);
      file.insert(dice.below(file.size()), noise);
    }
  }
  return file;
}

Feeding random_feeding(Dice& dice) {
  Feeding feeding;
  if (!dice.one_in(4)) {
    const std::size_t sizes[] = {1, 2, 3, 8, 63, 64, 65, 1000, 16384, 20000};
    for (std::size_t k = 1 + dice.below(3); k > 0; k--) feeding.chunks.push_back(1 + dice.below(dice.pick(sizes)));
  }
  feeding.max_records = dice.one_in(2) ? 1 + dice.below(5) : 1000;
  feeding.finish_early = dice.one_in(2);
  return feeding;
}

TEST(CsvDifferential, AgreesWithTheReference) {
  const char* wanted = std::getenv("DAP_TEST_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device()();
  const char* more = std::getenv("DAP_TEST_ROUNDS");
  const std::size_t rounds = more != nullptr ? std::strtoull(more, nullptr, 10) : 1500;
  std::printf("DAP_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Dice dice(seed);
  std::size_t good = 0, bad = 0;
  for (std::size_t round = 0; round < rounds; round++) {
    const Options options = random_options(dice);
    const std::string file = random_file(dice, options);
    const Outcome expected = reference(file, options);
    good += expected.rows.size();
    bad += expected.bad.size();
    for (const simd::Kernels* kernels : simd::available()) {
      ASSERT_TRUE(simd::select(kernels->name));
      for (int k = 0; k < 2; k++) {
        const Feeding feeding = k == 0 ? Feeding{} : random_feeding(dice);
        const Outcome got = scan(file, options, feeding);
        if (got == expected) continue;
        std::string chunks;
        for (const std::size_t size : feeding.chunks) chunks += std::to_string(size) + " ";
        const Dialect& d = options.dialect;
        FAIL() << "round " << round << ", " << kernels->name << ", chunks of " << chunks << "records at once "
               << feeding.max_records << "\ndelimiter " << show({&d.delimiter, 1}) << " quote " << show({&d.quote, 1})
               << " escape " << show({&d.escape, 1}) << " lenient " << d.lenient << " validate " << d.validate_utf8
               << " null " << d.null_text << " field " << options.limits.field_bytes << " record "
               << options.limits.record_bytes << " header " << options.header << " columns " << options.columns
               << "\nfile " << show(file).substr(0, 2000) << "\ngot\n"
               << show(got).substr(0, 3000) << "expected\n"
               << show(expected).substr(0, 3000);
      }
    }
  }
  simd::select("auto");
  std::printf("%zu records, %zu rejects\n", good, bad);
}

}  // namespace
}  // namespace dap::csv::test
