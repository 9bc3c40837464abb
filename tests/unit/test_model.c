/* Models: every layout that loci opens, against vectors of the reference libraries (tests/golden/make_models.py), and
 * what loci_embed promises besides: roles, truncation, order, bits, errors. */
#include "support.h"

#include "base/json.h"
#include "format/format.h"
#include "loci/model.h"
#include "model/model.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/models/"
enum { MAX_TEXTS = 64, MAX_DIM = 512 };

static loci_error error;
static loci_text texts[MAX_TEXTS];
static size_t n_texts;
static char *texts_file;
static loci__json_document texts_json;

static int read_texts(void **state) {
  (void)state;
  size_t length;
  texts_file = test_read(GOLDEN "texts.json", &length);
  assert_ok(loci__json_parse(&texts_json, NULL, texts_file, length, "texts.json", &error), &error);
  const loci__json *list = &texts_json.nodes[0];
  for (const loci__json *v = loci__json_first(list); v != NULL; v = loci__json_next(list, v)) {
    assert_true(n_texts < MAX_TEXTS);
    texts[n_texts++] = (loci_text){v->text, v->length};
  }
  return 0;
}

static int drop_texts(void **state) {
  (void)state;
  loci__json_release(&texts_json);
  free(texts_file);
  return 0;
}

static loci_model *open_model(loci_context *context, const char *path) {
  loci_model *model = NULL;
  assert_ok(loci_model_open(context, path, &model, &error), &error);
  return model;
}

static loci_model_info info_of(const loci_model *model) {
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(model, &info);
  return info;
}

static loci_embed_options with(loci_role role, const char *prompt_name, int normalize) {
  loci_embed_options o;
  loci_embed_options_init(&o);
  o.role = role;
  o.prompt_name = prompt_name;
  o.normalize = normalize;
  return o;
}

/* ---- against the reference ---- */

/* What the reference gave, compared after both were normalised (relative), or as they are. */
static void compare(const loci_model *model, const char *golden, const char *name, loci_embed_options options,
                    double tolerance) {
  loci__safetensors *file;
  assert_ok(loci__safetensors_open(model->context, golden, &file, &error), &error);
  const loci__tensor *expected = loci__safetensors_find(file, name);
  if (expected == NULL) fail_msg("%s is not in %s", name, golden);
  const size_t dim = model->dim;
  assert_int_equal(expected->shape[0], n_texts);
  assert_int_equal(expected->shape[1], dim);
  assert_true(dim <= MAX_DIM);
  float *got = malloc(n_texts * dim * sizeof *got), *want = malloc(n_texts * dim * sizeof *want);
  loci_embed_info infos[MAX_TEXTS];
  assert_ok(loci_embed(model, texts, n_texts, &options, got, infos, &error), &error);
  assert_ok(loci__tensor_floats(expected, 0, n_texts * dim, want, &error), &error);
  double worst = 0;
  for (size_t i = 0; i < n_texts; i++) {
    if (options.normalize) loci__normalize(want + i * dim, dim);
    double largest = 1;
    for (size_t d = 0; d < dim; d++) largest = fmax(largest, fabs((double)want[i * dim + d]));
    for (size_t d = 0; d < dim; d++) {
      const double delta = fabs((double)got[i * dim + d] - (double)want[i * dim + d]) / largest;
      if (!(delta <= tolerance))
        fail_msg("%s, text %zu, dimension %zu: %.9g, the reference has %.9g", name, i, d, (double)got[i * dim + d],
                 (double)want[i * dim + d]);
      worst = fmax(worst, delta);
    }
  }
  print_message("%-24s max |delta| %.2e\n", name, worst);
  free(got);
  free(want);
  loci__safetensors_close(file);
}

static void compare_lengths(const loci_model *model, const char *name) {
  loci__safetensors *file;
  assert_ok(loci__safetensors_open(model->context, GOLDEN "expected.safetensors", &file, &error), &error);
  const loci__tensor *expected = loci__safetensors_find(file, name);
  assert_non_null(expected);
  float *vectors = malloc(n_texts * model->dim * sizeof *vectors);
  loci_embed_info infos[MAX_TEXTS];
  const loci_embed_options options = with(LOCI_ROLE_DOCUMENT, NULL, LOCI_NORMALIZE_YES);
  assert_ok(loci_embed(model, texts, n_texts, &options, vectors, infos, &error), &error);
  size_t cut = 0;
  for (size_t i = 0; i < n_texts; i++) {
    int64_t n;
    assert_true(loci__tensor_integer(expected, i, &n));
    assert_int_equal(infos[i].n_tokens, n);
    assert_true(infos[i].n_tokens_whole >= infos[i].n_tokens);
    assert_int_equal(infos[i].truncated, infos[i].n_tokens_whole > infos[i].n_tokens);
    cut += infos[i].truncated != 0;
  }
  assert_true(cut >= 1);
  free(vectors);
  loci__safetensors_close(file);
}

#define EXPECTED GOLDEN "expected.safetensors"
#define STATIC   GOLDEN "static.safetensors"

