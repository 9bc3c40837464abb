/* tests/unit/test_base.c: the ground floor. */
#include "support.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void buffer_keeps_its_limit(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__buffer buffer;
  loci__buffer_init(&buffer, context, 10);
  loci__buffer_puts(&buffer, "12345");
  loci__buffer_printf(&buffer, "%s", "67890");
  loci_error error;
  assert_int_equal(loci__buffer_status(&buffer, "text", &error), LOCI_OK);
  assert_string_equal(buffer.data, "1234567890");
  loci__buffer_putc(&buffer, 'x');
  assert_int_equal(loci__buffer_status(&buffer, "text", &error), LOCI_ERROR_LIMIT);
  assert_string_equal(error.message, "text: more than 10 bytes");
  loci__buffer_release(&buffer);
  test_context_free(context);
}

/* Table 3-8 of the Unicode Standard, and what follows from its rule. */
static void utf8_repairs_maximal_subparts(void **state) {
  (void)state;
#define R "\xEF\xBF\xBD"
  static const struct {
    const char *from, *to;
  } cases[] = {
      {"plain", "plain"},
      {"\xC3\xA4", "\xC3\xA4"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", R R R R R R R R "A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", R R R R R R R R "A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", R R R R R "A" R R "B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", R R R R "A"},
      {"\xF0\x9F\x98", R},
  };
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    loci__buffer out;
    loci__buffer_init(&out, context, 0);
    loci__utf8_repair(&out, cases[i].from, strlen(cases[i].from));
    assert_string_equal(out.data, cases[i].to);
    assert_true(loci__utf8_valid(out.data, out.length));
    loci__buffer_release(&out);
  }
  for (uint32_t scalar = 0; scalar <= 0x10FFFF; scalar++) {
    if (scalar >= 0xD800 && scalar <= 0xDFFF) continue;
    char bytes[4];
    size_t used, n = loci__utf8_put(scalar, bytes);
    bool valid;
    if (loci__utf8_next(bytes, n, &used, &valid) != scalar || !valid || used != n) fail_msg("U+%04X", (unsigned)scalar);
  }
  test_context_free(context);
}

static void floats_read_back(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 7);
  char text[32];
  for (int i = 0; i < 200000; i++) {
    uint32_t bits = (uint32_t)loci__random_next(&random);
    float value;
    memcpy(&value, &bits, 4);
    loci__format_float(value, text);
    bool same = isfinite(value) ? strtof(text, NULL) == value : strcmp(text, "null") == 0;
    if (!same) fail_msg("%a as %s", (double)value, text);
  }
  loci__format_float(0.1f, text);
  assert_string_equal(text, "0.1");
  loci__format_double(0.1, text);
  assert_string_equal(text, "0.1");
}

static void json_reads_and_writes(void **state) {
  (void)state;
  static const char text[] = "{\"a\":[1,2.5,-3e2,\"x\\u00e4\\n\"],\"b\":{\"c\":null,\"d\":true},\"e\":[]}";
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__json_document document;
  assert_ok(loci__json_parse(&document, context, text, sizeof text - 1, "text", &error), &error);
  const loci__json *root = document.nodes, *a = loci__json_get(root, "a");
  uint64_t number;
  double real;
  bool truth;
  assert_int_equal(root->count, 3);
  assert_int_equal(a->count, 4);
  const loci__json *v = loci__json_first(a);
  assert_true(loci__json_u64(v, &number) && number == 1);
  v = loci__json_next(a, v);
  assert_false(loci__json_u64(v, &number));
  assert_true(loci__json_double(v, &real) && real == 2.5);
  v = loci__json_next(a, v);
  assert_true(loci__json_double(v, &real) && real == -300);
  v = loci__json_next(a, v);
  assert_true(loci__json_is(v, "x\xC3\xA4\n"));
  assert_null(loci__json_next(a, v));
  assert_true(loci__json_bool(loci__json_get(loci__json_get(root, "b"), "d"), &truth) && truth);
  assert_null(loci__json_first(loci__json_get(root, "e")));
  loci__json_release(&document);

  loci__buffer out;
  loci__buffer_init(&out, context, 0);
  loci__json_writer writer;
  loci__json_writer_init(&writer, &out);
  loci__json_open(&writer, '{');
  loci__json_key(&writer, "a");
  loci__json_open(&writer, '[');
  loci__json_put_i64(&writer, -1);
  loci__json_put_float(&writer, 0.5f);
  loci__json_put_textn(&writer, "\x01\"\xFF", 3);
  loci__json_close(&writer, ']');
  loci__json_key(&writer, "b");
  loci__json_open(&writer, '{');
  loci__json_close(&writer, '}');
  loci__json_close(&writer, '}');
  assert_string_equal(out.data, "{\"a\":[-1,0.5,\"\\u0001\\\"" R "\"],\"b\":{}}");
  loci__buffer_release(&out);
  test_context_free(context);
}

