/* jsoncheck.c: for the shell tests. Checks that stdin is one JSON value (with -l: that every line is one) and prints what
 * the paths name, one value a line: `jsoncheck .results.0.path`, `.ids.#` for a count. Strings are printed as they are.
 * Exit code 1 when it is no JSON, or a path leads nowhere.
 */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static const loci__json *follow(const loci__json *value, const char *path, int *count) {
  *count = 0;
  while (value && *path == '.') {
    char step[256];
    size_t n = strcspn(++path, ".");
    snprintf(step, sizeof step, "%.*s", (int)n, path);
    path += n;
    uint64_t index;
    if (!strcmp(step, "#")) {
      *count = 1;
    } else if (value->type == LOCI__JSON_ARRAY && loci__parse_u64(step, &index)) {
      const loci__json *child = loci__json_first(value);
      while (child && index--) child = loci__json_next(value, child);
      value = child;
    } else {
      value = loci__json_get(value, step);
    }
  }
  return value;
}

static int print(const loci__json *root, const char *path) {
  static const char *const words[] = {"null", "false", "true"};
  int count;
  const loci__json *value = follow(root, path, &count);
  if (!value) {
    fprintf(stderr, "jsoncheck: nothing at %s\n", path);
    return 1;
  }
  if (count) printf("%u\n", value->count);
  else if (value->type <= LOCI__JSON_TRUE) puts(words[value->type]);
  else if (value->type == LOCI__JSON_ARRAY || value->type == LOCI__JSON_OBJECT)
    puts(value->type == LOCI__JSON_ARRAY ? "[]" : "{}");
  else printf("%.*s\n", (int)value->length, value->text);
  return 0;
}

static int check(const char *text, size_t length, int argc, char **argv) {
  loci__json_document document = {0};
  loci_error error;
  if (loci__json_parse(&document, NULL, text, length, "stdin", &error) != LOCI_OK) {
    fprintf(stderr, "jsoncheck: %s\n", error.message);
    return 1;
  }
  int bad = 0;
  for (int i = 0; i < argc; i++) bad |= print(document.nodes, argv[i]);
  loci__json_release(&document);
  return bad;
}

int main(int argc, char **argv) {
  loci__buffer input;
  loci__buffer_init(&input, NULL, 0);
  char block[1 << 16];
  size_t n;
  while ((n = fread(block, 1, sizeof block, stdin)) > 0) loci__buffer_append(&input, block, n);
  int lines = argc > 1 && !strcmp(argv[1], "-l"), first = 1 + lines, bad = input.length == 0;
  const char *at = input.data, *end = at + input.length;
  if (!lines && !bad) bad = check(at, input.length, argc - first, argv + first);
  while (lines && at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    bad |= check(at, (size_t)(stop - at), argc - first, argv + first);
    at = stop + 1;
  }
  loci__buffer_release(&input);
  return bad;
}