static void test_bge(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "bge-tiny-en");
  const loci_model_info info = info_of(m);
  assert_string_equal(info.name, "bge-tiny-en");
  assert_string_equal(info.architecture, "bert");
  assert_string_equal(info.pooling, "cls");
  assert_string_equal(info.similarity, "cosine");
  assert_int_equal(info.dim, 24);
  assert_int_equal(info.n_layers, 2);
  assert_int_equal(info.n_heads, 3);
  assert_int_equal(info.max_tokens, 24);
  assert_int_equal(info.normalize, 1);
  assert_null(info.fingerprint);
  compare(m, EXPECTED, "bge-tiny-en/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 2e-6);
  /* the table of families: queries get BGE's instruction, documents nothing */
  compare(m, EXPECTED, "bge-tiny-en/query", with(LOCI_ROLE_QUERY, NULL, 1), 2e-6);
  compare(m, EXPECTED, "bge-tiny-en/default", with(LOCI_ROLE_DOCUMENT, NULL, 1), 2e-6);
  loci_model_close(m);
  test_context_free(context);
}

static void test_e5(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "tiny-e5");
  assert_string_equal(info_of(m).pooling, "mean");
  assert_int_equal(info_of(m).max_tokens, 30);
  assert_int_equal(loci_model_prompts(m), 2);
  const char *name;
  assert_string_equal(loci_model_prompt(m, 1, &name), "passage: ");
  assert_string_equal(name, "passage");
  assert_null(loci_model_prompt(m, 2, &name));
  compare(m, EXPECTED, "tiny-e5/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 2e-6);
  compare(m, EXPECTED, "tiny-e5/query", with(LOCI_ROLE_QUERY, NULL, 1), 2e-6);
  compare(m, EXPECTED, "tiny-e5/document", with(LOCI_ROLE_DOCUMENT, NULL, 1), 2e-6);
  compare(m, EXPECTED, "tiny-e5/query", with(LOCI_ROLE_DOCUMENT, "query", 1), 2e-6); /* a name wins over the role */
  loci_model_close(m);
  test_context_free(context);
}

static void test_gte(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "gte-tiny");
  assert_int_equal(info_of(m).max_tokens, 20);
  assert_int_equal(info_of(m).normalize, 0);
  assert_string_equal(info_of(m).similarity, "dot");
  assert_string_equal(info_of(m).default_prompt, "query");
  compare(m, EXPECTED, "gte-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 0), 2e-6);
  compare(m, EXPECTED, "gte-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 2e-6);
  compare(m, EXPECTED, "gte-tiny/plain", with(LOCI_ROLE_DEFAULT, "plain", 0), 2e-6);
  loci_model_close(m);
  test_context_free(context);
}

static void test_dense(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "dense-tiny");
  assert_string_equal(info_of(m).pooling, "cls+max+mean+mean_sqrt_len_tokens+weightedmean+lasttoken");
  assert_int_equal(info_of(m).dim, 12);
  assert_int_equal(info_of(m).hidden_size, 16);
  compare(m, EXPECTED, "dense-tiny/default", with(LOCI_ROLE_DOCUMENT, NULL, 0), 4e-6);
  compare(m, EXPECTED, "dense-tiny/query", with(LOCI_ROLE_QUERY, NULL, 0), 4e-6); /* the prompt is not pooled */
  loci_model_close(m);
  test_context_free(context);
}

static char logged[2048];

static void keep_log(void *user, loci_log_level level, const char *message) {
  (void)user;
  if (level == LOCI_LOG_WARNING) snprintf(logged, sizeof logged, "%s", message);
}

