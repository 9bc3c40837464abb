/* kernel/simd/unroll.h: VF_UNROLL before a loop of a constant number of rounds, at most 16: arrays that such loops walk
 * live in registers only when they are unrolled whole, and early. VF_DONE(x): x is computed here, before any
 * later load (clang 14 gathers all of a tile's broadcasts in front and spills accumulators for them; gcc 12 does not).
 */
#ifndef LOCI_KERNEL_SIMD_UNROLL_H
#define LOCI_KERNEL_SIMD_UNROLL_H

#if defined(__clang__)
#define VF_UNROLL  _Pragma("clang loop unroll(full)")
#define VF_DONE(x) __asm__ volatile("" : "+v"(x)::"memory")
#elif defined(__GNUC__)
#define VF_UNROLL  _Pragma("GCC unroll 16")
#define VF_DONE(x) ((void)0)
#else
#define VF_UNROLL
#define VF_DONE(x) ((void)0)
#endif

#endif
