// Writes sample files of the three built-in sources, the same ones for the same seed on every machine:
//   generate --dir DIR [--seed N] [--users N] [--onboarding N] [--transactions N] [--files N] [--days N]
//   [--corrections N] [--clean] [--quoted] [--wide] [--gzip]
// Unless --clean, they hold what real files hold: records sent again, corrected ones, records of unknown users, values
// that fit no type, lines that are no records (together under 1 % of any file), a file sent twice, other line ends, a
// byte order mark, another order of columns.  --corrections has clean files send N of ten thousand records again,
// changed or not, and a few that name users that nobody knows.  --days is how many days onboarding records and
// transactions spread over, 900 at most.  --quoted quotes every field and ends the last one of every hundredth
// transaction with a line end, --wide adds twenty columns to the transactions.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Plan {
  std::string dir;
  uint64_t seed = 1;
  uint64_t users = 20000;
  uint64_t onboarding = 30000;
  uint64_t transactions = 200000;
  uint64_t files = 4;
  uint64_t days = 546;  // to 2025-06-29
  uint64_t corrections = 0;
  bool clean = false;
  bool quoted = false;
  bool wide = false;
  bool gzip = false;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "generate: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64: the standard's distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // A number in 0..bound-1 (bound below 2^32 keeps the bias under 2^-32).
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  bool chance(uint64_t in_ten_thousand) { return below(10000) < in_ten_thousand; }

 private:
  static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

// One output file with its own buffer; fields are appended in place.
class CsvFile {
 public:
  CsvFile(const Plan& plan, const std::string& name, std::string_view header, std::string_view line_end = "\n",
          std::string_view prefix = "")
      : path_(plan.dir + "/" + name), quoted_(plan.quoted), line_end_(line_end) {
    file_ = std::fopen(path_.c_str(), "wb");
    if (!file_) fail(path_);
    buffer_.reserve(kFlushAt + 65536);
    buffer_ += prefix;
    buffer_ += header;
    buffer_ += line_end_;
  }
  CsvFile(const CsvFile&) = delete;
  CsvFile& operator=(const CsvFile&) = delete;
  ~CsvFile() {
    flush();
    if (std::fclose(file_) != 0) fail(path_);
  }

  const std::string& path() const { return path_; }

  CsvFile& field(std::string_view text) {
    separate();
    const bool quote = quoted_ || text.find_first_of(",\"\r\n") != std::string_view::npos;
    if (!quote) {
      buffer_ += text;
      return *this;
    }
    buffer_ += '"';
    for (char c : text) {
      if (c == '"') buffer_ += '"';
      buffer_ += c;
    }
    buffer_ += '"';
    return *this;
  }

  CsvFile& number(uint64_t value) {
    char digits[20];
    char* end = digits + sizeof digits;
    char* p = end;
    do {
      *--p = static_cast<char>('0' + value % 10);
    } while (value /= 10);
    return field({p, static_cast<size_t>(end - p)});
  }

  void end() {
    raw(line_end_);
    first_ = true;
    if (buffer_.size() >= kFlushAt) flush();
  }

  // A line as it stands, which need not be a record.
  void line(std::string_view text) {
    buffer_ += text;
    end();
  }

  void raw(std::string_view text) { buffer_ += text; }

 private:
  static constexpr size_t kFlushAt = size_t{1} << 20;

  void separate() {
    if (!first_) buffer_ += ',';
    first_ = false;
  }

  void flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) fail(path_);
    buffer_.clear();
  }

  std::string path_;
  std::string buffer_;
  std::FILE* file_ = nullptr;
  bool quoted_;
  bool first_ = true;
  std::string_view line_end_;
};

// Days from 1970-01-01 to a date (Hinnant, "chrono-compatible low-level date algorithms").
struct Date {
  int year;
  unsigned month;
  unsigned day;
};

Date date_of(int64_t days) {
  days += 719468;
  const int64_t era = days / 146097;
  const unsigned doe = static_cast<unsigned>(days - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int>(yoe + era * 400 + (month <= 2)), month, doy - (153 * mp + 2) / 5 + 1};
}

constexpr int64_t kFirstDay = 19723;  // 2024-01-01, so that the days hold a 29 February
constexpr int64_t kMaxDays = 900;

void two(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

std::string day_text(int64_t days) {
  const Date date = date_of(days);
  std::string text = "0000-00-00";
  two(&text[0], static_cast<unsigned>(date.year) / 100);
  two(&text[2], static_cast<unsigned>(date.year) % 100);
  two(&text[5], date.month);
  two(&text[8], date.day);
  return text;
}

// The texts of all days, made once: ten million records ask for them.
const std::string& day_text_cached(int64_t day) {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> all;
    for (int64_t d = 0; d < kMaxDays + 46; d++) all.push_back(day_text(kFirstDay + d));
    return all;
  }();
  return texts[static_cast<size_t>(day)];
}

