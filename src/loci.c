/* loci.c: what belongs to the library as a whole. */
#include "loci.h"

const char *loci_version(void) {
  return LOCI_VERSION;
}
