/* Files of word vectors: what is written reads back as the same bits, what other programs write in their own ways reads
 * the same, and what is broken is refused with file and place. */
#include "support.h"

#include "format/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_error error;

static const char *const words[] = {"the", "naïve", "日本語", "\xff\xfe", "</s>"};
enum { N = 5, DIM = 7 };

static float table[N][DIM];

static loci__vectors_out sample(void) {
  static uint32_t lengths[N];
  loci__random random;
  loci__random_init(&random, 7);
  for (size_t i = 0; i < N; i++) {
    lengths[i] = (uint32_t)strlen(words[i]);
    for (size_t j = 0; j < DIM; j++) table[i][j] = (float)loci__random_normal(&random);
  }
  table[1][0] = 1e-30f;
  table[1][1] = -0.0f;
  table[1][2] = 3.4028235e38f;
  table[1][3] = 1.4e-45f;
  return (loci__vectors_out){.n = N, .dim = DIM, .words = words, .lengths = lengths, .rows = &table[0][0]};
}

static void same(const loci_vectors *v, loci_vectors_format format) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(v, &info);
  assert_int_equal(info.format, format);
  assert_int_equal(info.n, N);
  assert_int_equal(info.dim, DIM);
  for (size_t i = 0; i < N; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, i, &length);
    assert_int_equal(length, strlen(words[i]));
    assert_string_equal(word, words[i]);
    assert_memory_equal(loci_vectors_row(v, i), table[i], sizeof table[i]);
    assert_int_equal(loci_vectors_find(v, words[i], length), (int64_t)i);
  }
  assert_int_equal(loci_vectors_find(v, "absent", 6), -1);
  assert_null(loci_vectors_word(v, N, NULL));
  float out[DIM];
  assert_ok(loci_vectors_get(v, "the", 3, out, &error), &error);
  assert_memory_equal(out, table[0], sizeof out);
  assert_int_equal(loci_vectors_get(v, "absent", 6, out, &error), LOCI_ERROR_NOT_FOUND);
}

static void test_round_trip(void **state) {
  (void)state;
  static const struct {
    const char *name;
    loci_vectors_format given, read;
  } files[] = {{"a.bin", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_WORD2VEC},
               {"a.txt", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_TEXT},
               {"a.vec", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_TEXT},
               {"g.txt", LOCI_VECTORS_GLOVE, LOCI_VECTORS_GLOVE},
               {"a.npy", LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_NPY}};
  for (int threads = 1; threads <= 3; threads += 2) {
    loci_context *context = test_context_new(threads, NULL);
    for (size_t i = 0; i < LOCI__COUNT(files); i++) {
      const loci__vectors_out out = sample();
      char *path = loci__path_join(context, test_folder(), files[i].name);
      assert_ok(loci__vectors_write(context, path, files[i].given, LOCI_PRECISION_F32, &out, &error), &error);
      loci_vectors *v = NULL;
      assert_ok(loci__vectors_open_file(context, path, NULL, &v, &error), &error);
      same(v, files[i].read);
      loci_vectors_close(v);
      loci__free(context, path);
    }
    test_context_free(context);
  }
}

/* ---- bytes as they come ---- */

static loci_status parse_n(loci_context *context, const void *bytes, size_t length, const loci_vectors_options *options,
                           loci_vectors **out) {
  error = (loci_error){.position = -1};
  /* A copy without room behind it, so that a sanitizer sees what is read past the end. */
  void *copy = malloc(length > 0 ? length : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, length);
  const loci_status status = loci__vectors_parse(context, "test", copy, length, options, out, &error);
  if (status != LOCI_OK) assert_null(*out);
  else loci_vectors_find(*out, "a", 1);
  free(copy); /* words and copied rows are the table's own; arrays and fastText's are not parsed here */
  return status;
}