static void json_refuses(void **state) {
  (void)state;
  static const char *const bad[] = {"",    "{",  "[1,]",      "{\"a\":1,\"a\":2}", "1 2",       "\"\xFF\"",
                                    "nul", "[1", "{\"a\" 1}", "{\"a\":1}x",        "[\"\x01\"]"};
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  loci__json_document document;
  for (size_t i = 0; i < LOCI__COUNT(bad); i++) {
    loci_status status = loci__json_parse(&document, context, bad[i], strlen(bad[i]), "bad", &error);
    if (status != LOCI_ERROR_FORMAT) fail_msg("accepted: %s", bad[i]);
  }
  /* Duplicates among many keys, and too deep nesting. */
  loci__buffer text;
  loci__buffer_init(&text, context, 0);
  loci__buffer_putc(&text, '{');
  for (int i = 0; i < 1000; i++) loci__buffer_printf(&text, "\"k%d\":%d,", i, i);
  loci__buffer_puts(&text, "\"k500\":0}");
  assert_int_equal(loci__json_parse(&document, context, text.data, text.length, "keys", &error), LOCI_ERROR_FORMAT);
  loci__buffer_clear(&text);
  for (int i = 0; i < 129; i++) loci__buffer_putc(&text, '[');
  for (int i = 0; i < 129; i++) loci__buffer_putc(&text, ']');
  assert_int_equal(loci__json_parse(&document, context, text.data, text.length, "deep", &error), LOCI_ERROR_LIMIT);
  loci__buffer_release(&text);
  test_context_free(context);
}

/* ---- out of memory: the n-th allocation fails, for every n ---- */

typedef struct failing {
  long long at, count, living;
} failing;

static void *failing_allocate(void *user, size_t size) {
  failing *f = user;
  if (f->count++ == f->at) return NULL;
  f->living++;
  return malloc(size);
}

static void *failing_resize(void *user, void *memory, size_t size) {
  failing *f = user;
  return f->count++ == f->at ? NULL : realloc(memory, size);
}

static void failing_release(void *user, void *memory) {
  failing *f = user;
  f->living--;
  free(memory);
}

static void json_survives_out_of_memory(void **state) {
  (void)state;
  char text[4000] = "{\"a\":[";
  for (int i = 0; i < 100; i++) sprintf(text + strlen(text), "\"esc\\n%d\",[%d],", i, i);
  strcat(text, "{}]}");
  bool finished = false;
  for (long long n = 1; !finished; n++) {
    failing f = {.at = n};
    loci_context_options options;
    loci_context_options_init(&options);
    options.threads = 1;
    options.allocator = (loci_allocator){&f, failing_allocate, failing_resize, failing_release};
    loci_context *context;
    loci_error error;
    assert_int_equal(loci_context_new(&options, &context, &error), LOCI_OK);
    loci__json_document document;
    loci_status status = loci__json_parse(&document, context, text, strlen(text), "text", &error);
    finished = status == LOCI_OK;
    if (finished) loci__json_release(&document);
    else assert_int_equal(status, LOCI_ERROR_MEMORY);
    loci_context_free(context);
    assert_int_equal(f.living, 0);
    assert_true(n < 10000);
  }
}

