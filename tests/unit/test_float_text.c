/* Numbers of tables of vectors: loci__scan_float against strtof, loci__format_float against printf, on millions. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* The whole of text is one number, and it is strtof's. */
static void reads(const char *text) {
  float got = 0;
  char *end;
  const float wanted = strtof(text, &end);
  const size_t used = loci__scan_float(text, strlen(text), &got);
  if (used != (size_t)(end - text) || (used > 0 && bits_of(got) != bits_of(wanted) && !(isnan(got) && isnan(wanted))))
    fail_msg("'%s': %zu bytes, %.9g; strtof: %zu bytes, %.9g", text, used, (double)got, (size_t)(end - text),
             (double)wanted);
}

static float any_float(loci__random *random) {
  for (;;) {
    const uint32_t bits = (uint32_t)loci__random_next(random);
    float x;
    memcpy(&x, &bits, sizeof x);
    if (isfinite(x)) return x;
  }
}

/* What tables hold, and every exponent there is. */
static float some_float(loci__random *random, int i) {
  return i % 2 == 0 ? any_float(random) : (float)(loci__random_normal(random) * (i % 4 == 1 ? 1 : 0.01));
}

static void test_reads(void **state) {
  (void)state;
  static const char *const texts[] = {"0",
                                      "-0",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "-.5e1",
                                      "1e5",
                                      "1E-5",
                                      "1e+05",
                                      "1e",
                                      "1e+",
                                      "1.5e-",
                                      "0.1",
                                      "16777217",
                                      "16777216.5",
                                      "9007199254740993",
                                      "1e38",
                                      "3.4028235e38",
                                      "3.4028236e38",
                                      "3.40282357e38",
                                      "1e39",
                                      "1e-38",
                                      "1.17549435e-38",
                                      "1e-45",
                                      "7e-46",
                                      "1e-46",
                                      "1e99999",
                                      "1e-99999",
                                      "0e99999",
                                      "0.000000000000000000000000000000000000000000000001",
                                      "123456789012345678901234567890",
                                      "0.333333333333333333333333333333333",
                                      "nan",
                                      "NaN",
                                      "-nan",
                                      "inf",
                                      "-INF",
                                      "Infinity",
                                      "-infinity",
                                      "infin",
                                      "",
                                      "-",
                                      "+",
                                      ".",
                                      "-.",
                                      "e5",
                                      "x",
                                      "1x",
                                      "1 2",
                                      "--1",
                                      "1.5.5",
                                      "0.5000000298023224",
                                      "1.00000005960464477539"};
  for (size_t i = 0; i < LOCI__COUNT(texts); i++) reads(texts[i]);
}

/* Decimals of 1 to 17 digits of any float, and the exact middle of two neighbours with a digit more or less. */
static void test_reads_like_strtof(void **state) {
  (void)state;
  loci__random random;
  loci__random_init(&random, 1);
  for (int i = 0; i < 1000000; i++) {
    char text[64];
    const float x = some_float(&random, i);
    if (i % 5 == 0) snprintf(text, sizeof text, "%.6f", (double)(float)loci__random_normal(&random)); /* word2vec's */
    else snprintf(text, sizeof text, "%.*g", 1 + i % 17, (double)x);
    reads(text);
  }
  for (int i = 0; i < 200000; i++) {
    const float x = some_float(&random, i), y = nextafterf(x, INFINITY);
    if (!isfinite(y)) continue;
    char text[200];
    const double middle = (double)x / 2 + (double)y / 2;
    snprintf(text, sizeof text, "%.*g", 8 + i % 30, middle);
    reads(text);
    snprintf(text, sizeof text, "%.40g", middle);
    reads(text);
  }
}

static void writes(float x) {
  char got[32], wanted[32];
  const size_t n = loci__format_float(x, got), m = loci__format_float_plain(x, wanted);
  if (n != m || strcmp(got, wanted) != 0) fail_msg("%.9g: '%s', printf: '%s'", (double)x, got, wanted);
  float back;
  if (isfinite(x) && (loci__scan_float(got, n, &back) != n || bits_of(back) != bits_of(x)))
    fail_msg("%.9g was written as '%s' and read as %.9g", (double)x, got, (double)back);
}

static void test_writes_like_printf(void **state) {
  (void)state;
  static const float some[] = {0,        -0.0f,         1,           -1,          0.1f,       100000, 999999,
                               1e6f,     1234567,       9999999,     16777216,    1e9f,       1e10f,  1e15f,
                               1e-4f,    1e-5f,         0.00012345f, 0.99999994f, 9.9999996f, 1e-13f, 9.99e-14f,
                               1.4e-45f, 3.4028235e38f, INFINITY,    -INFINITY,   NAN};
  for (size_t i = 0; i < LOCI__COUNT(some); i++) writes(some[i]);
  loci__random random;
  loci__random_init(&random, 2);
  for (int i = 0; i < 1000000; i++) writes(some_float(&random, i));
  for (int i = 0; i < 200000; i++) {
    writes((float)((double)loci__random_below(&random, 100000000) / 1e4)); /* short ones */
    writes((float)loci__random_below(&random, 1 << 30));
  }
  for (int exponent = -45; exponent <= 38; exponent++) { /* about powers of ten */
    const float power = (float)pow(10, exponent);
    writes(power);
    writes(nextafterf(power, 0));
    writes(nextafterf(power, INFINITY));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reads),
      cmocka_unit_test(test_reads_like_strtof),
      cmocka_unit_test(test_writes_like_printf),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
