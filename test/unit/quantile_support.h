// What the tests of order statistics share: states as images and back, added up as a leader does it.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "engine/quantile/image.h"
#include "engine/quantile/sample.h"

namespace dap::quantile::test {

// The image of a sample, as a worker sends it.
std::vector<unsigned char> image_of(const Sample& sample);

enum class Combined {
  refused,
  other_kind,
  file,      // up to where the image names one: what is there is the server's to read
  too_many,  // more values than `most`: none was added
  added,
};
// Adds an image's values to a sample; a new one takes the image's kind. Tables of counts may take `budget` bytes.
Combined combine(const unsigned char* data, std::size_t size, Sample* into, std::pmr::memory_resource* memory,
                 std::uint64_t budget, std::uint64_t most);

}  // namespace dap::quantile::test
