/* Safetensors: what the reader takes, what it refuses and how it says so, and that what is written reads back. The
 * golden models of test_model.c are files of the reference writer; here each rule is broken one at a time. */
#include "support.h"

#include "format/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static loci_error error;

/* A file of header text and n bytes of buffer. */
static loci_status parse(loci_context *context, const char *header, size_t n, loci__safetensors **out) {
  static unsigned char bytes[65536];
  const uint64_t length = strlen(header);
  assert_true(8 + length + n <= sizeof bytes);
  memcpy(bytes, &length, 8);
  memcpy(bytes + 8, header, length);
  for (size_t i = 0; i < n; i++) bytes[8 + length + i] = (unsigned char)i;
  error = (loci_error){0};
  return loci__safetensors_parse(context, "test.safetensors", bytes, 8 + length + n, out, &error);
}

static void takes(const char *header, size_t n, size_t n_tensors) {
  loci_context *context = test_context_new(1, NULL);
  loci__safetensors *file = NULL;
  assert_ok(parse(context, header, n, &file), &error);
  assert_int_equal(loci__safetensors_count(file), n_tensors);
  loci__safetensors_close(file);
  test_context_free(context);
}

static void refuses(const char *header, size_t n, loci_status expected, const char *words) {
  loci_context *context = test_context_new(1, NULL);
  loci__safetensors *file = NULL;
  const loci_status status = parse(context, header, n, &file);
  if (status != expected || strstr(error.message, words) == NULL || strstr(error.message, "test.safetensors") == NULL)
    fail_msg("%s\n  gave %s: %s\n  expected %s … %s", header, loci_status_text(status), error.message,
             loci_status_text(expected), words);
  assert_null(file);
  test_context_free(context);
}

