/* space.c: the vectors that a command explores, opened in one way for all of them: a file of word vectors, a model's folder
 * or name, an array with labels, or the passages of a collection.
 */
#include "cli.h"

static loci_status open_collection(loci__cli *cli, loci__space *space, loci_error *error) {
  if (cli->common.labels)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "--labels is for an .npy; a collection's passages have places for labels");
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_READ, &space->collection, error));
  loci_collection_vectors_options o;
  loci_collection_vectors_options_init(&o);
  char *here = loci__path_absolute(NULL, ".");
  if (!here) return loci__fail_memory(error, 0, "a path");
  o.below = here;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  const loci_status status = loci_collection_vectors(space->collection, &o, &space->vectors, error);
  loci__free(NULL, here);
  loci__progress_clear(cli);
  return status;
}

loci_status loci__space_open(loci__cli *cli, loci__space *space, loci_error *error) {
  *space = (loci__space){.cli = cli};
  loci_status status;
  if (cli->common.collection || cli->common.store) {
    status = open_collection(cli, space, error);
  } else {
    loci_vectors_options o;
    loci_vectors_options_init(&o);
    o.labels = cli->common.labels;
    status = loci_vectors_open(cli->context, cli->arguments.items[0], &o, &space->vectors, error);
    cli->arguments.n--;
    memmove(cli->arguments.items, cli->arguments.items + 1, cli->arguments.n * sizeof *cli->arguments.items);
  }
  if (status != LOCI_OK) {
    loci__space_close(space);
    return status;
  }
  space->info.struct_size = sizeof space->info;
  loci_vectors_get_info(space->vectors, &space->info);
  return LOCI_OK;
}

void loci__space_close(loci__space *space) {
  loci_vectors_close(space->vectors);
  loci_collection_close(space->collection);
  *space = (loci__space){0};
}

loci_status loci__fail_word(const loci_vectors *vectors, const char *word, size_t length, loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(vectors, &info);
  size_t rows[3], n = loci_vectors_spellings(vectors, word, length, rows, LOCI__COUNT(rows));
  char alike[400] = "";
  for (size_t i = 0, used = 0; i < n && used < sizeof alike; i++) {
    const int put = snprintf(alike + used, sizeof alike - used, "%s'%s'", i == 0 ? "; spelled alike: " : ", ",
                             loci_vectors_word(vectors, rows[i], NULL));
    used += put > 0 ? (size_t)put : 0;
  }
  return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%.*s' is not among the %zu %s of '%s'%s",
                    (int)(length < 200 ? length : 200), word, info.n,
                    info.format == LOCI_VECTORS_MEMORY ? "passages" : "words", info.path, alike);
}

/* FILE:LINE → the passage that holds the line. */
static loci_status find_place(const loci__space *space, const char *place, size_t *row, loci_error *error) {
  char *path = NULL;
  uint32_t line;
  LOCI__TRY(loci__place_parse(space->cli, place, &path, &line, error));
  loci_results found = {0};
  loci_status status = loci_collection_get(space->collection, path, line, &found, error);
  loci__free(NULL, path);
  LOCI__TRY(status);
  char shown[32];
  int64_t at = -1;
  if (found.n > 0) {
    loci__buffer word;
    loci__buffer_init(&word, NULL, 0);
    snprintf(shown, sizeof shown, ":%u", found.items[0].line_start);
    loci__buffer_puts(&word, loci__shown_path(found.items[0].path));
    loci__buffer_puts(&word, shown);
    status = loci__buffer_status(&word, "a place", error);
    if (status == LOCI_OK) at = loci_vectors_find(space->vectors, word.data, word.length);
    loci__buffer_release(&word);
  }
  loci_results_release(&found);
  LOCI__TRY(status);
  if (at < 0) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "there is no passage at '%s'", place);
  *row = (size_t)at;
  return LOCI_OK;
}

loci_status loci__space_find(const loci__space *space, const char *word, size_t length, size_t *row,
                             loci_error *error) {
  const int64_t at = loci_vectors_find(space->vectors, word, length);
  if (at >= 0) {
    *row = (size_t)at;
    return LOCI_OK;
  }
  if (!space->collection) return loci__fail_word(space->vectors, word, length, error);
  char *place = loci__strndup(NULL, word, length);
  if (!place) return loci__fail_memory(error, length, "a place");
  const loci_status status = find_place(space, place, row, error);
  loci__free(NULL, place);
  return status;
}

loci_status loci__space_get(const loci__space *space, const char *word, size_t length, float *out, loci_error *error) {
  size_t row;
  if (space->info.has_subwords) {
    loci_error unknown;
    const loci_status status = loci_vectors_get(space->vectors, word, length, out, &unknown);
    if (status != LOCI_ERROR_NOT_FOUND) {
      if (status != LOCI_OK && error) *error = unknown;
      return status;
    }
  }
  LOCI__TRY(loci__space_find(space, word, length, &row, error));
  memcpy(out, loci_vectors_row(space->vectors, row), space->info.dim * sizeof *out);
  return LOCI_OK;
}

loci_status loci__card_begin(loci__cli *cli, const char *from, const char *output, loci__buffer *out,
                             loci_error *error) {
  enum { LIMIT = 1 << 20 };
  loci__buffer path;
  loci__buffer_init(&path, NULL, 0);
  loci__buffer_printf(&path, "%s.card.md", from);
  loci_status status = loci__buffer_status(&path, "a path", error);
  if (status == LOCI_OK && loci__file_exists(cli->context, path.data)) {
    char *text = NULL;
    size_t length;
    status = loci__file_read(cli->context, path.data, LIMIT, &text, &length, error);
    if (status == LOCI_OK) loci__buffer_append(out, text, length);
    loci__free(cli->context, text);
  } else if (status == LOCI_OK) {
    loci__buffer_printf(out, "# %s\n\nMade from `%s`.\n", loci__path_base(output), loci__path_base(from));
  }
  loci__buffer_release(&path);
  return status;
}