static void test_masked(void **state) {
  (void)state;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 2;
  options.log = keep_log;
  options.model_path = "/nonexistent:" GOLDEN;
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  logged[0] = '\0';
  loci_model *m = open_model(context, "masked-tiny"); /* by name, in the model path */
  assert_non_null(strstr(logged, "mean is assumed"));
  compare(m, EXPECTED, "masked-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 0), 2e-6);
  loci_model_close(m);
  loci_context_free(context);
}

static void test_lengths(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  static const char *const names[] = {"bge-tiny-en", "gte-tiny", "dense-tiny", "masked-tiny"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char path[512], tensor[64];
    snprintf(path, sizeof path, GOLDEN "%s", names[i]);
    snprintf(tensor, sizeof tensor, "%s/lengths", names[i]);
    loci_model *m = open_model(context, path);
    if (m->default_prompt == NULL) compare_lengths(m, tensor);
    loci_model_close(m);
  }
  test_context_free(context);
}

static void test_static(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "static-tiny");
  assert_string_equal(info_of(m).architecture, "static");
  assert_int_equal(info_of(m).dim, 20);
  assert_true(info_of(m).max_tokens == SIZE_MAX);
  assert_int_equal(info_of(m).normalize, 1);
  compare(m, STATIC, "static-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 1e-6);
  loci_model_close(m);
  m = open_model(context, GOLDEN "m2v-int8-tiny");
  assert_int_equal(info_of(m).normalize, 1);
  assert_int_equal(m->n_steps, 1);
  compare(m, STATIC, "m2v-int8-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 1e-6);
  compare(m, STATIC, "m2v-int8-tiny/plain", with(LOCI_ROLE_DEFAULT, NULL, 0), 1e-6);
  loci_model_close(m);
  m = open_model(context, GOLDEN "m2v-f16-tiny");
  assert_int_equal(info_of(m).max_tokens, 5);
  assert_int_equal(info_of(m).normalize, 0);
  compare(m, STATIC, "m2v-f16-tiny/plain", with(LOCI_ROLE_DEFAULT, NULL, 0), 1e-6);
  /* no token: the zero vector stays zero */
  float v[18];
  assert_ok(loci_embed(m, texts, 1, NULL, v, NULL, &error), &error);
  for (size_t d = 0; d < 18; d++) assert_true(v[d] == 0);
  loci_model_close(m);
  test_context_free(context);
}

static void copy_tree(const char *name, const char *to) {
  char command[1200];
  snprintf(command, sizeof command, "cp -r '" GOLDEN "%s/.' '%s'", name, to);
  assert_int_equal(system(command), 0);
}

/* Families known by the folder's name; anything else gets nothing. */
static void test_families(void **state) {
  (void)state;
  static const struct {
    const char *folder, *query, *document;
  } rows[] = {
      {"multilingual-e5-small", "query: ", "passage: "},
      {"e5-base-v2", "query: ", "passage: "},
      {"models--intfloat--E5-small/snapshots/0123abc", "query: ", "passage: "},
      {"multilingual-e5-large-instruct", "", ""},
      {"bge-large-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""},
      {"bge-m3", "", ""},
      {"nomic-embed-text-v1", "search_query: ", "search_document: "},
      {"cafe5-model", "", ""},
  };
  loci_context *context = test_context_new(1, NULL);
  for (size_t i = 0; i < LOCI__COUNT(rows); i++) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", test_folder(), rows[i].folder);
    assert_ok(loci__file_make_folders(context, folder, &error), &error);
    copy_tree("bge-tiny-en", folder);
    loci_model *m = open_model(context, folder);
    assert_string_equal(loci__prompts_for_role(m, LOCI_ROLE_QUERY), rows[i].query);
    assert_string_equal(loci__prompts_for_role(m, LOCI_ROLE_DOCUMENT), rows[i].document);
    assert_string_equal(loci__prompts_for_role(m, LOCI_ROLE_DEFAULT), "");
    loci_model_close(m);
  }
  test_context_free(context);
}

/* ---- promises ---- */

static void test_bits(void **state) {
  (void)state;
  static const char *const names[] = {"bge-tiny-en", "dense-tiny", "m2v-int8-tiny"};
  for (size_t k = 0; k < LOCI__COUNT(names); k++) {
    char path[512];
    snprintf(path, sizeof path, GOLDEN "%s", names[k]);
    float *first = NULL;
    size_t dim = 0;
    for (int threads = 1; threads <= 2; threads++) {
      loci_context *context = test_context_new(threads, NULL);
      loci_model *m = open_model(context, path);
      dim = m->dim;
      if (first == NULL) {
        first = malloc(n_texts * dim * sizeof *first);
        for (size_t i = 0; i < n_texts; i++)
          assert_ok(loci_embed(m, texts + i, 1, NULL, first + i * dim, NULL, &error), &error);
      }
      /* 500 texts in one call, in an order of their own: every one has the bits it has alone */
      enum { MANY = 500 };
      static loci_text many[MANY];
      float *all = malloc(MANY * dim * sizeof *all);
      for (size_t i = 0; i < MANY; i++) many[i] = texts[(i * 7 + 3) % n_texts];
      assert_ok(loci_embed(m, many, MANY, NULL, all, NULL, &error), &error);
      for (size_t i = 0; i < MANY; i++)
        assert_memory_equal(all + i * dim, first + (i * 7 + 3) % n_texts * dim, dim * sizeof *all);
      free(all);
      loci_model_close(m);
      test_context_free(context);
    }
    free(first);
  }
}

/* One model, several threads at once. */
typedef struct visitor {
  loci_model *model;
  float *vectors;
  char fingerprint[33];
  loci_status status;
} visitor;

static void *visit(void *arg) {
  visitor *v = arg;
  loci_error e;
  v->status = loci_model_fingerprint(v->model, v->fingerprint, &e);
  for (int i = 0; i < 5 && v->status == LOCI_OK; i++)
    v->status = loci_embed(v->model, texts, n_texts, NULL, v->vectors, NULL, &e);
  return NULL;
}

static void test_shared(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "bge-tiny-en");
  enum { VISITORS = 3 };
  visitor visitors[VISITORS];
  pthread_t threads[VISITORS];
  const size_t size = n_texts * m->dim * sizeof(float);
  for (int i = 0; i < VISITORS; i++) {
    visitors[i] = (visitor){.model = m, .vectors = malloc(size)};
    assert_int_equal(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
  }
  for (int i = 0; i < VISITORS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(visitors[i].status, LOCI_OK);
  }
  for (int i = 1; i < VISITORS; i++) {
    assert_memory_equal(visitors[0].vectors, visitors[i].vectors, size);
    assert_string_equal(visitors[0].fingerprint, visitors[i].fingerprint);
  }
  for (int i = 0; i < VISITORS; i++) free(visitors[i].vectors);
  loci_model_close(m);
  test_context_free(context);
}

/* Every instruction set that this machine has. */
static void test_isas(void **state) {
  (void)state;
  static const char *const isas[] = {"ref", "avx2", "avx512"};
  for (size_t i = 0; i < LOCI__COUNT(isas); i++) {
    loci_context_options options;
    loci_context_options_init(&options);
    options.threads = 1;
    options.isa = isas[i];
    loci_context *context;
    if (loci_context_new(&options, &context, &error) != LOCI_OK) continue;
    if (strcmp(loci_context_isa(context), isas[i]) == 0) {
      print_message("%s\n", isas[i]);
      loci_model *m = open_model(context, GOLDEN "dense-tiny");
      compare(m, EXPECTED, "dense-tiny/default", with(LOCI_ROLE_DOCUMENT, NULL, 0), 4e-6);
      loci_model_close(m);
      m = open_model(context, GOLDEN "tiny-e5");
      compare(m, EXPECTED, "tiny-e5/query", with(LOCI_ROLE_QUERY, NULL, 1), 2e-6);
      loci_model_close(m);
      m = open_model(context, GOLDEN "m2v-int8-tiny");
      compare(m, STATIC, "m2v-int8-tiny/plain", with(LOCI_ROLE_DEFAULT, NULL, 0), 1e-6);
      loci_model_close(m);
    }
    loci_context_free(context);
  }
}

static int cancel(void *user, const loci_progress *progress) {
  ++*(int *)user;
  return progress->done > 0;
}

static void test_options(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "tiny-e5");
  const size_t dim = m->dim;
  float *v = malloc(n_texts * dim * sizeof *v);
  loci_embed_info infos[MAX_TEXTS];
  loci_embed_options o = with(LOCI_ROLE_DEFAULT, NULL, 1);
  o.on_long = LOCI_ON_LONG_ERROR;
  assert_int_equal(loci_embed(m, texts, n_texts, &o, v, NULL, &error), LOCI_ERROR_LIMIT);
  assert_non_null(strstr(error.message, "text 10"));
  o.max_tokens = 100000; /* never more than the positions */
  assert_int_equal(loci_embed(m, texts, n_texts, &o, v, NULL, &error), LOCI_ERROR_LIMIT);
  assert_non_null(strstr(error.message, "48 allowed"));
  o = with(LOCI_ROLE_DEFAULT, NULL, 1);
  o.max_tokens = 5;
  assert_ok(loci_embed(m, texts, n_texts, &o, v, infos, &error), &error);
  assert_int_equal(infos[0].n_tokens, 2);
  assert_int_equal(infos[0].truncated, 0);
  assert_int_equal(infos[10].n_tokens, 5);
  assert_int_equal(infos[10].n_tokens_whole, 62);
  assert_int_equal(infos[10].truncated, 1);
  o.max_tokens = 1;
  assert_int_equal(loci_embed(m, texts, n_texts, &o, v, infos, &error), LOCI_ERROR_USAGE);
  o = with(LOCI_ROLE_DEFAULT, "summary", 1);
  assert_int_equal(loci_embed(m, texts, n_texts, &o, v, infos, &error), LOCI_ERROR_USAGE);
  assert_non_null(strstr(error.message, "query, passage"));
  assert_ok(loci_embed(m, NULL, 0, NULL, NULL, NULL, &error), &error);
  int calls = 0;
  o = with(LOCI_ROLE_DEFAULT, NULL, 1);
  o.progress = cancel;
  o.progress_user = &calls;
  assert_int_equal(loci_embed(m, texts, n_texts, &o, v, infos, &error), LOCI_ERROR_CANCELLED);
  assert_true(calls >= 2);
  free(v);
  loci_model_close(m);
  test_context_free(context);
  const float a[2] = {3, 4}, b[2] = {4, -3}, z[2] = {0, 0};
  assert_true(loci_cosine(a, a, 2) == 1.0);
  assert_true(loci_cosine(a, b, 2) == 0.0);
  assert_true(loci_cosine(a, z, 2) == 0.0);
}

/* ---- what is refused ---- */

static void refused(const char *file, const char *content, const char *base, loci_status expected, const char *words) {
  loci_context *context = test_context_new(1, NULL);
  const char *folder = test_folder();
  char path[512];
  copy_tree(base, folder);
  snprintf(path, sizeof path, "%s/%s", folder, file);
  if (content != NULL) test_write(path, content, strlen(content));
  else assert_int_equal(remove(path), 0);
  loci_model *m = NULL;
  error = (loci_error){0};
  const loci_status status = loci_model_open(context, folder, &m, &error);
  if (status != expected || strstr(error.message, words) == NULL)
    fail_msg("%s = %s: %s: %s\n  expected %s … %s", file, content, loci_status_text(status), error.message,
             loci_status_text(expected), words);
  assert_null(m);
  test_context_free(context);
}

static void test_refused(void **state) {
  (void)state;
#define MODULE(type, path) "[{\"idx\":0,\"name\":\"0\",\"path\":\"" path "\",\"type\":\"x." type "\"}]"
  refused("config.json", "{\"model_type\":\"roberta\"}", "bge-tiny-en", LOCI_ERROR_UNSUPPORTED, "'roberta'");
  refused("config.json", "{\"model_type\":\"bert\"}", "bge-tiny-en", LOCI_ERROR_FORMAT, "hidden_size");
  refused("config.json", "{}", "bge-tiny-en", LOCI_ERROR_MODEL, "model_type");
  refused("config.json", "{", "bge-tiny-en", LOCI_ERROR_FORMAT, "config.json");
  refused("config.json", NULL, "bge-tiny-en", LOCI_ERROR_MODEL, "config.json");
  refused("config.json",
          "{\"model_type\":\"bert\",\"hidden_size\":24,\"num_hidden_layers\":3,\"num_attention_heads\":3,"
          "\"intermediate_size\":48,\"vocab_size\":96,\"max_position_embeddings\":48}",
          "bge-tiny-en", LOCI_ERROR_FORMAT, "tensor");
  refused("config.json",
          "{\"model_type\":\"bert\",\"hidden_size\":25,\"num_hidden_layers\":2,\"num_attention_heads\":3,"
          "\"intermediate_size\":48,\"vocab_size\":96,\"max_position_embeddings\":48}",
          "bge-tiny-en", LOCI_ERROR_FORMAT, "heads");
  refused("modules.json", MODULE("CLIPModel", ""), "bge-tiny-en", LOCI_ERROR_UNSUPPORTED, "'CLIPModel'");
  refused("modules.json", MODULE("Transformer", ""), "bge-tiny-en", LOCI_ERROR_UNSUPPORTED, "nothing");
  refused("modules.json", MODULE("Transformer", "../x"), "bge-tiny-en", LOCI_ERROR_FORMAT, "leaves the model's folder");
  refused("modules.json", "{}", "bge-tiny-en", LOCI_ERROR_FORMAT, "modules.json");
  refused("modules.json", "[]", "bge-tiny-en", LOCI_ERROR_FORMAT, "modules.json");
  refused("1_Pooling/config.json", "{\"pooling_mode\":\"attention\"}", "bge-tiny-en", LOCI_ERROR_UNSUPPORTED,
          "pooling_mode");
  refused("1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":false}", "bge-tiny-en", LOCI_ERROR_FORMAT, "off");
  refused("1_Pooling/config.json", "{\"word_embedding_dimension\":99}", "bge-tiny-en", LOCI_ERROR_FORMAT, "99");
  refused("1_Pooling/config.json", NULL, "bge-tiny-en", LOCI_ERROR_MODEL, "1_Pooling");
  refused("model.safetensors", NULL, "bge-tiny-en", LOCI_ERROR_MODEL, "model.safetensors");
  refused("model.safetensors", "12345678{}", "bge-tiny-en", LOCI_ERROR_FORMAT, "model.safetensors");
  refused("sentence_bert_config.json", "{\"max_seq_length\":-1}", "bge-tiny-en", LOCI_ERROR_FORMAT, "max_seq_length");
  refused("sentence_bert_config.json", "{\"max_seq_length\":1}", "bge-tiny-en", LOCI_ERROR_FORMAT, "special");
  refused("config_sentence_transformers.json", "{\"default_prompt_name\":\"x\"}", "bge-tiny-en", LOCI_ERROR_FORMAT,
          "'x'");
  refused("2_Dense/config.json",
          "{\"in_features\":96,\"out_features\":20,\"activation_function\":\"torch.nn.modules.activation.Mish\"}",
          "dense-tiny", LOCI_ERROR_UNSUPPORTED, "Mish");
  refused("2_Dense/config.json", "{\"in_features\":95,\"out_features\":20}", "dense-tiny", LOCI_ERROR_FORMAT, "95");
  refused("2_Dense/config.json", "{\"in_features\":96,\"out_features\":21}", "dense-tiny", LOCI_ERROR_FORMAT, "shape");
  refused("model-00002-of-00002.safetensors", NULL, "gte-tiny", LOCI_ERROR_IO, "00002");
  refused("tokenizer.json", NULL, "m2v-int8-tiny", LOCI_ERROR_MODEL, "");
#undef MODULE
  loci_context *context = test_context_new(1, NULL);
  loci_model *m;
  assert_int_equal(loci_model_open(context, "/nonexistent/model", &m, &error), LOCI_ERROR_MODEL);
  assert_int_equal(loci_model_open(context, "no-such-name", &m, &error), LOCI_ERROR_MODEL);
  assert_int_equal(loci_model_open(context, test_folder(), &m, &error), LOCI_ERROR_MODEL);
  test_context_free(context);
}

/* ---- fingerprint ---- */

static void fingerprint(const char *folder, const char *cache, char out[33]) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.cache = cache;
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  loci_model *m = open_model(context, folder);
  assert_ok(loci_model_fingerprint(m, out, &error), &error);
  assert_string_equal(info_of(m).fingerprint, out);
  assert_int_equal(strlen(out), 32);
  loci_model_close(m);
  loci_context_free(context);
}