static void test_takes(void **state) {
  (void)state;
  takes("{}", 0, 0);
  takes("{}      ", 0, 0);
  takes("{\"__metadata__\":{\"format\":\"pt\"}}", 0, 0);
  takes("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, 1);
  takes(
      "{\"b\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[4,7]},"
      "\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
      7, 2);
  /* 0-d and empty tensors, an empty one between two others */
  takes(
      "{\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
      "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[8,8]},"
      "\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}",
      9, 3);
  /* types that are checked but not computed with */
  takes("{\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, 1);
  takes("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, 1);
}

static void test_refuses(void **state) {
  (void)state;
#define T(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
  refuses("[]", 0, LOCI_ERROR_FORMAT, "does not begin with '{'");
  refuses(" {}", 0, LOCI_ERROR_FORMAT, "does not begin with '{'");
  refuses("", 0, LOCI_ERROR_FORMAT, "does not begin with '{'");
  refuses("{", 0, LOCI_ERROR_FORMAT, "");
  refuses("{}x", 0, LOCI_ERROR_FORMAT, "");
  refuses("{}", 1, LOCI_ERROR_FORMAT, "belong to no tensor");
  refuses("{\"a\":1}", 0, LOCI_ERROR_FORMAT, "'a' is not described");
  refuses("{\"a\":{}}", 0, LOCI_ERROR_FORMAT, "dtype");
  refuses(T("F32", "[2]", "[0,7]"), 7, LOCI_ERROR_FORMAT, "another size");
  refuses(T("F32", "[2]", "[0,8]"), 7, LOCI_ERROR_FORMAT, "outside the file");
  refuses(T("F32", "[2]", "[8,0]"), 8, LOCI_ERROR_FORMAT, "outside the file");
  refuses(T("F32", "[2]", "[0,8]"), 9, LOCI_ERROR_FORMAT, "belong to no tensor");
  refuses(T("F32", "[1]", "[1,5]"), 5, LOCI_ERROR_FORMAT, "hole");
  refuses(T("F32", "[-1]", "[0,4]"), 4, LOCI_ERROR_FORMAT, "sizes");
  refuses(T("F32", "[1.0]", "[0,4]"), 4, LOCI_ERROR_FORMAT, "sizes");
  refuses(T("F32", "[4294967296,4294967296]", "[0,4]"), 4, LOCI_ERROR_FORMAT, "overflows");
  refuses(T("F32", "[1152921504606846976]", "[0,4]"), 4, LOCI_ERROR_FORMAT, "overflows");
  refuses(T("F32", "[99999999999999999999]", "[0,4]"), 4, LOCI_ERROR_FORMAT, "sizes");
  refuses(T("F32", "[1]", "[0,18446744073709551615]"), 4, LOCI_ERROR_FORMAT, "outside the file");
  refuses(T("F32", "[1]", "[0]"), 4, LOCI_ERROR_FORMAT, "data_offsets");
  refuses(T("F4", "[3]", "[0,2]"), 2, LOCI_ERROR_FORMAT, "whole byte");
  refuses(T("F128", "[1]", "[0,16]"), 16, LOCI_ERROR_UNSUPPORTED, "F128");
  refuses(T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, LOCI_ERROR_UNSUPPORTED, "9 dimensions");
  refuses("{\"__metadata__\":{\"a\":1}}", 0, LOCI_ERROR_FORMAT, "__metadata__");
  refuses(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
      "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
      3, LOCI_ERROR_FORMAT, "overlaps");
  refuses(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
      2, LOCI_ERROR_FORMAT, "");
  refuses("{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, LOCI_ERROR_FORMAT, "NUL");
#undef T
}

/* A header length that lies; positions count from the start of the file. */
static void test_lengths(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__safetensors *file;
  unsigned char bytes[16] = {0};
  for (size_t n = 0; n < 8; n++)
    assert_int_equal(loci__safetensors_parse(context, "f", bytes, n, &file, &error), LOCI_ERROR_FORMAT);
  memset(bytes, 0xff, 8);
  assert_int_equal(loci__safetensors_parse(context, "f", bytes, 16, &file, &error), LOCI_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "100 MB"));
  memset(bytes, 0, 8);
  bytes[0] = 9;
  assert_int_equal(loci__safetensors_parse(context, "f", bytes, 16, &file, &error), LOCI_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "longer than the file"));
  memcpy(bytes, "\x08\0\0\0\0\0\0\0{\"a\":1x}", 16);
  assert_int_equal(loci__safetensors_parse(context, "f", bytes, 16, &file, &error), LOCI_ERROR_FORMAT);
  assert_true(error.position >= 13 && error.position <= 15);
  test_context_free(context);
}

static void test_numbers(void **state) {
  (void)state;
  assert_float_equal(loci__half_to_float(0x3c00), 1.0, 0);
  assert_float_equal(loci__half_to_float(0xc000), -2.0, 0);
  assert_float_equal(loci__half_to_float(0x0001), 0x1p-24, 0);
  assert_float_equal(loci__half_to_float(0x03ff), 1023 * 0x1p-24, 0);
  assert_float_equal(loci__half_to_float(0x0400), 0x1p-14, 0);
  assert_float_equal(loci__half_to_float(0x7bff), 65504.0, 0);
  assert_true(isinf(loci__half_to_float(0x7c00)) && loci__half_to_float(0xfc00) < 0);
  assert_true(isnan(loci__half_to_float(0x7e00)));
  assert_true(signbit(loci__half_to_float(0x8000)));

  loci_context *context = test_context_new(1, NULL);
  loci__safetensors *file;
  /* bytes 0, 1, 2, …: BF16 0x0100, I16 0x0302, U32 0x07060504, I8 8, U64 */
  assert_ok(parse(context,
                  "{\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                  "\"i\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[2,4]},"
                  "\"u\":{\"dtype\":\"U32\",\"shape\":[],\"data_offsets\":[4,8]},"
                  "\"c\":{\"dtype\":\"I8\",\"shape\":[1,1],\"data_offsets\":[8,9]},"
                  "\"l\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[9,17]},"
                  "\"f\":{\"dtype\":\"F8_E5M2\",\"shape\":[1],\"data_offsets\":[17,18]}}",
                  18, &file),
            &error);
  float v;
  int64_t n;
  const uint32_t bits = 0x01000000u;
  float expected;
  memcpy(&expected, &bits, 4);
  assert_ok(loci__tensor_floats(loci__safetensors_find(file, "b"), 0, 1, &v, &error), &error);
  assert_memory_equal(&v, &expected, 4);
  assert_true(loci__tensor_integer(loci__safetensors_find(file, "i"), 0, &n) && n == 0x0302);
  assert_true(loci__tensor_integer(loci__safetensors_find(file, "u"), 0, &n) && n == 0x07060504);
  assert_false(loci__tensor_integer(loci__safetensors_find(file, "u"), 1, &n));
  assert_true(loci__tensor_integer(loci__safetensors_find(file, "c"), 0, &n) && n == 8);
  assert_true(loci__tensor_integer(loci__safetensors_find(file, "l"), 0, &n) && n == 0x100f0e0d0c0b0a09);
  assert_int_equal(loci__tensor_floats(loci__safetensors_find(file, "f"), 0, 1, &v, &error), LOCI_ERROR_UNSUPPORTED);
  assert_int_equal(loci__tensor_floats(loci__safetensors_find(file, "c"), 1, 1, &v, &error), LOCI_ERROR_INTERNAL);
  assert_null(loci__safetensors_find(file, "nothing"));
  char shape[160];
  loci__tensor_shape_text(loci__safetensors_find(file, "c"), shape);
  assert_string_equal(shape, "[1, 1]");
  loci__safetensors_close(file);
  test_context_free(context);
}

static void write_read(loci_context *context, const char *path) {
  const float rows[6] = {1, -2, 3.5f, 0, NAN, 6};
  const int8_t codes[5] = {-127, 0, 1, 2, 127};
  const int64_t ids[2] = {INT64_MIN, 7};
  const loci__tensor_out tensors[] = {
      {.name = "codes", .dtype = LOCI__DTYPE_I8, .rank = 1, .shape = {5}, .data = codes},
      {.name = "rows", .dtype = LOCI__DTYPE_F32, .rank = 2, .shape = {2, 3}, .data = rows},
      {.name = "ids", .dtype = LOCI__DTYPE_I64, .rank = 1, .shape = {2}, .data = ids},
      {.name = "none", .dtype = LOCI__DTYPE_F32, .rank = 2, .shape = {0, 3}, .data = NULL},
  };
  const char *const metadata[][2] = {{"format", "pt"}, {"made \"by\"", "loci\n"}};
  assert_ok(loci__safetensors_write(context, path, tensors, LOCI__COUNT(tensors), metadata, 2, &error), &error);
  loci__safetensors *file;
  assert_ok(loci__safetensors_open(context, path, &file, &error), &error);
  assert_int_equal(loci__safetensors_count(file), 4);
  assert_string_equal(loci__safetensors_metadata(file, "made \"by\""), "loci\n");
  assert_null(loci__safetensors_metadata(file, "x"));
  const loci__tensor *t = loci__safetensors_find(file, "rows");
  assert_non_null(t);
  assert_int_equal(t->rank, 2);
  assert_int_equal(t->shape[1], 3);
  assert_non_null(loci__tensor_view(t)); /* widest first: F32 is aligned */
  assert_memory_equal(t->data, rows, sizeof rows);
  assert_memory_equal(loci__safetensors_find(file, "codes")->data, codes, sizeof codes);
  assert_memory_equal(loci__safetensors_find(file, "ids")->data, ids, sizeof ids);
  loci__safetensors_close(file);
}

static void test_write_file(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  char path[512];
  snprintf(path, sizeof path, "%s/a.safetensors", test_folder());
  write_read(context, path);
  assert_int_equal(loci__safetensors_open(context, "/nonexistent/x.safetensors", &(loci__safetensors *){NULL}, &error),
                   LOCI_ERROR_IO);
  test_context_free(context);
}

static void one_tensor(loci_context *context, const char *folder, const char *file, const char *tensor, float value) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  const loci__tensor_out t[2] = {{.name = tensor, .dtype = LOCI__DTYPE_F32, .rank = 1, .shape = {1}, .data = &value},
                                 {.name = "shared", .dtype = LOCI__DTYPE_F32, .rank = 1, .shape = {1}, .data = &value}};
  assert_ok(loci__safetensors_write(context, path, t, 2, NULL, 0, &error), &error);
}

static void test_shards(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  const char *folder = test_folder();
  one_tensor(context, folder, "one.safetensors", "a", 1);
  one_tensor(context, folder, "two.safetensors", "b", 2);
  char index[512];
  snprintf(index, sizeof index, "%s/model.safetensors.index.json", folder);
  loci__safetensors *file;
  float v;
#define INDEX(map)                                                                   \
  do {                                                                               \
    const char *text = "{\"metadata\":{\"total_size\":8},\"weight_map\":{" map "}}"; \
    test_write(index, text, strlen(text));                                           \
  } while (0)
  /* "shared" is in both files; the map decides */
  INDEX("\"a\":\"one.safetensors\",\"b\":\"two.safetensors\",\"shared\":\"two.safetensors\"");
  assert_ok(loci__safetensors_open(context, index, &file, &error), &error);
  assert_int_equal(loci__safetensors_count(file), 3);
  assert_int_equal(loci__safetensors_n_files(file), 2);
  assert_ok(loci__tensor_floats(loci__safetensors_find(file, "shared"), 0, 1, &v, &error), &error);
  assert_float_equal(v, 2, 0);
  loci__safetensors_close(file);

  INDEX("\"a\":\"two.safetensors\"");
  assert_int_equal(loci__safetensors_open(context, index, &file, &error), LOCI_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "'a' is missing"));
  INDEX("\"a\":\"three.safetensors\"");
  assert_int_equal(loci__safetensors_open(context, index, &file, &error), LOCI_ERROR_IO);
  INDEX("\"a\":\"../one.safetensors\"");
  assert_int_equal(loci__safetensors_open(context, index, &file, &error), LOCI_ERROR_FORMAT);
  INDEX("\"a\":1");
  assert_int_equal(loci__safetensors_open(context, index, &file, &error), LOCI_ERROR_FORMAT);
  test_write(index, "{}", 2);
  assert_int_equal(loci__safetensors_open(context, index, &file, &error), LOCI_ERROR_FORMAT);
#undef INDEX
  test_context_free(context);
}

