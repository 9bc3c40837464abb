/* explore/weat_lists.c: word lists for association tests that loci brings along: our own choice of common English words.
 * The first is of flowers and insects, which nobody minds: it shows that the measure works on these vectors.
 */
#include "explore.h"

#include "loci/bias.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__})
#define SET(name, ...) \
  { name, WORDS(__VA_ARGS__), sizeof WORDS(__VA_ARGS__) / sizeof(char *) }

typedef struct test {
  loci_weat_set sets[4];
} test;

static const test tests[] = {
    {{SET("flowers", "rose", "lily", "tulip", "daisy", "orchid", "violet", "lotus", "iris", "poppy", "blossom"),
      SET("insects", "ant", "wasp", "fly", "spider", "mosquito", "cockroach", "beetle", "moth", "locust", "termite"),
      SET("pleasant", "love", "peace", "joy", "beautiful", "happy", "friend", "gift", "honest", "paradise", "lovely"),
      SET("unpleasant", "hatred", "war", "pain", "ugly", "sad", "enemy", "disease", "cruel", "hell", "terrible")}},
    {{SET("male words", "man", "he", "his", "father", "brother", "son", "boy", "uncle"),
      SET("female words", "woman", "she", "her", "mother", "sister", "daughter", "girl", "aunt"),
      SET("career", "office", "business", "salary", "manager", "company", "career", "professional", "corporation"),
      SET("family", "home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives")}},
    {{SET("science", "physics", "chemistry", "engineering", "mathematics", "technology", "experiment", "laboratory",
          "astronomy"),
      SET("arts", "poetry", "dance", "literature", "novel", "sculpture", "drama", "painting", "music"),
      SET("male words", "man", "he", "his", "father", "brother", "son", "boy", "uncle"),
      SET("female words", "woman", "she", "her", "mother", "sister", "daughter", "girl", "aunt")}},
};

size_t loci_weat_tests(void) {
  return LOCI__COUNT(tests);
}

const loci_weat_set *loci_weat_test(size_t i) {
  return i < LOCI__COUNT(tests) ? tests[i].sets : NULL;
}
