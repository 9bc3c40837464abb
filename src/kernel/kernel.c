/* kernel/kernel.c: which table a context gets.
 *
 * The best that the processor and the operating system offer, or the one that the context's option `isa` names. The
 * choice is made once per context, on first use, and never changes: bits are per instruction set.
 */
#include "kernel.h"

#include "cpu.h"
#include "tables.h"

/* In ascending order of preference. */
static const struct {
  const loci__kernels *table;
  const char *reason;
} tables[] = {
    {&loci__kernels_ref, "plain C: the processor offers no instruction set that loci has kernels for"},
#if defined(__x86_64__)
    {&loci__kernels_avx2, "AVX2 and FMA; no AVX-512 with VNNI here"},
    {&loci__kernels_avx512, "AVX-512 F, BW, DQ, VL and VNNI are here"},
#endif
};

static bool is_here(const loci__cpu *cpu, const char *name) {
  if (strcmp(name, "avx2") == 0) return cpu->avx2;
  if (strcmp(name, "avx512") == 0) return cpu->avx512;
  return true;
}

const char *loci__kernels_name(size_t i) {
  return i < LOCI__COUNT(tables) ? tables[i].table->name : NULL;
}

const loci__kernels *loci__kernels_named(const char *name) {
  loci__cpu cpu;
  loci__cpu_detect(&cpu);
  for (size_t i = 0; i < LOCI__COUNT(tables); i++) {
    if (strcmp(name, tables[i].table->name) == 0 && is_here(&cpu, name)) return tables[i].table;
  }
  return NULL;
}

/* A wish that cannot be met gives plain C, which is everywhere, and a reason; never NULL. */
static const void *choose(const char *isa, const char **name, const char **reason) {
  *name = tables[0].table->name;
  loci__cpu cpu;
  loci__cpu_detect(&cpu);
  for (size_t i = LOCI__COUNT(tables); i-- > 0;) {
    const loci__kernels *table = tables[i].table;
    if (isa ? strcmp(isa, table->name) != 0 : !is_here(&cpu, table->name)) continue;
    if (!is_here(&cpu, table->name)) {
      *reason = "the processor or the operating system does not offer it";
      return tables[0].table;
    }
    *name = table->name;
    *reason = isa ? "asked for by name" : tables[i].reason;
    return table;
  }
  *reason = "no such instruction set in this build";
  return tables[0].table;
}

const loci__kernels *loci__kernels_of(loci_context *context) {
  return loci__context_kernels(context, choose);
}

/* ---- public: what `loci doctor` prints -------------------------------------------------------------- */

const char *loci_context_isa(loci_context *context) {
  loci__kernels_of(context);
  const char *name = loci__context_isa_name(context);
  return name ? name : "none";
}

const char *loci_context_isa_reason(loci_context *context) {
  loci__kernels_of(context);
  const char *reason = loci__context_isa_reason(context);
  return reason ? reason : "not chosen";
}
