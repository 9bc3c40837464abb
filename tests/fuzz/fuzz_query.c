/* fuzz_query.c: any bytes as a document's text and as a query: indexing and searching always work, and a document is
 * found by itself when it has a word. */
#include <math.h>
#include <stdlib.h>

#include "store/store.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static loci__store *store;
  static size_t n_runs;
  loci_error error = {0};
  if (size < 1 || size > 4096) return 0;
  if (!store) {
    if (loci__store_open(NULL, NULL, LOCI__STORE_CREATE, &store, &error) != LOCI_OK ||
        loci__store_begin_write(store, &error) != LOCI_OK ||
        loci__store_set_model(store, (const char[33]){"m"}, "m", "", 1, &error) != LOCI_OK ||
        loci__store_end(store, &error) != LOCI_OK)
      abort();
  }
  size_t cut = data[0] % size;
  const char *text = (const char *)data + cut, *query = (const char *)data;
  loci__store_document document = {.path = "/d"};
  loci__store_chunk chunk = {.text = text, .text_length = size - cut};
  if (loci__store_begin_write(store, &error) != LOCI_OK ||
      loci__store_put(store, &document, &chunk, 1, (float[]){1}, NULL, &error) != LOCI_OK ||
      loci__store_end(store, &error) != LOCI_OK)
    abort();
  float score = -1;
  size_t n_matches;
  if (loci__store_begin_read(store, &error) != LOCI_OK ||
      loci__store_scan_text(store, query, size, &score, &n_matches, &error) != LOCI_OK || !isfinite(score) || score < 0)
    abort();
  if (loci__store_scan_text(store, text, size - cut, &score, &n_matches, &error) != LOCI_OK ||
      loci__store_end(store, &error) != LOCI_OK)
    abort();
  /* SQLite's text ends at a NUL inside; then only the words before it were indexed. */
  if (!memchr(text, 0, size - cut) && (score > 0) != (loci__words_count(text, size - cut) > 0)) abort();
  if (++n_runs % 4096 == 0) { /* a new store now and then, so that it stays small */
    uint64_t n_findings = 1;
    if (loci__store_check(store, true, NULL, NULL, &n_findings, &error) != LOCI_OK || n_findings) abort();
    loci__store_close(store);
    store = NULL;
  }
  return 0;
}