/* Files this young are not cached: an edit within the clock's tick would not show. */
static void make_old(const char *folder) {
  char command[600];
  snprintf(command, sizeof command, "find '%s' -type f -exec touch -d 2020-01-01 {} +", folder);
  assert_int_equal(system(command), 0);
}

/* The only entry of the cache. */
static int keep_name(void *user, const char *name) {
  snprintf(user, 256, "%s", name);
  return 0;
}

static void entry_of(const char *cache, char out[512]) {
  char folder[300], name[256] = "";
  snprintf(folder, sizeof folder, "%s/fingerprints", cache);
  assert_int_equal(loci__file_readdir(NULL, folder, keep_name, name), 0);
  snprintf(out, 512, "%.200s/%.250s", folder, name);
}

static void test_fingerprint(void **state) {
  (void)state;
  char one[33], two[33], path[512];
  const char *folder = test_folder(), *cache = test_folder();
  copy_tree("gte-tiny", folder);
  fingerprint(GOLDEN "gte-tiny", NULL, one);
  fingerprint(folder, NULL, two);
  assert_string_equal(one, two);

  /* the same weights in one file under other names: the same model */
  loci__safetensors *file;
  snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
  assert_ok(loci__safetensors_open(NULL, path, &file, &error), &error);
  loci__tensor_out out[64];
  static char names[64][160];
  const size_t n = loci__safetensors_count(file);
  assert_true(n <= 64);
  for (size_t i = 0; i < n; i++) {
    const loci__tensor *t = loci__safetensors_at(file, i);
    const char *norm = strstr(t->name, "LayerNorm.");
    snprintf(names[i], sizeof names[i], "bert.%s", t->name);
    if (norm != NULL)
      snprintf(strstr(names[i], "LayerNorm."), 32, "LayerNorm.%s", strcmp(norm + 10, "weight") == 0 ? "gamma" : "beta");
    out[i] = (loci__tensor_out){.name = names[i], .dtype = t->dtype, .rank = t->rank, .data = t->data};
    memcpy(out[i].shape, t->shape, sizeof t->shape);
  }
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  assert_ok(loci__safetensors_write(NULL, path, out, n, NULL, 0, &error), &error);
  loci__safetensors_close(file);
  fingerprint(folder, NULL, two);
  assert_string_equal(one, two);

  /* cached, and a broken entry is ignored */
  char entry[512];
  size_t length;
  fingerprint(folder, cache, two);
  assert_string_equal(one, two);
  snprintf(path, sizeof path, "%s/fingerprints", cache);
  assert_false(loci__file_exists(NULL, path)); /* too young */
  make_old(folder);
  fingerprint(folder, cache, two);
  assert_string_equal(one, two);
  entry_of(cache, entry);
  char *text = test_read(entry, &length);
  assert_int_equal(length, 33);
  assert_memory_equal(text, one, 32);
  free(text);
  test_write(entry, "00000000000000000000000000000000\n", 33);
  fingerprint(folder, cache, two);
  assert_string_equal(two, "00000000000000000000000000000000"); /* it is the cache that answers */
  test_write(entry, "zzz", 3);
  fingerprint(folder, cache, two);
  assert_string_equal(one, two);
  snprintf(path, sizeof path, "%s/loci", folder);
  test_write(path, "", 0);
  fingerprint(folder, path, two); /* a cache that cannot be written is no error */
  assert_string_equal(one, two);

  /* what changes a document's vector changes the fingerprint; the query's prompt does not */
  snprintf(path, sizeof path, "%s/config_sentence_transformers.json", folder);
  const char *query = "{\"prompts\":{\"query\":\"other \",\"document\":\"search \"},\"default_prompt_name\":\"query\"}";
  test_write(path, query, strlen(query));
  fingerprint(folder, cache, two);
  assert_string_equal(one, two);
  const char *document = "{\"prompts\":{\"document\":\"passage \"}}";
  test_write(path, document, strlen(document));
  fingerprint(folder, cache, two);
  assert_string_not_equal(one, two);
  test_write(path, query, strlen(query));
  snprintf(path, sizeof path, "%s/sentence_bert_config.json", folder);
  test_write(path, "{\"max_seq_length\":21}", 21);
  fingerprint(folder, cache, two);
  assert_string_not_equal(one, two);
  assert_int_equal(remove(path), 0);
  snprintf(path, sizeof path, "%s/1_Pooling/config.json", folder);
  test_write(path, "{\"pooling_mode\":\"cls\"}", 22);
  fingerprint(folder, cache, two);
  assert_string_not_equal(one, two);
  test_write(path, "{\"pooling_mode\":\"mean\"}", 23);
  fingerprint(folder, cache, two);
  assert_string_equal(one, two);
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  text = test_read(path, &length);
  uint64_t header;
  memcpy(&header, text, sizeof header);
  text[8 + header + 2] ^= 1; /* one bit of one weight: bert.embeddings.LayerNorm.beta stands first */
  test_write(path, text, length);
  free(text);
  fingerprint(folder, cache, two);
  assert_string_not_equal(one, two);
}

