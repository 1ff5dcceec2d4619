#include "engine/path/pattern.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace dap::path {
namespace {

bool matches_text(const std::string& text, const std::string& name) {
  auto pattern = std::make_unique<Pattern>();
  EXPECT_TRUE(read_pattern(text.c_str(), text.size(), pattern.get()));
  return matches(pattern.get(), name.c_str());
}

TEST(PathPattern, Matches) {
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
  for (const auto& c : cases) EXPECT_EQ(matches_text(c.pattern, c.name), c.expected) << c.pattern << " on " << c.name;
}

TEST(PathPattern, Alternatives) {
  const char* pattern = "users*.csv{,.gz,.zst}";
  EXPECT_TRUE(matches_text(pattern, "users.csv"));
  EXPECT_TRUE(matches_text(pattern, "users_1.csv.gz"));
  EXPECT_TRUE(matches_text(pattern, "users_1.csv.zst"));
  EXPECT_FALSE(matches_text(pattern, "users_1.csv.bak"));
  EXPECT_FALSE(matches_text(pattern, "users_1.csv.gz.part"));
  EXPECT_FALSE(matches_text(pattern, "customers.csv"));
  EXPECT_TRUE(matches_text("{a,b}{1,2}", "b1"));
  EXPECT_FALSE(matches_text("{a,b}{1,2}", "1b"));
  EXPECT_TRUE(matches_text("x{a,{b,c}d}y", "xcdy"));
  EXPECT_FALSE(matches_text("x{a,{b,c}d}y", "xcy"));
  EXPECT_TRUE(matches_text("{[ab],c}*", "bz"));
  EXPECT_TRUE(matches_text("{a*,?b,\xc3\xa4?}c",
                           "\xc3\xa4\xc3\xb6"
                           "c"));
  EXPECT_TRUE(matches_text("{*,x}", ""));
  EXPECT_TRUE(matches_text("{,}", ""));
}

TEST(PathPattern, BracesThatAreThemselves) {
  EXPECT_TRUE(matches_text("a{b}c", "a{b}c"));
  EXPECT_FALSE(matches_text("a{b}c", "abc"));
  EXPECT_TRUE(matches_text("a{}c", "a{}c"));
  EXPECT_TRUE(matches_text("a{b,c", "a{b,c"));
  EXPECT_TRUE(matches_text("a,b}", "a,b}"));
  EXPECT_TRUE(matches_text("a\\{b,c}", "a{b,c}"));
  EXPECT_FALSE(matches_text("a\\{b,c}", "ab"));
  EXPECT_TRUE(matches_text("{a\\,b,c}", "a,b"));
  EXPECT_FALSE(matches_text("{a\\,b,c}", "a"));
  EXPECT_TRUE(matches_text("{a{b,c}d}", "{acd}"));
  EXPECT_TRUE(matches_text("{,{a}", "{,{a}"));
  EXPECT_TRUE(matches_text("{a,[}x]", "[x]"));  // a set ends within its alternative
}

// However many names the groups stand for: these are 29 to the sixth, 2 to the 600th, and nested ones.
TEST(PathPattern, MatchingIsNeverSlow) {
  const auto start = std::chrono::steady_clock::now();
  std::string groups;
  for (int i = 0; i < 6; i++) groups += "{" + std::string(28, ',') + "}";
  EXPECT_FALSE(matches_text(groups, "users.csv"));
  EXPECT_TRUE(matches_text(groups, ""));
  std::string pairs;
  for (int i = 0; i < 600; i++) pairs += "{a,b}";
  EXPECT_TRUE(matches_text(pairs, std::string(599, 'a') + "b"));
  EXPECT_FALSE(matches_text(pairs, std::string(599, 'a') + "c"));
  std::string nested = "a";
  for (int i = 0; i < 1000; i++) nested = "{" + nested + ",}";
  EXPECT_TRUE(matches_text(nested, "a"));
  EXPECT_FALSE(matches_text(nested, "aa"));
  std::string stars;
  for (int i = 0; i < 800; i++) stars += "{*a,}";
  EXPECT_FALSE(matches_text(stars + "b", std::string(250, 'a')));
  EXPECT_FALSE(matches_text(std::string(4000, '['), std::string(250, '[')));
  EXPECT_TRUE(matches_text(std::string(4096, '{'), std::string(4096, '{')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(PathPattern, LengthIsBounded) {
  Pattern pattern;
  const std::string text(longest_pattern + 1, 'a');
  EXPECT_TRUE(read_pattern(text.c_str(), longest_pattern, &pattern));
  EXPECT_TRUE(matches(&pattern, text.c_str() + 1));
  EXPECT_FALSE(read_pattern(text.c_str(), longest_pattern + 1, &pattern));
}

}  // namespace
}  // namespace dap::path
