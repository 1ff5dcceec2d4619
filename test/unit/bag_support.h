// What the tests of bags share: bags from text and back, sums and differences in steps of any size, the check of
// foreign bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/bag/combine.h"
#include "engine/bag/text.h"

namespace dap::bag::test {

using Bytes = std::vector<unsigned char>;

// The bag of a text, read a few items at a time and added up; nothing if the text is refused.
std::optional<Bytes> parse(std::string_view text, unsigned items = 1000);
// The text of a bag, by the test's own writing of decimals.
std::string text_of(const Bytes& bag);
// a + b or a - b, in steps.
Outcome combine(const Bytes& a, const Bytes& b, bool subtract, Bytes* result, unsigned step = 1U << 20);
// Whether these bytes are a bag, the only ones of their multiset.
bool accepted(const Bytes& bytes);
// The bytes that a writer holds, canonical or not.
Bytes written(Writer* writer);

}  // namespace dap::bag::test
