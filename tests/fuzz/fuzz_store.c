/* fuzz_store.c: any bytes as a collection's database: open, read everything, search, check. An error or an answer,
 * never a crash, and no work without end. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store.h"

static loci_status see_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  *(size_t *)arg += strlen(chunk->heading) + chunk->text_length;
  return LOCI_OK;
}

static loci_status see_document(void *arg, const loci__store_document *document, loci_error *error) {
  loci__store *store = arg;
  size_t n = strlen(document->path) + strlen(document->title) + strlen(document->hash);
  return loci__store_each_chunk(store, document->id, see_chunk, &n, error);
}

static loci_status see_root(void *arg, int64_t id, const char *path, loci_error *error) {
  (void)id, (void)error;
  *(size_t *)arg += strlen(path);
  return LOCI_OK;
}

static void see_finding(void *user, const char *finding) {
  *(size_t *)user += strlen(finding);
}

static void read_everything(loci__store *store) {
  size_t n = 0;
  uint64_t n_findings;
  loci__store_model model;
  loci__store_counts counts;
  loci__store_rows rows;
  (void)loci__store_get_model(store, &model, NULL);
  (void)loci__store_count(store, &counts, NULL);
  (void)loci__store_each_root(store, see_root, &n, NULL);
  if (loci__store_begin_read(store, NULL) == LOCI_OK) {
    (void)loci__store_each_document(store, "", see_document, store, NULL);
    if (loci__store_get_rows(store, &rows, NULL) == LOCI_OK && rows.n) {
      float *query = calloc(70000, sizeof *query), *scores = calloc(rows.n, sizeof *scores);
      size_t last = rows.n - 1;
      (void)loci__store_scan(store, query, scores, NULL);
      (void)loci__store_scan_text(store, "settled words of 東京", 22, scores, &n, NULL);
      (void)loci__store_rescore(store, query, &last, 1, scores, NULL);
      free(query);
      free(scores);
    }
    loci__store_rollback(store);
  }
  (void)loci__store_check(store, true, see_finding, &n, &n_findings, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[64];
  if (size > 1 << 18) return 0;
  if (!path[0]) snprintf(path, sizeof path, "/tmp/loci-fuzz-store-%ld.db", (long)getpid());
  for (int mode = LOCI__STORE_READ; mode <= LOCI__STORE_WRITE; mode++) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size) abort();
    fclose(file);
    loci__store *store;
    if (loci__store_open(NULL, path, mode, &store, NULL) == LOCI_OK) {
      read_everything(store);
      if (mode == LOCI__STORE_WRITE) {
        if (loci__store_begin_write(store, NULL) == LOCI_OK) {
          (void)loci__store_remove(store, 1, NULL);
          (void)loci__store_end(store, NULL);
          loci__store_rollback(store);
        }
      }
      loci__store_close(store);
    }
  }
  static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
  for (size_t i = 0; i < LOCI__COUNT(suffixes); i++) {
    char name[80];
    snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
    unlink(name);
  }
  return 0;
}