/* Reads as a table: "word v v;word v v" in the shortest form of the floats. */
static void takes_n(const char *bytes, size_t length, loci_vectors_format format, const char *wanted) {
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *v = NULL;
  assert_ok(parse_n(context, bytes, length, NULL, &v), &error);
  loci__buffer got;
  loci__buffer_init(&got, context, 0);
  loci__buffer_puts(&got, "");
  for (size_t i = 0; i < v->n; i++) {
    size_t n;
    const char *word = loci_vectors_word(v, i, &n);
    if (i > 0) loci__buffer_putc(&got, ';');
    loci__buffer_append(&got, word, n);
    for (size_t j = 0; j < v->dim; j++) loci__buffer_printf(&got, " %g", (double)loci_vectors_row(v, i)[j]);
  }
  assert_int_equal(v->format, format);
  assert_string_equal(got.data, wanted);
  loci__buffer_release(&got);
  loci_vectors_close(v);
  test_context_free(context);
}

static void takes(const char *text, loci_vectors_format format, const char *wanted) {
  takes_n(text, strlen(text), format, wanted);
}

static void refuses_n(const char *bytes, size_t length, loci_status status, const char *words_of_message) {
  loci_context *context = test_context_new(2, NULL);
  loci_vectors *v = NULL;
  const loci_status got = parse_n(context, bytes, length, NULL, &v);
  if (got != status || strstr(error.message, words_of_message) == NULL || strstr(error.message, "test") == NULL)
    fail_msg("%.60s\n gave %s: %s\n expected %s … %s", bytes, loci_status_text(got), error.message,
             loci_status_text(status), words_of_message);
  test_context_free(context);
}

static void refuses(const char *text, loci_status status, const char *words_of_message) {
  refuses_n(text, strlen(text), status, words_of_message);
}

static void test_text(void **state) {
  (void)state;
  takes("2 2\na 1 2\nb 3 -4e-1\n", LOCI_VECTORS_TEXT, "a 1 2;b 3 -0.4");
  takes("2 2\na 1 2\nb 3 4", LOCI_VECTORS_TEXT, "a 1 2;b 3 4");
  takes("2 2\r\na 1 2\r\nb 3 4\r\n", LOCI_VECTORS_TEXT, "a 1 2;b 3 4");
  takes("2 2\n\na 1 2 \n\n\nb\t3\t4 \n\n", LOCI_VECTORS_TEXT, "a 1 2;b 3 4");
  takes("1 2\na b 1 2\n", LOCI_VECTORS_TEXT, "a b 1 2");
  takes("2 1\n 1\nb 2\n", LOCI_VECTORS_TEXT, " 1;b 2");
  takes("1 2\na 1 2\nb 3 4\n", LOCI_VECTORS_TEXT, "a 1 2"); /* the header counts */
  takes("2 1\n1 1\n2 2\n", LOCI_VECTORS_TEXT, "1 1;2 2");
  takes("1 2\na nan -inf\n", LOCI_VECTORS_TEXT, "a nan -inf");
  takes("a 1 2\nb 3 4\n", LOCI_VECTORS_GLOVE, "a 1 2;b 3 4");
  takes(". . . 1 2\n1990 3 4\n1 2 5 6\nx 7 8", LOCI_VECTORS_GLOVE, ". . . 1 2;1990 3 4;1 2 5 6;x 7 8");
  takes("\n\na 1 2\n", LOCI_VECTORS_GLOVE, "a 1 2");
  takes("a 1\n", LOCI_VECTORS_GLOVE, "a 1");

  refuses("3 2\na 1 2\nb 3 4\n", LOCI_ERROR_FORMAT, "promises 3 words, the file has 2");
  refuses("2 2\na 1 2\nb 3\n", LOCI_ERROR_FORMAT, "line 3 ('b 3') ends with 1 numbers");
  refuses("2 2\na 1 2\nb 3 x\n", LOCI_ERROR_FORMAT, "line 3");
  refuses("2 2\na 1 2\nb 3 4x\n", LOCI_ERROR_FORMAT, "line 3");
  refuses("2 2\na 1 2\n3 4\n", LOCI_ERROR_FORMAT, "line 3");
  refuses("2 3\na 1 2\nb 3 4\n", LOCI_ERROR_FORMAT, "ends with 2 numbers behind a word, not 3");
  refuses("0 2\n", LOCI_ERROR_FORMAT, "promises 0 words");
  refuses("2 0\na\nb\n", LOCI_ERROR_FORMAT, "words of 0 numbers");
  refuses("99999999999999999999 2\na 1 2\n", LOCI_ERROR_FORMAT, "the file has 1");
  refuses("2 99999999999999999999\na 1 2\n", LOCI_ERROR_FORMAT, "words of");
  refuses("a 1 2\nb 3\n", LOCI_ERROR_FORMAT, "line 2");
  refuses("a 1 2\nb 3 4\nc\n", LOCI_ERROR_FORMAT, "line 3");
  refuses("hello world\n", LOCI_ERROR_FORMAT, "none of the formats");
  refuses("", LOCI_ERROR_FORMAT, "empty");
  refuses("\n\n\n", LOCI_ERROR_FORMAT, "none of the formats");
}

