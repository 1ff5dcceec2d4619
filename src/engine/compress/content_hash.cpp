#include "engine/compress/content_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dap::compress {

namespace {

constexpr std::uintptr_t kAlignment = 64;
static_assert(sizeof(XXH3_state_t) + kAlignment - 1 <= sizeof(ContentHash::storage));

XXH3_state_t* state_of(ContentHash* hash) {
  auto address = reinterpret_cast<std::uintptr_t>(hash->storage);
  return reinterpret_cast<XXH3_state_t*>((address + kAlignment - 1) & ~(kAlignment - 1));
}

}  // namespace

void content_hash_begin(ContentHash* hash) noexcept {
  hash->length = 0;
  XXH3_state_t* state = state_of(hash);
  XXH3_INITSTATE(state);
  XXH3_128bits_reset(state);
}

void content_hash_add(ContentHash* hash, const void* bytes, std::size_t size) noexcept {
  if (size == 0) return;
  XXH3_128bits_update(state_of(hash), bytes, size);
  hash->length += size;
}

void content_hash_digest(const ContentHash* hash, std::uint8_t digest[16]) noexcept {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_of(const_cast<ContentHash*>(hash))));
  for (int i = 0; i < 16; i++) digest[i] = canonical.digest[i];
}

}  // namespace dap::compress
