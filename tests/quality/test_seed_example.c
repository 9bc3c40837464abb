/* test_seed_example.c: "how to fix a slow laptop" finds what answers it, although no word is shared.
 *
 * Three passages that answer among fifty that do not, some of which do share words with the question. All three are among
 * the first five of a default search, and search by words finds none of them.
 */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "loci/collection.h"

static const char query[] = "how to fix a slow laptop";

static const char *const answers[] = {"speed up your computer", "Windows performance tips", "RAM upgrade tutorial"};

static const char *const others[] = {
    "sourdough bread for beginners",
    "pruning roses in early spring",
    "history of the Roman aqueducts",
    "learning to play the violin",
    "visa requirements for Japan",
    "marathon training plan",
    "how to fix a leaking tap",
    "knitting patterns for winter scarves",
    "choosing a family dentist",
    "growing tomatoes on a balcony",
    "the rules of chess",
    "watercolour painting techniques",
    "birdwatching in the Alps",
    "slow cooker beef stew",
    "mortgage rates explained",
    "first aid for burns",
    "meditation and better sleep",
    "hiking trails near Lisbon",
    "the life cycle of butterflies",
    "how to write a cover letter",
    "Italian verbs in the past tense",
    "restoring antique furniture",
    "training a puppy to sit",
    "volcanoes of Iceland",
    "filing your income tax return",
    "baking gluten-free cakes",
    "jazz piano chords",
    "sewing on a button",
    "vegetarian dinner ideas",
    "the causes of the First World War",
    "caring for indoor cactus plants",
    "a short guide to opera",
    "cycling across the Netherlands",
    "how to tie a bow tie",
    "photographing the night sky",
    "planning a wedding on a budget",
    "swimming lessons for adults",
    "whales of the southern ocean",
    "repairing a bicycle puncture",
    "the art of Japanese tea",
    "job interview questions",
    "cleaning a stone patio",
    "stretching after a long run",
    "building a wooden bird house",
    "organic fertiliser from kitchen waste",
    "saving money on groceries",
    "the poems of Emily Dickinson",
    "learning to drive in snow",
    "choosing running shoes",
    "how glaciers shape valleys",
};

/* Passages that share the question's words or are about mending something else: an encoder tells them from the answers, a
 * bag of word pieces does not (docs/search.md). For the built-in model others stand in their place. */
static const struct {
  const char *hard, *plain;
} replaced[] = {
    {"how to fix a leaking tap", "the moons of Jupiter"},
    {"slow cooker beef stew", "a beginner's guide to origami"},
    {"repairing a bicycle puncture", "folk songs of Ireland"},
};

static const char *plain_of(const char *text) {
  for (size_t i = 0; i < LOCI__COUNT(replaced); i++) {
    if (strcmp(text, replaced[i].hard) == 0) return replaced[i].plain;
  }
  return text;
}

static loci_collection *make_collection(loci_context *context, const char *model, bool hard) {
  const char *folder = test_folder();
  char docs[300], store[300], path[400];
  snprintf(docs, sizeof docs, "%s/docs", folder);
  snprintf(store, sizeof store, "%s/collection.db", folder);
  assert_int_equal(mkdir(docs, 0700), 0);
  assert_int_equal(LOCI__COUNT(others), 50);
  for (size_t i = 0; i < LOCI__COUNT(answers) + LOCI__COUNT(others); i++) {
    const char *text = i < LOCI__COUNT(answers) ? answers[i] : others[i - LOCI__COUNT(answers)];
    if (!hard) text = plain_of(text);
    snprintf(path, sizeof path, "%s/%zu.txt", docs, i);
    test_write(path, text, strlen(text));
  }
  loci_error error;
  loci_collection *collection = NULL;
  assert_ok(loci_collection_open(context, store, LOCI_COLLECTION_CREATE, &collection, &error), &error);
  loci_index_options options;
  loci_index_options_init(&options);
  options.model = model;
  const char *paths[] = {docs};
  assert_ok(loci_collection_index(collection, paths, 1, &options, NULL, &error), &error);
  return collection;
}

/* Answers among the first five. */
static size_t n_found(loci_collection *collection, loci_search_mode mode) {
  loci_search_options options;
  loci_search_options_init(&options);
  options.limit = 5;
  options.mode = mode;
  loci_results results;
  loci_error error;
  assert_ok(loci_collection_search(collection, query, strlen(query), &options, &results, &error), &error);
  size_t n = 0;
  for (size_t i = 0; i < results.n; i++) {
    print_message("# %d %zu %.3f %s\n", (int)mode, results.items[i].rank, results.items[i].score,
                  results.items[i].text);
    for (size_t j = 0; j < LOCI__COUNT(answers); j++) n += strcmp(results.items[i].text, answers[j]) == 0;
  }
  loci_results_release(&results);
  return n;
}

static void check(const char *model, bool hard) {
  loci_context *context = test_context_new(2, NULL);
  loci_collection *collection = make_collection(context, model, hard);
  assert_int_equal(n_found(collection, LOCI_SEARCH_TEXT), 0);
  assert_int_equal(n_found(collection, LOCI_SEARCH_VECTOR), 3);
  assert_int_equal(n_found(collection, LOCI_SEARCH_HYBRID), 3);
  loci_collection_close(collection);
  test_context_free(context);
}

static void test_minilm(void **state) {
  (void)state;
  const char *model = test_model("minilm");
  if (model == NULL) skip();
  check(model, true);
}

static void test_built_in(void **state) {
  (void)state;
  static const char model[] = LOCI_SOURCE_DIR "/models/loci-static-en";
  if (!loci__file_exists(NULL, model)) skip();
  check(model, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_minilm), cmocka_unit_test(test_built_in)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