static void test_word2vec(void **state) {
  (void)state;
#define HALF    "\0\0\0\x3f"
#define ONE     "\0\0\x80\x3f"
#define T(text) text, sizeof text - 1
  takes_n(T("2 2\na " HALF ONE "\nb " ONE HALF "\n"), LOCI_VECTORS_WORD2VEC, "a 0.5 1;b 1 0.5");
  takes_n(T("2 2\na " HALF ONE "b " ONE HALF), LOCI_VECTORS_WORD2VEC, "a 0.5 1;b 1 0.5"); /* as gensim writes it */
  takes_n(T("2 1\n\n\n\na " HALF "\n\n\nb " ONE "\n\n"), LOCI_VECTORS_WORD2VEC, "a 0.5;b 1");
  takes_n(T("1 1\n\xff\xfe " HALF), LOCI_VECTORS_WORD2VEC, "\xff\xfe 0.5");
  /* Floats whose bytes are all letters are no text. */
  takes_n(T("1 2\na ABCDABCD\n"), LOCI_VECTORS_WORD2VEC, "a 781.035 781.035");

  refuses_n(T("3 2\na " HALF ONE "\nb " ONE HALF "\n"), LOCI_ERROR_FORMAT, "more than the file's");
  refuses_n(T("2 2\na " HALF ONE "\nb " ONE "\0\0\0"), LOCI_ERROR_FORMAT, "");
  refuses_n(T("1 1\nab" HALF ONE), LOCI_ERROR_FORMAT, "not ended by a space");
  refuses_n(T("2 1\na " HALF "\nlonger-word \0\0\x80"), LOCI_ERROR_FORMAT, "cut off by the end");
  refuses_n(T("99999999999999999999 2\na " HALF ONE), LOCI_ERROR_FORMAT, "more than the file's");
  refuses_n(T("4611686018427387904 4\na " HALF ONE), LOCI_ERROR_FORMAT, "more than the file's");
  refuses_n(T("1 4611686018427387904\na " HALF ONE), LOCI_ERROR_FORMAT, "more than the file's");
}

static void test_foreign(void **state) {
  (void)state;
  refuses_n(T("\x1f\x8b\x08\0\0\0"), LOCI_ERROR_UNSUPPORTED, "gunzip");
  refuses_n(T("\x80\x04\x95"), LOCI_ERROR_UNSUPPORTED, "save_word2vec_format");
  refuses_n(T("PK\x03\x04"), LOCI_ERROR_UNSUPPORTED, "unpack");
  double glove[32];
  for (size_t i = 0; i < 32; i++) glove[i] = 0.01 * (double)i - 0.1;
  refuses_n((const char *)glove, sizeof glove, LOCI_ERROR_UNSUPPORTED, "GloVe");
  unsigned char junk[4096];
  loci__random random;
  loci__random_init(&random, 3);
  for (int round = 0; round < 50; round++) {
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = (unsigned char)loci__random_next(&random);
    refuses_n((const char *)junk, sizeof junk - (size_t)round, LOCI_ERROR_FORMAT, "");
  }
}

