// A pattern and a name, apart by NUL: matching as a plain recursion over the pattern decides it, groups as their
// alternatives written out; the natural order is an order.
#include <memory>
#include <string>
#include <vector>

#include "engine/path/name.h"
#include "engine/path/pattern.h"
#include "fuzz_support.h"

using namespace dap;
using namespace dap::fuzz;

namespace {

// Whether a pattern without groups matches, by trying everything there is to try; `steps` ends what would take for
// ever.
class Matcher {
 public:
  Matcher(const std::string& pattern, const std::string& name) : p_(pattern), n_(name) {}
  bool gave_up() const { return steps_ > 20000; }

  bool from(std::size_t p, std::size_t n) {
    if (++steps_ > 20000) return false;
    if (p == p_.size()) return n == n_.size();
    if (p_[p] == '*') {
      for (std::size_t at = n;; at = after(at)) {
        if (from(p + 1, at)) return true;
        if (at == n_.size() || gave_up()) return false;
      }
    }
    if (n == n_.size()) return false;
    if (p_[p] == '?') return from(p + 1, after(n));
    if (p_[p] == '[') {
      if (const std::size_t close = closing(p); close != 0)
        return in_set(p, close, byte(n_[n])) && from(close + 1, after(n));
    }
    if (p_[p] == '\\' && p + 1 < p_.size()) p++;
    return p_[p] == n_[n] && from(p + 1, n + 1);
  }

 private:
  static int byte(char c) { return static_cast<unsigned char>(c); }

  std::size_t after(std::size_t n) const {
    const bool lead = n < n_.size() && byte(n_[n]) >= 0xC0;
    n++;
    while (lead && n < n_.size() && byte(n_[n]) >= 0x80 && byte(n_[n]) < 0xC0) n++;
    return n;
  }

  std::size_t closing(std::size_t open) const {
    std::size_t p = open + 1;
    if (p < p_.size() && (p_[p] == '!' || p_[p] == '^')) p++;
    if (p < p_.size() && p_[p] == ']') p++;
    while (p < p_.size() && p_[p] != ']') p += p_[p] == '\\' && p + 1 < p_.size() ? 2 : 1;
    return p < p_.size() ? p : 0;
  }

  // The members spelled out: single ones and ranges.
  bool in_set(std::size_t open, std::size_t close, int c) const {
    std::vector<int> members;  // -1: a range between its neighbours
    std::size_t p = open + 1;
    const bool negated = p_[p] == '!' || p_[p] == '^';
    if (negated) p++;
    bool may_range = false;
    for (; p < close; p++) {
      if (p_[p] == '-' && may_range && p + 1 < close) {
        members.push_back(-1);
        may_range = false;
        continue;
      }
      if (p_[p] == '\\' && p + 1 < close) p++;
      const bool ends_range = !members.empty() && members.back() == -1;
      members.push_back(byte(p_[p]));
      may_range = !ends_range;
    }
    bool found = false;
    for (std::size_t k = 0; k < members.size(); k++) {
      const bool starts_range = k + 1 < members.size() && members[k + 1] == -1,
                 ends_range = k > 0 && members[k - 1] == -1;
      if (members[k] == -1) found |= members[k - 1] <= c && c <= members[k + 1];  // the wrong way round: none
      else if (!starts_range && !ends_range) found |= members[k] == c;
    }
    return found != negated;
  }

  const std::string& p_;
  const std::string& n_;
  int steps_ = 0;
};

bool matches(const std::string& text, const std::string& name) {
  auto pattern = std::make_unique<path::Pattern>();
  return path::read_pattern(text.c_str(), text.size(), pattern.get()) && path::matches(pattern.get(), name.c_str());
}

// The alternatives of the group that `open` begins and its end; none if it is no group.
std::vector<std::string> alternatives(const std::string& text, std::size_t open, std::size_t* close) {
  std::vector<std::string> found;
  int depth = 0;
  std::size_t start = open + 1;
  for (std::size_t at = open; at < text.size(); at++) {
    if (text[at] == '\\' && at + 1 < text.size()) at++;
    else if (text[at] == '{') depth++;
    else if ((text[at] == ',' && depth == 1) || (text[at] == '}' && --depth == 0)) {
      found.push_back(text.substr(start, at - start));
      start = at + 1;
      if (text[at] != '}') continue;
      *close = at;
      if (found.size() < 2) found.clear();
      return found;
    }
  }
  return {};
}

// A pattern as those without groups that it stands for; `most` counts down what may be written.
std::vector<std::string> written_out(const std::string& text, int* most) {
  for (std::size_t at = 0; at < text.size(); at++) {
    std::size_t close = 0;
    if (text[at] == '\\') at++;
    else if (text[at] == '{') {
      std::vector<std::string> all;
      for (const std::string& one : alternatives(text, at, &close)) {
        if (--*most <= 0) return {};
        for (std::string& rest : written_out(text.substr(0, at) + one + text.substr(close + 1), most))
          all.push_back(std::move(rest));
      }
      if (!all.empty() || *most <= 0) return all;
    }
  }
  return {text};
}

// A set that alternatives would be written into: it lies within one of them for us.
bool has_set_across(const std::string& text) { return text.find('[') != text.npos && text.find('{') != text.npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string pattern = text.substr(0, text.find('\0'));
  const std::string name(pattern.size() < size ? text.c_str() + pattern.size() + 1 : "");
  const bool any = matches(pattern, name);
  // Groups are what their alternatives are, written out in their place.
  int most = 300;
  const std::vector<std::string> written = written_out(pattern, &most);
  if (most > 0 && !has_set_across(pattern)) {
    bool expected = false, gave_up = false;
    for (const std::string& one : written) {
      Matcher matcher(one, name);
      expected |= matcher.from(0, 0);
      gave_up |= matcher.gave_up();
    }
    if (!gave_up) require(any == expected);
  }
  const std::string grouped = "{" + name + ",x}";
  if (name.find_first_of("\\{},*?[") == name.npos && grouped.size() <= path::longest_pattern)
    require(matches(grouped, name));
  if (pattern.size() <= path::longest_pattern && !path::has_wildcard(pattern.data(), pattern.size()))
    require(any == (pattern == name));
  // An order: of any three, whatever their turn.
  const std::string third = name + "0" + pattern;
  const char* three[] = {pattern.c_str(), name.c_str(), third.c_str()};
  for (const char* a : three) {
    require(path::natural_compare(a, a) == 0);
    for (const char* b : three) {
      require(path::natural_compare(a, b) == -path::natural_compare(b, a));
      for (const char* c : three)
        if (path::natural_compare(a, b) <= 0 && path::natural_compare(b, c) <= 0)
          require(path::natural_compare(a, c) <= 0);
    }
  }
  return 0;
}