std::string time_text(int64_t day, uint64_t second) {
  std::string text = day_text_cached(day) + " 00:00:00";
  two(&text[11], static_cast<unsigned>(second / 3600));
  two(&text[14], static_cast<unsigned>(second / 60 % 60));
  two(&text[17], static_cast<unsigned>(second % 60));
  return text;
}

std::string amount_text(uint64_t cents) {
  std::string text = std::to_string(cents / 100) + ".00";
  two(&text[text.size() - 2], static_cast<unsigned>(cents % 100));
  return text;
}

std::string numbered(std::string_view name, uint64_t number) {
  char suffix[16];
  std::snprintf(suffix, sizeof suffix, "_%03u.csv", static_cast<unsigned>(number));
  return std::string(name) + suffix;
}

template <size_t N>
std::string_view pick(Random& random, const std::string_view (&list)[N]) {
  return list[random.below(N)];
}

uint64_t unknown_user(const Plan& plan, Random& random) { return plan.users + 1 + random.below(plan.users / 100 + 1); }

// A broken line in one of the ways that transfers and hand edits break them.
void broken_line(CsvFile& file, Random& random, uint64_t id, std::string_view rest, std::string_view whole) {
  const std::string number = std::to_string(id);
  switch (random.below(4)) {
    case 0: return file.line(number);
    case 1: return file.line(number + "," + std::string(whole) + ",extra");
    case 2: return file.line(number + ",12\"34," + std::string(rest));
    default: return file.line("\"" + number + "\"x," + std::string(rest));
  }
}

constexpr std::string_view kGivenNames[] = {"Ada",       "Bo",      "Chidi",  "Dana", "Élodie", "Farid", "Grete",
                                            "Hana",      "İnci",    "Jürgen", "Kōji", "Lucía",  "Mei",   "Noor",
                                            "Oluwaseun", "Priya",   "Quinn",  "Rosa", "Søren",  "Tariq", "Uma",
                                            "Víctor",    "Wanjiru", "Xenia",  "Yara", "Zoë"};
constexpr std::string_view kFamilyNames[] = {"Abara",    "Berg",   "Castro", "D'Souza",  "Eze",
                                             "Fischer",  "García", "Hansen", "Ito",      "Jansen, Jr.",
                                             "Kowalski", "Larsen", "Müller", "Nakamura", "O'Brien \"Bob\"",
                                             "Petrov",   "Rossi",  "Silva",  "Tanaka",   "Yılmaz"};

void user_record(CsvFile& file, Random& random, uint64_t id, int64_t day, bool other_order, bool dirty) {
  const std::string name = std::string(pick(random, kGivenNames)) + " " + std::string(pick(random, kFamilyNames));
  const bool shout = random.chance(500);
  const std::string email =
      (shout ? "USER" : "user") + std::to_string(id) + (random.chance(5000) ? "@example.com" : "@example.org");
  const std::string phone = random.chance(300) ? "" : "+49" + std::to_string(1000000000 + random.below(8999999999));
  std::string created = random.chance(100) ? "" : time_text(day, random.below(86400));
  if (dirty && random.chance(30)) created = random.chance(5000) ? "2024-13-45 00:00:00" : "31/12/2024";
  const std::string number = dirty && random.chance(10) ? "U" + std::to_string(id) : std::to_string(id);
  if (other_order) {
    file.field(number).field(email).field(name).field(created).field(phone).end();
  } else {
    file.field(number).field(name).field(email).field(phone).field(created).end();
  }
}

void write_users(const Plan& plan, Random& random) {
  const bool dirty = !plan.clean;
  CsvFile first(plan, numbered("users", 1), "user_id,name,email,phone,created_at", dirty ? "\r\n" : "\n");
  for (uint64_t id = 1; id <= plan.users; id++) {
    const int64_t day = static_cast<int64_t>(id * 300 / (plan.users + 1));
    user_record(first, random, id, day, false, dirty);
    if (dirty && random.chance(15))
      broken_line(first, random, id, "a@example.com,,2024-01-01", "A,a@example.com,,2024-01-01");
  }
  if (plan.corrections > 0) {
    CsvFile news(plan, numbered("users", 2), "user_id,name,email,phone,created_at");
    for (uint64_t n = 0; n < plan.users * plan.corrections / 10000; n++) {
      user_record(news, random, 1 + random.below(plan.users), static_cast<int64_t>(random.below(plan.days)), false,
                  false);
    }
  }
  if (!dirty) return;
  // Later news of some users, some of it older than what is known; columns in another order, after a byte order mark.
  CsvFile second(plan, numbered("users", 2), "user_id,email,name,created_at,phone", "\n", "\xEF\xBB\xBF");
  for (uint64_t n = 0; n < plan.users / 20; n++) {
    user_record(second, random, 1 + random.below(plan.users), static_cast<int64_t>(random.below(plan.days)), true,
                true);
  }
}