/* A word of a megabyte is a word; many lines, over several chunks, come in order at any number of threads. */
static void test_big(void **state) {
  (void)state;
  enum { BIG = 1 << 20, LINES = 400000 };
  char *text = malloc(BIG + LINES * 24 + 100);
  assert_non_null(text);
  size_t at = (size_t)sprintf(text, "%d 2\n", LINES + 1);
  memset(text + at, 'w', BIG);
  at += BIG;
  at += (size_t)sprintf(text + at, " 1 2\n");
  for (int i = 0; i < LINES; i++)
    at += (size_t)sprintf(text + at, "w%d %d -0.5\n%s", i, i % 1000, i % 7 == 0 ? "\n" : "");
  for (int threads = 1; threads <= 3; threads++) {
    loci_context *context = test_context_new(threads, NULL);
    loci_vectors *v = NULL;
    assert_ok(loci__vectors_parse(context, "test", text, at, NULL, &v, &error), &error);
    assert_int_equal(v->n, LINES + 1);
    assert_int_equal(v->lengths[0], BIG);
    for (size_t i = 1; i <= LINES; i++) {
      assert_true(v->rows[2 * i] == (float)((i - 1) % 1000) && v->rows[2 * i + 1] == -0.5f);
      assert_true(strtoul(v->words[i] + 1, NULL, 10) == i - 1);
    }
    assert_int_equal(loci_vectors_find(v, "w399999", 7), LINES);
    loci_vectors_close(v);
    test_context_free(context);
  }
  free(text);
}

typedef struct noted {
  int n;
  char last[512];
} noted;

static void note(void *user, loci_log_level level, const char *message) {
  noted *n = user;
  if (level != LOCI_LOG_WARNING) return;
  n->n++;
  snprintf(n->last, sizeof n->last, "%s", message);
}

static void told(const char *text, const char *wanted) {
  noted seen = {0};
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.log = note;
  options.log_user = &seen;
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  loci_vectors *v = NULL;
  assert_ok(loci__vectors_parse(context, "test", text, strlen(text), NULL, &v, &error), &error);
  assert_int_equal(seen.n, wanted != NULL);
  if (wanted != NULL && strstr(seen.last, wanted) == NULL) fail_msg("%s", seen.last);
  loci_vectors_close(v);
  loci_context_free(context);
}

static void test_told(void **state) {
  (void)state;
  told("2 1\na 1\nb 2\n", NULL);
  told("4 1\na 1\nb 2\na 3\na 4\n", "2 words stand there more than once");
  told("3 1\na nan\nb inf\nc 1\n", "2 vectors hold NaN");
  told("1 1\na 1\nb 2\n", "1 lines behind the 1 that the header promises");
  loci_context *context = test_context_new(1, NULL);
  loci_vectors *v = NULL;
  assert_ok(parse_n(context, T("3 1\na 1\nb 2\na 3\n"), NULL, &v), &error);
  assert_int_equal(loci_vectors_find(v, "a", 1), 0); /* the first counts */
  assert_int_equal(v->n, 3);
  loci_vectors_close(v);
  test_context_free(context);
}

static void test_limits(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_vectors_options options = {.struct_size = sizeof options, .most = 2};
  static const char text[] = "3 1\na 1\n\nb 2\nbroken\n", binary[] = "3 1\na " HALF "\nb " ONE "\nc " ONE "\n";
  loci_vectors *v = NULL;
  assert_ok(parse_n(context, T(text), &options, &v), &error);
  assert_int_equal(v->n, 2);
  loci_vectors_close(v);
  assert_ok(parse_n(context, T(binary), &options, &v), &error);
  assert_int_equal(v->n, 2);
  loci_vectors_close(v);
  options = (loci_vectors_options){.struct_size = sizeof options, .max_memory = 64};
  v = NULL;
  assert_int_equal(parse_n(context, T(binary), &options, &v), LOCI_ERROR_LIMIT);
  test_context_free(context);
}

