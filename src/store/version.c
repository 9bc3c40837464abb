/* version.c: which SQLite this is, for `loci doctor`. */
#include "loci/collection.h"

#include <sqlite3.h>

const char *loci_sqlite_version(void) {
  return sqlite3_libversion();
}