constexpr std::string_view kRoles[] = {"customer", "Customer", "merchant", "MERCHANT", "agent", "customer ", "partner"};
constexpr std::string_view kStatuses[] = {"kyc_done", "kyc_done",  "KYC_Done", "completed", "complete",
                                          "verified", "verified ", "pending",  "pending",   "Pending",
                                          "rejected", "in_review", "",         "expired"};

void write_onboarding(const Plan& plan, Random& random) {
  const bool dirty = !plan.clean;
  const uint64_t files = dirty ? 2 : 1;
  uint64_t id = 1;
  for (uint64_t f = 1; f <= files; f++) {
    CsvFile file(plan, numbered("onboarding", f), "onboarding_id,user_id,role,status,onboarding_date");
    const uint64_t last = plan.onboarding * f / files;
    for (; id <= last; id++) {
      uint64_t number = id;
      if (dirty && f > 1 && random.chance(200)) number = 1 + random.below(id - 1);  // corrected
      if (id > 1 && plan.corrections > 0 && random.chance(plan.corrections)) number = 1 + random.below(id - 1);
      uint64_t user = 1 + random.below(plan.users);
      if (plan.corrections > 0 && random.chance(50)) user = unknown_user(plan, random);
      if (dirty && random.chance(50)) user = unknown_user(plan, random);
      // Weekdays are busier, and a fortnight has nobody: days without completions must not be missing.
      int64_t day = static_cast<int64_t>(id * plan.days / (plan.onboarding + 1));
      if (day % 7 > 4 && random.chance(6000)) day -= 2;
      if (day >= 200 && day < 214) day = 199;
      std::string date = day_text_cached(day);
      if (dirty && random.chance(20)) date = random.chance(5000) ? "2024-02-30" : "not a date";
      std::string_view status = pick(random, kStatuses);
      if (dirty && random.chance(10)) {
        file.number(number).field("?").field("customer").field(status).field(date).end();
      } else {
        file.number(number).number(user).field(pick(random, kRoles)).field(status).field(date).end();
      }
      if (dirty && random.chance(15))
        broken_line(file, random, id, "customer,verified,2024-05-05", "1,customer,verified,2024-05-05");
    }
  }
}

struct Transaction {
  uint64_t id;
  uint64_t user;
  uint64_t cents;
  int64_t day;
  uint64_t second;
  bool refund;
};

class Transactions {
 public:
  Transactions(const Plan& plan, Random& random) : plan_(plan), random_(random) {}

  void write() {
    std::string header = "transaction_id,user_id,amount,transaction_date";
    if (plan_.wide) {
      for (unsigned n = 1; n <= 20; n++) header += ",attribute_" + std::to_string(n);
    }
    uint64_t id = 1;
    for (uint64_t f = 1; f <= plan_.files; f++) {
      CsvFile file(plan_, numbered("transactions", f), header);
      const uint64_t last = plan_.transactions * f / plan_.files;
      // What an earlier file sent comes again, as it was or corrected.
      std::vector<Transaction> again;
      again.swap(again_);
      for (const Transaction& t : again) record(file, t);
      for (; id <= last; id++) {
        Transaction t = make(id);
        record(file, t);
        if (!plan_.clean) trouble(file, t);
        if (plan_.corrections > 0 && random_.chance(plan_.corrections)) correct(t);
      }
    }
  }

 private:
  Transaction make(uint64_t id) {
    Transaction t;
    t.id = id;
    // Few users do most of it.
    const uint64_t a = random_.below(plan_.users);
    const uint64_t b = random_.below(plan_.users);
    t.user = 1 + (a < b ? a : b);
    t.cents = random_.below(uint64_t{2000} << random_.below(10));
    t.day = static_cast<int64_t>(id * (plan_.days - 1) / (plan_.transactions + 1));
    t.second = random_.below(86400);
    t.refund = random_.chance(50);
    return t;
  }

  // Sends a record again in the next file, every other time changed; there is none after the last one.
  void correct(Transaction t) {
    if (random_.chance(5000)) t.cents += 1 + random_.below(5000);
    if (random_.chance(500)) t.user = unknown_user(plan_, random_);
    again_.push_back(t);
  }

