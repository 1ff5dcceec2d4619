#include "engine/path/braces.h"

#include <gtest/gtest.h>

#include <string>

namespace dap::path {
namespace {

TEST(PathBraces, Alternatives) {
  const char* pattern = "users*.csv{,.gz,.zst}";
  EXPECT_TRUE(matches_any(pattern, "users.csv"));
  EXPECT_TRUE(matches_any(pattern, "users_1.csv.gz"));
  EXPECT_TRUE(matches_any(pattern, "users_1.csv.zst"));
  EXPECT_FALSE(matches_any(pattern, "users_1.csv.bak"));
  EXPECT_FALSE(matches_any(pattern, "users_1.csv.gz.part"));
  EXPECT_FALSE(matches_any(pattern, "customers.csv"));
  EXPECT_TRUE(matches_any("{a,b}{1,2}", "b1"));
  EXPECT_FALSE(matches_any("{a,b}{1,2}", "1b"));
  EXPECT_TRUE(matches_any("x{a,{b,c}d}y", "xcdy"));
  EXPECT_FALSE(matches_any("x{a,{b,c}d}y", "xcy"));
  EXPECT_TRUE(matches_any("{[ab],c}*", "bz"));
}

TEST(PathBraces, ThoseThatAreThemselves) {
  EXPECT_TRUE(matches_any("a{b}c", "a{b}c"));
  EXPECT_FALSE(matches_any("a{b}c", "abc"));
  EXPECT_TRUE(matches_any("a{}c", "a{}c"));
  EXPECT_TRUE(matches_any("a{b,c", "a{b,c"));
  EXPECT_TRUE(matches_any("a,b}", "a,b}"));
  EXPECT_TRUE(matches_any("a\\{b,c}", "a{b,c}"));
  EXPECT_FALSE(matches_any("a\\{b,c}", "ab"));
  EXPECT_TRUE(matches_any("{a\\,b,c}", "a,b"));
  EXPECT_FALSE(matches_any("{a\\,b,c}", "a"));
}

// Work is bounded: past the eighth group braces stand for themselves, and an overlong pattern has no groups.
TEST(PathBraces, Bounds) {
  std::string pattern;
  std::string name;
  for (int i = 0; i < 8; i++) {
    pattern += "{a,b}";
    name += "b";
  }
  EXPECT_TRUE(matches_any(pattern.c_str(), name.c_str()));
  EXPECT_TRUE(matches_any((pattern + "{a,b}").c_str(), (name + "{a,b}").c_str()));
  EXPECT_FALSE(matches_any((pattern + "{a,b}").c_str(), (name + "b").c_str()));
  const std::string longest(2000, '{');
  EXPECT_TRUE(matches_any(longest.c_str(), longest.c_str()));
  EXPECT_FALSE(matches_any((std::string(2000, 'x') + "{a,b}").c_str(), (std::string(2000, 'x') + "a").c_str()));
}

}  // namespace
}  // namespace dap::path
