// How the fast CPU twins reach the vector units: plain loops, compiled once per instruction set.
#pragma once

#include <cstddef>

// FASTTHUMB_CLONES on a function: one clone per level, chosen when the module is loaded. Only where
// compiler, linker and C library know how; elsewhere the baseline (on aarch64 that has NEON).
#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__)
#if defined(__clang__)
#define FASTTHUMB_CLONES __attribute__((target_clones("avx512bw", "avx2", "default")))
#elif defined(__GNUC__) && __GNUC__ >= 12
#define FASTTHUMB_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#endif
#ifndef FASTTHUMB_CLONES
#define FASTTHUMB_CLONES
#else
#define FASTTHUMB_HAS_CLONES 1
#endif

// Parts of a cloned function must become part of each clone.
#define FASTTHUMB_INLINE inline __attribute__((always_inline))