/* ---- pool ---- */

typedef struct sum {
  uint64_t total;
  unsigned char seen[5000];
} sum;

static loci_status add_task(void *arg, size_t task, size_t worker, loci_error *error) {
  sum *s = arg;
  (void)worker;
  s->seen[task]++;
  __atomic_add_fetch(&s->total, task, __ATOMIC_RELAXED);
  if (task == 4000) return loci__fail(error, LOCI_ERROR_INTERNAL, "task %zu", task);
  return LOCI_OK;
}

static void pool_runs_each_task_once(void **state) {
  (void)state;
  for (int threads = 1; threads <= 4; threads++) {
    loci_context *context = test_context_new(threads, NULL);
    loci_error error;
    for (int round = 0; round < 50; round++) {
      sum s = {0};
      assert_ok(loci__pool_run(context, 3000, add_task, &s, &error), &error);
      assert_int_equal(s.total, 3000 * 2999 / 2);
      for (int i = 0; i < 3000; i++) assert_int_equal(s.seen[i], 1);
    }
    sum s = {0};
    assert_int_equal(loci__pool_run(context, 5000, add_task, &s, &error), LOCI_ERROR_INTERNAL);
    assert_string_equal(error.message, "task 4000");
    test_context_free(context);
  }
}

/* ---- files ---- */

static void files_are_replaced_whole(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_error error;
  char path[200];
  snprintf(path, sizeof path, "%s/a/b/file", test_folder());
  char *folder = loci__path_folder(context, path);
  assert_ok(loci__file_make_folders(context, folder, &error), &error);
  assert_ok(loci__file_write_atomic(context, path, "first", 5, &error), &error);
  assert_ok(loci__file_write_atomic(context, path, "second", 6, &error), &error);
  char *data;
  size_t length;
  assert_ok(loci__file_read(context, path, 100, &data, &length, &error), &error);
  assert_string_equal(data, "second");
  loci__free(context, data);
  assert_int_equal(loci__file_read(context, path, 3, &data, &length, &error), LOCI_ERROR_LIMIT);
  loci__mapping mapping;
  assert_ok(loci__mapping_open(&mapping, context, path, &error), &error);
  assert_int_equal(mapping.length, 6);
  loci__mapping_close(&mapping);
  assert_int_equal(loci__mapping_open(&mapping, context, folder, &error), LOCI_ERROR_IO);
  loci__free(context, folder);
  test_context_free(context);
}

static void paths_are_text(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  static const struct {
    const char *from, *to;
  } cases[] = {{"/a/./b//c/../d", "/a/b/d"}, {"/..", "/"}, {"/a/..", "/"}, {"/", "/"}, {"//x/", "/x"}};
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    char *path = loci__path_absolute(context, cases[i].from);
    assert_string_equal(path, cases[i].to);
    loci__free(context, path);
  }
  assert_string_equal(loci__path_extension("a.b/c.tar.gz"), "gz");
  assert_string_equal(loci__path_extension("a.b/.hidden"), "");
  test_context_free(context);
}

static void hashes_are_stable(void **state) {
  (void)state;
  char hex[33];
  /* XXH3-128 of the empty input, as xxhsum -H2 prints it. */
  loci__hash_once("", 0, hex);
  assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffer_keeps_its_limit),
      cmocka_unit_test(utf8_repairs_maximal_subparts),
      cmocka_unit_test(floats_read_back),
      cmocka_unit_test(json_reads_and_writes),
      cmocka_unit_test(json_refuses),
      cmocka_unit_test(json_survives_out_of_memory),
      cmocka_unit_test(pool_runs_each_task_once),
      cmocka_unit_test(files_are_replaced_whole),
      cmocka_unit_test(paths_are_text),
      cmocka_unit_test(hashes_are_stable),
  };
  return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
