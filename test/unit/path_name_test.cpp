#include "engine/path/name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace dap::path {
namespace {

TEST(PathName, NaturalOrder) {
  const std::vector<std::string> ordered = {"",
                                            "1",
                                            "01",
                                            "2",
                                            "10",
                                            "A.csv",
                                            "a",
                                            "a.csv",
                                            "a1.csv",
                                            "a01.csv",
                                            "a2.csv",
                                            "a2.csv.gz",
                                            "a10.csv",
                                            "a010.csv",
                                            "a99999999999999999999999.csv",
                                            "a100000000000000000000000.csv",
                                            "a1000000000000000000000000.csv",
                                            "b0",
                                            "b00",
                                            "b1x2",
                                            "b1x02",
                                            "b01x2",
                                            "b1x10",
                                            "z",
                                            "\xc3\xa4"};
  for (std::size_t i = 0; i < ordered.size(); i++)
    for (std::size_t j = 0; j < ordered.size(); j++)
      EXPECT_EQ(natural_compare(ordered[i].c_str(), ordered[j].c_str()), (i > j) - (i < j))
          << ordered[i] << " and " << ordered[j];
}

TEST(PathName, NaturalOrderIsAnOrder) {
  std::vector<std::string> names;
  const char letters[] = "01a.";
  for (int i = 0; i < 4 * 4 * 4 * 4 * 4; i++) {
    std::string name;
    for (int rest = i, n = 0; n < 5; n++, rest /= 4) name.push_back(letters[rest % 4]);
    names.push_back(name.substr(0, 1 + i % 5));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return natural_compare(a.c_str(), b.c_str()) < 0; });
  for (std::size_t i = 0; i < names.size(); i++)
    for (std::size_t j = i + 1; j < names.size(); j++) {
      ASSERT_LT(natural_compare(names[i].c_str(), names[j].c_str()), 0) << names[i] << " and " << names[j];
      ASSERT_GT(natural_compare(names[j].c_str(), names[i].c_str()), 0);
    }
}

TEST(PathName, Matches) {
  const struct {
    const char* pattern;
    const char* name;
    bool expected;
  } cases[] = {
      {"*.csv", "a.csv", true},
      {"*.csv", ".csv", true},
      {"*.csv", "a.csv.gz", false},
      {"users*.csv*", "users_1.csv.gz", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"?", "", false},
      {"?", "a", true},
      {"?", "\xc3\xa4", true},  // one character
      {"??", "\xc3\xa4", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[abc]x", "bx", true},
      {"[abc]x", "dx", false},
      {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},
      {"[^a-c]x", "dx", true},
      {"[]]", "]", true},
      {"[!]]", "]", false},
      {"[!]]", "a", true},
      {"[a-]", "-", true},
      {"[-a]", "-", true},
      {"[\\]a]", "]", true},
      {"[abc", "[abc", true},  // not closed: itself
      {"[abc", "a", false},
      {"[0-9][0-9]*.csv", "07-users.csv", true},
      {"\\*.csv", "*.csv", true},
      {"\\*.csv", "a.csv", false},
      {"a\\", "a\\", true},
      {"*a*b*c*", "xxaxxbxxcxx", true},
      {"*a*b*c*", "xxaxxcxxbxx", false},
      {"**", "anything", true},
      {"*ab", "aab", true},
      {"*ab", "aabb", false},
      {"*.csv", "A.CSV", false},
      {"*\\", "x\\", true},
  };
  for (const auto& c : cases) EXPECT_EQ(matches(c.pattern, c.name), c.expected) << c.pattern << " on " << c.name;
}

TEST(PathName, MatchingIsNeverSlow) {
  std::string pattern;
  for (int i = 0; i < 200; i++) pattern += "*a";
  pattern += "b";
  const std::string name(4000, 'a');
  EXPECT_FALSE(matches(pattern.c_str(), name.c_str()));
}

TEST(PathName, NeverTaken) {
  for (const char* name : {".a.csv", ".", "..", "a.csv.tmp", "a.part", "a.csv.filepart", ".tmp"})
    EXPECT_TRUE(is_unfinished(name)) << name;
  for (const char* name : {"a.csv", "tmp", "part", "a.tmp.csv", "a.partial", ""})
    EXPECT_FALSE(is_unfinished(name)) << name;
}

TEST(PathName, Csv) {
  for (const char* name : {"a.csv", "a.csv.gz", "a.csv.zst", "a.b.csv"}) EXPECT_TRUE(is_csv(name)) << name;
  for (const char* name : {"a.gz", "a.CSV", "csv", "a.csv.zip", "a.csv.gz.tmp", "a.csvx", "a.zst"})
    EXPECT_FALSE(is_csv(name)) << name;
}

TEST(PathName, Wildcards) {
  for (const char* name : {"*", "a?", "[a]", "\\a", "a.csv{,.gz}"})
    EXPECT_TRUE(has_wildcard(name, std::strlen(name))) << name;
  for (const char* name : {"a{b}", "a,b", "}a,{", "a{,"}) EXPECT_FALSE(has_wildcard(name, std::strlen(name))) << name;
  EXPECT_FALSE(has_wildcard("a.csv*", 5));
  EXPECT_FALSE(has_wildcard("", 0));
}

}  // namespace
}  // namespace dap::path