/* ---- writing ---- */

/* What is written is, byte for byte, what model2vec opened when written.safetensors was made. LOCI_WRITE_GOLDEN makes the
 * folder anew (then run make_models.py written). */
static void same_bytes(const char *folder, const char *name) {
  char path[700];
  size_t n, expected;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  char *got = test_read(path, &n);
  snprintf(path, sizeof path, GOLDEN "written-tiny/%s", name);
  if (getenv("LOCI_WRITE_GOLDEN") != NULL) test_write(path, got, n);
  char *want = test_read(path, &expected);
  assert_int_equal(n, expected);
  assert_memory_equal(got, want, n);
  free(got), free(want);
}

static void test_static_write(void **state) {
  (void)state;
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, GOLDEN "m2v-int8-tiny");
  size_t length;
  char *tokenizer = test_read(GOLDEN "bge-tiny-en/tokenizer.json", &length); /* with baked truncation */
  assert_non_null(strstr(tokenizer, "\"truncation\""));
  const loci__static_out out = {.n_rows = m->table.n_rows,
                                .dim = m->table.dim,
                                .codes = m->table.codes,
                                .n_tokens = m->table.n_tokens,
                                .weights = m->table.weights,
                                .mapping = m->table.mapping,
                                .normalize = true,
                                .tokenizer_json = tokenizer,
                                .tokenizer_length = length,
                                .card = "---\nlanguage:\n- en\nlicense: apache-2.0\n---\n# A model\n"};
  char folder[512], path[600];
  snprintf(folder, sizeof folder, "%s/deep/er", test_folder());
  assert_ok(loci__static_write(context, folder, &out, &error), &error);
  free(tokenizer);
  loci_model *again = open_model(context, folder);
  const loci_model_info info = info_of(again);
  assert_string_equal(info.language, "en");
  assert_string_equal(info.licence, "apache-2.0");
  assert_true(info.max_tokens == SIZE_MAX);
  compare(again, STATIC, "m2v-int8-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 1e-6);
  static const char *const files[] = {"config.json", "modules.json", "tokenizer.json", "model.safetensors",
                                      "README.md"};
  for (size_t i = 0; i < LOCI__COUNT(files); i++) same_bytes(folder, files[i]);
  compare(again, GOLDEN "written.safetensors", "written-tiny/default", with(LOCI_ROLE_DEFAULT, NULL, 1), 1e-6);
  char a[33], b[33];
  assert_ok(loci_model_fingerprint(m, a, &error), &error);
  assert_ok(loci_model_fingerprint(again, b, &error), &error);
  assert_string_equal(a, b);
  loci_model_close(again);
  loci_model_close(m);
  snprintf(path, sizeof path, "%s/tokenizer.json", folder);
  char *text = test_read(path, &length);
  assert_non_null(strstr(text, "\"truncation\":null"));
  assert_non_null(strstr(text, "\"padding\":null"));
  free(text);
  const loci__static_out nothing = {0};
  assert_int_equal(loci__static_write(context, folder, &nothing, &error), LOCI_ERROR_USAGE);
  test_context_free(context);
}