/* ---- arrays ---- */

static loci_status parse_array(const char *dictionary, size_t data, int version, const char *labels, size_t *n) {
  char bytes[4096] = "\x93NUMPY";
  const size_t length = strlen(dictionary), prefix = version == 1 ? 10 : 12;
  bytes[6] = (char)version;
  bytes[8] = (char)(length & 0xff);
  bytes[9] = (char)(length >> 8);
  memcpy(bytes + prefix, dictionary, length);
  loci_context *context = test_context_new(1, NULL);
  char *path = loci__path_join(context, test_folder(), "words");
  if (labels != NULL) test_write(path, labels, strlen(labels));
  loci_vectors_options options = {.struct_size = sizeof options, .labels = labels != NULL ? path : NULL};
  loci_vectors *v = NULL;
  error = (loci_error){0};
  const loci_status status =
      loci__vectors_parse(context, "/nowhere/test.npy", bytes, prefix + length + data, &options, &v, &error);
  *n = status == LOCI_OK ? v->n : 0;
  loci_vectors_close(v);
  loci__free(context, path);
  test_context_free(context);
  return status;
}

static void test_arrays(void **state) {
  (void)state;
  size_t n;
#define D(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"
  static const struct {
    const char *dictionary;
    size_t data;
    int version;
    const char *labels;
    loci_status status;
    const char *words;
  } cases[] = {
      {D("<f4", "False", "(2, 3)"), 24, 1, "a\nb\n", LOCI_OK, ""},
      {D("<f4", "False", "(2, 3)"), 24, 2, "a\nb", LOCI_OK, ""},
      {D("<f4", "False", "(2, 3)"), 24, 3, "a\r\nb\r\n", LOCI_OK, ""},
      {D("<f2", "False", "(2L, 3L)"), 12, 1, "a\nb\n", LOCI_OK, ""},
      {D("<f8", "False", "(2, 3,)"), 48, 1, "a\nb\n", LOCI_OK, ""},
      {"{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}", 24, 1, "a\nb\n", LOCI_OK, ""},
      {D("<f4", "False", "(2, 3)"), 25, 1, "a\nb\n", LOCI_OK, ""},
      {D("<f4", "False", "(2, 3)"), 23, 1, "a\nb\n", LOCI_ERROR_FORMAT, "cut short"},
      {D("<f4", "False", "(2, 3)"), 24, 1, "a\n", LOCI_ERROR_FORMAT, "do not belong together"},
      {D("<f4", "False", "(2, 3)"), 24, 1, "a\nb\nc\n", LOCI_ERROR_FORMAT, "do not belong together"},
      {D("<f4", "False", "(2, 3)"), 24, 1, NULL, LOCI_ERROR_NOT_FOUND, ".labels"},
      {D("<f4", "False", "(2, 3)"), 24, 4, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "version 4"},
      {D("<f4", "False", "(2, 3)"), 24, 0, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
      {D(">f4", "False", "(2, 3)"), 24, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "'>f4'"},
      {D("<i8", "False", "(2, 3)"), 48, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "'<i8'"},
      {D("<f4", "True", "(2, 3)"), 24, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "ascontiguousarray"},
      {D("<f4", "False", "(6,)"), 24, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "two dimensions"},
      {D("<f4", "False", "()"), 24, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "two dimensions"},
      {D("<f4", "False", "(1, 2, 3)"), 24, 1, "a\nb\n", LOCI_ERROR_UNSUPPORTED, "two dimensions"},
      {D("<f4", "False", "(0, 3)"), 24, 1, "", LOCI_ERROR_FORMAT, "empty"},
      {D("<f4", "False", "(4611686018427387904, 4)"), 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "cut short"},
      {D("<f4", "False", "(99999999999999999999, 4)"), 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
      {D("<f4", "Maybe", "(2, 3)"), 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
      {"{'descr': '<f4', 'shape': (2, 3)}", 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
      {"{'descr': '<f4", 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
      {"[]", 24, 1, "a\nb\n", LOCI_ERROR_FORMAT, "header"},
  };
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    const loci_status got = parse_array(cases[i].dictionary, cases[i].data, cases[i].version, cases[i].labels, &n);
    if (got != cases[i].status || (got != LOCI_OK && strstr(error.message, cases[i].words) == NULL))
      fail_msg("%s gave %s: %s", cases[i].dictionary, loci_status_text(got), error.message);
    if (got == LOCI_OK) assert_int_equal(n, 2);
  }
}

/* Every float16 there is, there and back; and rounding against the nearest of its neighbours. */
static void test_halves(void **state) {
  (void)state;
  for (uint32_t half = 0; half < 65536; half++) {
    const float x = loci__half_to_float((uint16_t)half);
    if (isnan(x)) assert_true(isnan(loci__half_to_float(loci__float_to_half(x))));
    else assert_int_equal(loci__float_to_half(x), half);
    if (half < 0x7bff) {
      const float y = loci__half_to_float((uint16_t)(half + 1)), middle = (x + y) / 2;
      assert_int_equal(loci__float_to_half(middle), half + (half & 1)); /* ties to even */
      assert_int_equal(loci__float_to_half(nextafterf(middle, 0)), half);
      assert_int_equal(loci__float_to_half(nextafterf(middle, INFINITY)), half + 1);
      assert_int_equal(loci__float_to_half(-nextafterf(middle, INFINITY)), 0x8000 + half + 1);
    }
  }
  assert_int_equal(loci__float_to_half(65519.996f), 0x7bff);
  assert_int_equal(loci__float_to_half(65520.0f), 0x7c00);
  assert_int_equal(loci__float_to_half(1e-10f), 0);
}

/* ---- fastText's file, cut and bent ---- */

static void test_fasttext_broken(void **state) {
  (void)state;
  static const char *const names[] = {"skipgram.bin", "softmax.bin", "quantised.ftz"};
  loci_context *context = test_context_new(1, NULL);
  for (size_t f = 0; f < LOCI__COUNT(names); f++) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/vectors/%s", LOCI_SOURCE_DIR, names[f]);
    size_t length;
    char *bytes = test_read(path, &length);
    for (size_t n = 0; n < length; n++) {
      char *copy = malloc(n + 1);
      assert_non_null(copy);
      memcpy(copy, bytes, n);
      loci__fasttext *file = NULL;
      const loci_status status = loci__fasttext_parse(context, "test", copy, n, n % 2 == 0, &file, &error);
      assert_true(status == LOCI_ERROR_FORMAT || (status == LOCI_ERROR_UNSUPPORTED && f == 2));
      assert_null(file);
      assert_true(n == 0 || strstr(error.message, "test") != NULL);
      free(copy);
    }
    loci__random random;
    loci__random_init(&random, f);
    for (int i = 0; i < 4000; i++) {
      const size_t at = (size_t)loci__random_below(&random, i % 2 == 0 ? 120 : length);
      const char kept = bytes[at];
      bytes[at] = (char)loci__random_next(&random);
      loci_vectors *v = NULL;
      if (loci__vectors_parse(context, "test", bytes, length, NULL, &v, &error) == LOCI_OK) loci_vectors_close(v);
      bytes[at] = kept;
    }
    free(bytes);
  }
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_text),   cmocka_unit_test(test_word2vec),
      cmocka_unit_test(test_foreign),         cmocka_unit_test(test_big),    cmocka_unit_test(test_told),
      cmocka_unit_test(test_limits),          cmocka_unit_test(test_arrays), cmocka_unit_test(test_halves),
      cmocka_unit_test(test_fasttext_broken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
