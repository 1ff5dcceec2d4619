// Internal to this directory: the kernels of each level, NULL where the build's architecture lacks it.
#pragma once

#include "engine/simd/kernels.h"

namespace dap::simd {

extern const Kernels scalar_kernels;
const Kernels* sse2_kernels() noexcept;
const Kernels* avx2_kernels() noexcept;
const Kernels* avx512_kernels() noexcept;

}  // namespace dap::simd

// Compiles what stands between the two for the instruction sets in `features`. Standard headers come before it: a
// function of theirs that is compiled inside could be the copy that the linker keeps for everybody.
#define DAP_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define DAP_TARGET_BEGIN(features) \
  DAP_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define DAP_TARGET_END DAP_PRAGMA(clang attribute pop)
#else
#define DAP_TARGET_BEGIN(features) DAP_PRAGMA(GCC push_options) DAP_PRAGMA(GCC target(features))
#define DAP_TARGET_END DAP_PRAGMA(GCC pop_options)
#endif