/* ---- out of memory: every n-th allocation fails ---- */

typedef struct stingy {
  _Atomic long left, held;
} stingy;

static void *stingy_allocate(void *user, size_t size) {
  stingy *s = user;
  if (atomic_fetch_sub(&s->left, 1) <= 0) return NULL;
  void *memory = malloc(size);
  if (memory != NULL) atomic_fetch_add(&s->held, 1);
  return memory;
}

static void *stingy_resize(void *user, void *memory, size_t size) {
  stingy *s = user;
  if (memory == NULL) return stingy_allocate(user, size);
  return atomic_fetch_sub(&s->left, 1) <= 0 ? NULL : realloc(memory, size);
}

static void stingy_release(void *user, void *memory) {
  if (memory != NULL) atomic_fetch_sub(&((stingy *)user)->held, 1);
  free(memory);
}

static void starve(const char *name, size_t texts_in_call) {
  stingy s = {.left = LONG_MAX};
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 2;
  options.allocator = (loci_allocator){&s, stingy_allocate, stingy_resize, stingy_release};
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  char path[512], print[33];
  snprintf(path, sizeof path, GOLDEN "%s", name);
  float *vectors = malloc(n_texts * MAX_DIM * sizeof *vectors);
  /* Once with plenty: the context's pool is made on first use and stays. */
  loci_model *once = open_model(context, path);
  assert_ok(loci_embed(once, texts, n_texts, NULL, vectors, NULL, &error), &error);
  loci_model_close(once);
  const long held = atomic_load(&s.held);
  long n = 0;
  for (;; n++) {
    loci_model *m = NULL;
    atomic_store(&s.left, n);
    loci_status status = loci_model_open(context, path, &m, &error);
    if (status == LOCI_OK) status = loci_embed(m, texts, texts_in_call, NULL, vectors, NULL, &error);
    if (status == LOCI_OK) status = loci_model_fingerprint(m, print, &error);
    const bool starved = atomic_load(&s.left) < 0;
    atomic_store(&s.left, LONG_MAX);
    loci_model_close(m);
    if (status != LOCI_OK && status != LOCI_ERROR_MEMORY) fail_msg("%s at %ld: %s", name, n, error.message);
    if (atomic_load(&s.held) != held) fail_msg("%s at %ld: %ld blocks are left", name, n, atomic_load(&s.held) - held);
    if (status == LOCI_OK && !starved) break;
    assert_true(n < 20000);
  }
  print_message("%s: %ld allocations\n", name, n);
  free(vectors);
  loci_context_free(context);
}

