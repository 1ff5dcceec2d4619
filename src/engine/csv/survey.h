// What a file's bytes say before anybody knows its dialect: encoding, line ends, and which delimiter splits it evenly.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/csv/scanner.h"

namespace dap::csv {

// Counts over all of a file's bytes, given in chunks of any size.
class ByteSurvey {
 public:
  explicit ByteSurvey(char quote) noexcept : quote_(quote) {}

  void add(const char* data, std::size_t size) noexcept;
  void finish() noexcept;

  bool is_utf8() const noexcept { return utf8_; }
  bool has_nul() const noexcept { return nul_; }
  bool has_bom() const noexcept { return bom_; }
  // Bytes that LATIN1 has as control characters and WIN1252 as letters and signs; and those that WIN1252 lacks.
  bool has_c1_bytes() const noexcept { return c1_; }
  bool has_win1252_gaps() const noexcept { return gaps_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  // Line ends outside quotes, as far as the number of quotes before them tells.
  std::uint64_t lf() const noexcept { return lf_; }
  std::uint64_t crlf() const noexcept { return crlf_; }
  std::uint64_t cr() const noexcept { return cr_; }

 private:
  void check_utf8(const char* data, std::size_t size) noexcept;

  char quote_;
  bool utf8_ = true, nul_ = false, bom_ = false, c1_ = false, gaps_ = false;
  bool quoted_ = false, after_cr_ = false;
  unsigned char tail_[4] = {};  // the beginning of a character that the next chunk goes on with
  std::size_t tail_size_ = 0;
  unsigned char head_[3] = {};
  std::uint64_t bytes_ = 0, lf_ = 0, crlf_ = 0, cr_ = 0;
};

// How evenly one delimiter splits a sample.
struct DelimiterScore {
  char delimiter;
  std::uint64_t fields;  // of the first record without a fault; 0: none
  std::uint64_t even;    // records with as many fields as the first
  std::uint64_t uneven;  // other records
  // Of the records after the first; 1 where there are none.
  double share() const noexcept {
    return even + uneven == 0 ? 1.0 : static_cast<double>(even) / static_cast<double>(even + uneven);
  }
};

inline constexpr char common_delimiters[] = {',', ';', '\t', '|'};
inline constexpr int common_delimiter_count = 4;

struct DelimiterGuess {
  DelimiterScore scores[common_delimiter_count];
  int best;      // index of the best score; -1: no delimiter gives more than one field
  int rival;     // one that is as even as the best; -1: none
  bool stopped;  // the caller's flag was set: it says nothing
};

// A flag of the caller's that ends the reading early, NULL: none.
using StopFlag = const volatile std::sig_atomic_t*;

// Splits the sample, a file's beginning, by each of the common delimiters. `whole`: the file ends with the sample.
// Throws std::bad_alloc only.
DelimiterGuess guess_delimiter(const char* sample, std::size_t size, bool whole, const Dialect& dialect,
                               StopFlag stop = nullptr,
                               std::pmr::memory_resource* memory = std::pmr::new_delete_resource());

// What a dialect makes of the quotes in a sample.
struct QuoteUse {
  std::uint64_t quoted;  // records with a field that begins with the quote
  // records in which a quote stands where none may; one that is never closed counts if the file ends with the sample
  std::uint64_t faults;
  bool stopped;  // the caller's flag was set: it says nothing
};

// Reads the sample strictly. Throws std::bad_alloc only.
QuoteUse quote_use(const char* sample, std::size_t size, bool whole, const Dialect& dialect, StopFlag stop = nullptr);

}  // namespace dap::csv
