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