static void test_out_of_memory(void **state) {
  (void)state;
  starve("dense-tiny", 3);
  starve("gte-tiny", 3);
  starve("m2v-int8-tiny", 3);
  starve("tiny-e5", 3);
}

/* ---- every n-th file call fails: an error, or exactly the model that it is ---- */

static int fail_at;

static int fail_nth(void *user, const char *method, const char *path) {
  (void)user, (void)method, (void)path;
  return --fail_at == 0 ? EIO : 0;
}

static void deny(const char *name) {
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.files.before = fail_nth;
  loci_context *context;
  assert_ok(loci_context_new(&options, &context, &error), &error);
  char path[512], good[33], print[33];
  snprintf(path, sizeof path, GOLDEN "%s", name);
  fail_at = 0;
  loci_model *m = open_model(context, path);
  assert_ok(loci_model_fingerprint(m, good, &error), &error);
  loci_model_close(m);
  int n = 1, refusals = 0;
  for (;; n++) {
    fail_at = n;
    loci_status status = loci_model_open(context, path, &m, &error);
    if (status == LOCI_OK) {
      assert_ok(loci_model_fingerprint(m, print, &error), &error);
      if (strcmp(print, good) != 0) fail_msg("%s: file call %d fails, and another model opens", name, n);
      loci_model_close(m);
    } else if (status != LOCI_ERROR_IO) {
      fail_msg("%s: file call %d: %s: %s", name, n, loci_status_text(status), error.message);
    }
    refusals += status != LOCI_OK;
    if (fail_at > 0) break;
    assert_true(n < 2000);
  }
  print_message("%s: %d file calls, %d refusals\n", name, n - 1, refusals);
  assert_true(refusals > 10);
  loci_context_free(context);
}