/* Every allocation fails once: an error, nothing left over, nothing crashed. */
typedef struct stingy {
  size_t left, held;
} stingy;

static void *stingy_allocate(void *user, size_t size) {
  stingy *s = user;
  if (s->left == 0) return NULL;
  s->left--;
  void *memory = malloc(size);
  s->held += memory != NULL;
  return memory;
}

static void *stingy_resize(void *user, void *memory, size_t size) {
  stingy *s = user;
  if (memory == NULL) return stingy_allocate(user, size);
  if (s->left == 0) return NULL;
  s->left--;
  return realloc(memory, size);
}

static void stingy_release(void *user, void *memory) {
  stingy *s = user;
  s->held -= memory != NULL;
  free(memory);
}

static void test_out_of_memory(void **state) {
  (void)state;
  stingy s = {.left = SIZE_MAX};
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.allocator = (loci_allocator){&s, stingy_allocate, stingy_resize, stingy_release};
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  const char *folder = test_folder();
  one_tensor(context, folder, "one.safetensors", "a", 1);
  one_tensor(context, folder, "two.safetensors", "b", 2);
  char index[512];
  snprintf(index, sizeof index, "%s/m.safetensors.index.json", folder);
  const char *text = "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}";
  test_write(index, text, strlen(text));
  const size_t held = s.held;
  size_t n = 0;
  for (;; n++) {
    loci__safetensors *file = NULL;
    s.left = n;
    const loci_status status = loci__safetensors_open(context, index, &file, &error);
    s.left = SIZE_MAX;
    if (status == LOCI_OK) {
      loci__safetensors_close(file);
      break;
    }
    assert_int_equal(status, LOCI_ERROR_MEMORY);
    assert_null(file);
    assert_int_equal(s.held, held);
    assert_true(n < 1000);
  }
  assert_true(n > 10);
  assert_int_equal(s.held, held);
  loci_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_takes),         cmocka_unit_test(test_refuses),    cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_numbers),       cmocka_unit_test(test_write_file), cmocka_unit_test(test_shards),
      cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
