/* kernel/cpu.c: CPUID and XGETBV (Intel SDM volume 1, chapter 14.3 and 15.2 to 15.4: a feature counts only when the
 * operating system saves its registers).
 */
#include "cpu.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdint.h>

static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static bool bit(unsigned word, int n) {
  return (word >> n & 1u) != 0;
}

void loci__cpu_detect(loci__cpu *cpu) {
  memset(cpu, 0, sizeof *cpu);
  unsigned a, b, c, d;
  unsigned highest = (unsigned)__get_cpuid_max(0, &b);
  if (highest < 7) return;
  __cpuid(0, a, b, c, d);
  memcpy(cpu->vendor, &b, 4);
  memcpy(cpu->vendor + 4, &d, 4);
  memcpy(cpu->vendor + 8, &c, 4);

  __cpuid(1, a, b, c, d);
  bool fma = bit(c, 12), osxsave = bit(c, 27), avx = bit(c, 28), f16c = bit(c, 29);
  if (!osxsave) return;
  uint64_t xcr0 = read_xcr0();
  bool ymm = (xcr0 & 0x6) == 0x6, zmm = (xcr0 & 0xE6) == 0xE6, tiles = (xcr0 & 0x60000) == 0x60000;

  __cpuid_count(7, 0, a, b, c, d);
  bool bmi1 = bit(b, 3), avx2 = bit(b, 5), bmi2 = bit(b, 8);
  cpu->avx2 = ymm && avx && avx2 && fma && f16c && bmi1 && bmi2;
  bool f = bit(b, 16), dq = bit(b, 17), bw = bit(b, 30), vl = bit(b, 31), vnni = bit(c, 11);
  cpu->avx512 = cpu->avx2 && zmm && f && dq && bw && vl && vnni;
  cpu->amx = tiles && bit(d, 22) && bit(d, 24) && bit(d, 25);
  unsigned sub_leaves = a;
  if (sub_leaves >= 1) {
    __cpuid_count(7, 1, a, b, c, d);
    cpu->avx512_bf16 = cpu->avx512 && bit(a, 5);
  }
}

#else

void loci__cpu_detect(loci__cpu *cpu) {
  memset(cpu, 0, sizeof *cpu);
}

#endif