static void test_file_faults(void **state) {
  (void)state;
  deny("dense-tiny");
  deny("masked-tiny");
  deny("gte-tiny");
  deny("static-tiny");
}

/* ---- real weights ---- */

static void test_minilm(void **state) {
  (void)state;
  const char *path = test_model("minilm");
  if (path == NULL) skip();
  loci_context *context = test_context_new(2, NULL);
  loci_model *m = open_model(context, path);
  const loci_model_info info = info_of(m);
  assert_int_equal(info.dim, 384);
  assert_int_equal(info.max_tokens, 256);
  assert_int_equal(info.n_layers, 6);
  assert_int_equal(info.n_parameters, 22713216 - 147840); /* all but the pooler */
  assert_string_equal(info.licence, "apache-2.0");
  assert_string_equal(info.language, "en");
  const char *const s[3] = {"how to fix a slow laptop", "Speed up an old computer", "The cat sat on the mat"};
  loci_text t[3];
  float v[3 * 384];
  for (int i = 0; i < 3; i++) t[i] = (loci_text){s[i], strlen(s[i])};
  assert_ok(loci_embed(m, t, 3, NULL, v, NULL, &error), &error);
  /* sentence-transformers 3.0.1 */
  assert_true(fabs(loci_cosine(v, v + 384, 384) - .5632) < 6e-5);
  assert_true(fabs(loci_cosine(v, v + 768, 384) - .0219) < 6e-5);
  assert_true(fabs((double)v[0] - .05223) < 6e-6 && fabs((double)v[4] - .04998) < 6e-6);
  char print[33];
  assert_ok(loci_model_fingerprint(m, print, &error), &error);
  loci_model_close(m);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bge),           cmocka_unit_test(test_e5),          cmocka_unit_test(test_gte),
      cmocka_unit_test(test_dense),         cmocka_unit_test(test_masked),      cmocka_unit_test(test_families),
      cmocka_unit_test(test_lengths),       cmocka_unit_test(test_static),      cmocka_unit_test(test_bits),
      cmocka_unit_test(test_options),       cmocka_unit_test(test_shared),      cmocka_unit_test(test_isas),
      cmocka_unit_test(test_refused),       cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_static_write),
      cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_file_faults), cmocka_unit_test(test_minilm),
  };
  return cmocka_run_group_tests(tests, read_texts, drop_texts);
}
