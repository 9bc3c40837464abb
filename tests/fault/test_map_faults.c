/* test_map_faults.c: every n-th allocation of a map fails, once or from then on, and every n-th file call of writing it.
 * Whatever fails: an error, nothing leaked, and each file is whole or not there. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault_support.h"
#include "loci/map.h"

enum { N = 450, DIM = 5 }; /* more points than are summed without a mesh */

static char folder[128];

static const char *in_folder(const char *name) {
  static char paths[4][300];
  static size_t next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static loci_status run(loci_context *context, loci_projection_method method, loci_error *error) {
  loci_vectors *vectors = NULL;
  loci_status status = loci_vectors_new(context, "points", N, DIM, &vectors, error);
  loci__random random;
  loci__random_init(&random, 3);
  for (size_t i = 0; i < N && status == LOCI_OK; i++) {
    float row[DIM];
    char word[16];
    for (size_t j = 0; j < DIM; j++) row[j] = (float)loci__random_normal(&random);
    row[i % DIM] += 4;
    if (i == 7) row[0] = -1 / 0.0f; /* left out: rows are copied */
    const int length = snprintf(word, sizeof word, "w%zu", i);
    status = loci_vectors_add(vectors, word, (size_t)length, row, i % 3 ? NULL : "a text", 6, error);
  }
  loci_map_options options;
  loci_map_options_init(&options);
  options.project.method = method;
  options.project.epochs = method == LOCI_PROJECTION_PCA ? 0 : 3;
  static const char *values[N];
  for (size_t i = 0; i < N; i++) values[i] = i % 2 ? "odd" : "even";
  const loci_map_column column = {"parity", values};
  options.columns = &column;
  options.n_columns = 1;
  loci_map *map = NULL;
  if (status == LOCI_OK) status = loci_map_new(vectors, &options, &map, error);
  if (status == LOCI_OK) status = loci_map_write(map, LOCI_MAP_CSV, in_folder("map.csv"), error);
  if (status == LOCI_OK) status = loci_map_write_html(map, in_folder("page"), in_folder("map.html"), error);
  if (status == LOCI_OK) status = loci_map_write_projector(map, in_folder("logs"), error);
  loci_map_free(map);
  loci_vectors_close(vectors);
  return status;
}

static const char *const files[] = {"map.csv", "map.html", "logs/tensors.tsv", "logs/metadata.tsv",
                                    "logs/projector_config.json"};

static void clean(void) {
  for (size_t f = 0; f < LOCI__COUNT(files); f++) unlink(in_folder(files[f]));
}

static void sweep(fault_kind kind, bool sticky, loci_projection_method method) {
  size_t whole[LOCI__COUNT(files)] = {0};
  loci_error error = {0};
  loci_context *context = fault_context_new(1);
  if (run(context, method, &error) != LOCI_OK) fail_msg("%s", error.message);
  fault_context_free(context);
  for (size_t f = 0; f < LOCI__COUNT(files); f++) free(test_read(in_folder(files[f]), &whole[f]));
  for (uint64_t n = 1;; n = fault_next(n, 25)) {
    clean();
    const int64_t living = fault_living();
    context = fault_context_new(1);
    fault_arm(kind, n, sticky, ENOSPC, NULL);
    const loci_status status = run(context, method, &error);
    const bool fired = fault_disarm();
    fault_context_free(context);
    if (fault_living() != living)
      fail_msg("%s, call %llu: blocks leaked", loci_projection_name(method), (unsigned long long)n);
    if (!fired) {
      assert_int_equal(status, LOCI_OK);
      return;
    }
    for (size_t f = 0; f < LOCI__COUNT(files); f++) {
      if (access(in_folder(files[f]), F_OK) != 0) {
        assert_int_not_equal(status, LOCI_OK);
        continue;
      }
      size_t length;
      free(test_read(in_folder(files[f]), &length));
      if (length != whole[f]) fail_msg("half of %s, call %llu", files[f], (unsigned long long)n);
    }
  }
}

static void test_memory(void **state) {
  (void)state;
  for (int method = LOCI_PROJECTION_PCA; method <= LOCI_PROJECTION_UMAP; method++)
    for (int sticky = 0; sticky < 2; sticky++) sweep(FAULT_MEMORY, sticky, (loci_projection_method)method);
}

static void test_files(void **state) {
  (void)state;
  for (int sticky = 0; sticky < 2; sticky++) sweep(FAULT_FILES, sticky, LOCI_PROJECTION_PCA);
}

int main(void) {
  fault_init();
  snprintf(folder, sizeof folder, "%s", test_folder());
  static const char page[] = "<script id=\"loci-map\">@LOCI_MAP@</script>";
  test_write(in_folder("page"), page, sizeof page - 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory), cmocka_unit_test(test_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