  void trouble(CsvFile& file, Transaction t) {
    const uint64_t dice = random_.below(10000);
    if (dice < 50) {
      again_.push_back(t);
    } else if (dice < 80) {
      t.cents += 1 + random_.below(5000);
      if (dice < 60) t.day += static_cast<int64_t>(random_.below(3));
      again_.push_back(t);
    } else if (dice < 95) {
      broken_line(file, random_, t.id, "12.50,2024-05-05", "7,12.50,2024-05-05 08:00:00");
    } else if (dice < 110) {
      file.number(t.id).number(t.user).field(dice < 103 ? "n/a" : "12.345").field(time_text(t.day, t.second));
      rest(file);
    } else if (dice < 120) {
      file.number(t.id)
          .number(t.user)
          .field(amount_text(t.cents))
          .field(dice < 115 ? "2024-06-31 10:00:00" : "05.06.2024");
      rest(file);
    } else if (dice < 125) {
      file.number(t.id).field("").field(amount_text(t.cents)).field(time_text(t.day, t.second));
      rest(file);
    } else if (dice < 155) {
      t.id += plan_.transactions;
      t.user = unknown_user(plan_, random_);
      record(file, t);
    }
  }

  void record(CsvFile& file, const Transaction& t) {
    file.number(t.id).number(t.user);
    if (t.refund) {
      file.field("-" + amount_text(t.cents));
    } else {
      file.field(amount_text(t.cents));
    }
    if (plan_.quoted && t.id % 100 == 0) {
      file.field(time_text(t.day, t.second) + "\n");
    } else if (t.second % 64 == 0) {
      file.field(day_text_cached(t.day));
    } else {
      file.field(time_text(t.day, t.second));
    }
    rest(file);
  }

  void rest(CsvFile& file) {
    for (unsigned n = 0; plan_.wide && n < 20; n++) {
      if (n % 4 == 3) {
        file.field("");
      } else {
        file.number(random_.below(100000));
      }
    }
    file.end();
  }

  const Plan& plan_;
  Random& random_;
  std::vector<Transaction> again_;
};

void run(const char* const* arguments) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    execvp(arguments[0], const_cast<char* const*>(arguments));
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) < 0 || status != 0) fail(arguments[0]);
}

Plan parse(int argc, char** argv) {
  Plan plan;
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    if (name == "--clean" || name == "--quoted" || name == "--wide" || name == "--gzip") {
      (name == "--clean"    ? plan.clean
       : name == "--quoted" ? plan.quoted
       : name == "--wide"   ? plan.wide
                            : plan.gzip) = true;
      continue;
    }
    uint64_t* number = name == "--seed"           ? &plan.seed
                       : name == "--users"        ? &plan.users
                       : name == "--onboarding"   ? &plan.onboarding
                       : name == "--transactions" ? &plan.transactions
                       : name == "--files"        ? &plan.files
                       : name == "--days"         ? &plan.days
                       : name == "--corrections"  ? &plan.corrections
                                                  : nullptr;
    char* end = nullptr;
    errno = EINVAL;
    if (i + 1 == argc || (!number && name != "--dir")) fail(std::string(name));
    if (number) {
      *number = std::strtoull(argv[++i], &end, 10);
      if (*end || end == argv[i]) fail(argv[i]);
    } else {
      plan.dir = argv[++i];
    }
  }
  errno = EINVAL;
  if (plan.dir.empty()) fail("--dir is missing");
  if (plan.users == 0 || plan.files == 0) fail("--users and --files are at least 1");
  if (plan.days == 0 || plan.days > kMaxDays) fail("--days is 1 to 900");
  if (plan.corrections > 0 && !plan.clean) fail("--corrections is for --clean files");
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  const Plan plan = parse(argc, argv);
  if (mkdir(plan.dir.c_str(), 0755) != 0 && errno != EEXIST) fail(plan.dir);
  Random random(plan.seed);
  write_users(plan, random);
  write_onboarding(plan, random);
  Transactions(plan, random).write();
  const std::string first = plan.dir + "/" + numbered("transactions", 1);
  const std::string again = plan.dir + "/transactions_001_again.csv";
  if (!plan.clean) {
    const char* copy[] = {"cp", first.c_str(), again.c_str(), nullptr};
    run(copy);
  }
  if (plan.gzip) {
    const std::string last = plan.dir + "/" + numbered("transactions", plan.files);
    const char* gzip[] = {"gzip", "-n", "-f", last.c_str(), nullptr};
    run(gzip);
  }
}
