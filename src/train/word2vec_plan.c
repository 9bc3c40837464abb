/* train/word2vec_plan.c: what is drawn: which words stay, how wide windows are, which noise words each step gets.
 *
 * Subsampling, windows and noise are word2vec's (Mikolov et al. 2013b, sections 2.2 and 2.3, with the program's keep
 * probability (√(f/s) + 1)·s/f): a word that is not kept does not count as context either; the window is uniform in
 * 1…window; a noise word that is the centre is left out, and so is one that the step has already. Random numbers are
 * splitmix64's (Steele et al. 2014): a step of the generator is an addition, so many can be under way at a time.
 *
 * Skip-gram's noise is drawn twice: from the distribution a pool for the stretch, then from the pool the words of each step. A
 * noise word of a step has the same distribution as before, but a stretch meets fewer different rows; rows are what costs.
 * CBOW, which takes one step where skip-gram takes six, pays for that with quality, and draws its noise once.
 */
#include "word2vec_engine.h"

enum {
  /* Context words over a stretch's ends are looked for so many places away for each word of the window: there may be
   * millions of dropped ones in a row. */
  SEARCH = 64,
  /* How often a word of the pool is used, on average; less when the stretch is short. 8 cost .7 of a point of quality and
   * gave 1.4 times (fast) and 1.8 times (default) the speed: docs/speed.md. */
  REUSE = 2,
  LEAST_NOISE = 128,
  /* Draws from asking for an entry of the table of noise to using it; most come from the third-level cache. */
  AHEAD = 40
};

static const uint64_t golden = 0x9E3779B97F4A7C15u;

static inline uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static uint64_t key_of(uint64_t seed, uint64_t purpose, uint64_t epoch) {
  return mix(mix(mix(seed + golden) + purpose * golden) + epoch * golden);
}

static inline bool kept(const loci__engine *engine, uint64_t key, size_t place) {
  return (uint32_t)(mix(key + place * golden) >> 32) <= engine->keep[engine->ids[place] + 1];
}

/* ---- room ---- */

static size_t words_of(size_t reach, size_t window) {
  return reach + 2 * window;
}

static size_t noise_of(size_t reach, size_t longest) {
  return reach * longest / REUSE + LEAST_NOISE;
}

size_t loci__stretch_bytes(size_t reach, size_t window, size_t longest) {
  return noise_of(reach, longest) * sizeof(uint32_t) + words_of(reach, window) * (sizeof(int32_t) + sizeof(float *)) +
         reach * sizeof(loci__stretch_step) + reach * longest * (sizeof(uint32_t) + sizeof(float) + sizeof(float *));
}

loci_status loci__stretch_init(loci__stretch *plan, const loci__engine *engine, loci_error *error) {
  loci_context *context = engine->run->context;
  *plan = (loci__stretch){0};
  size_t n_words = words_of(engine->reach, engine->window), n_outputs = engine->reach * engine->longest;
  plan->words = loci__alloc_array(context, n_words, sizeof *plan->words);
  plan->inputs_at = loci__alloc_array(context, n_words, sizeof *plan->inputs_at);
  plan->noise = loci__alloc_array(context, noise_of(engine->reach, engine->longest), sizeof *plan->noise);
  plan->steps = loci__alloc_array(context, engine->reach, sizeof *plan->steps);
  plan->outputs = loci__alloc_array(context, n_outputs, sizeof *plan->outputs);
  plan->outputs_at = loci__alloc_array(context, n_outputs, sizeof *plan->outputs_at);
  plan->labels = loci__alloc_array(context, n_outputs, sizeof *plan->labels);
  if (plan->words && plan->noise && plan->inputs_at && plan->steps && plan->outputs && plan->outputs_at &&
      plan->labels) {
    return LOCI_OK;
  }
  loci__stretch_release(plan, context);
  return loci__fail_memory(error, loci__stretch_bytes(engine->reach, engine->window, engine->longest),
                           "the drawn steps of a stretch");
}

void loci__stretch_release(loci__stretch *plan, loci_context *context) {
  loci__free(context, plan->words);
  loci__free(context, plan->noise);
  loci__free(context, plan->inputs_at);
  loci__free(context, plan->steps);
  loci__free(context, plan->outputs);
  loci__free(context, plan->outputs_at);
  loci__free(context, plan->moved_at);
  loci__free(context, plan->labels);
  *plan = (loci__stretch){0};
}

/* ---- words ---- */

/* The words that stay: the stretch's own at [*begin, *end), and up to `window` of the same line on either side. */
static void draw_words(loci__stretch *plan, const loci__engine *engine, uint64_t key, size_t from, size_t to,
                       size_t *begin, size_t *end) {
  const int32_t *ids = engine->ids;
  int32_t *words = plan->words;
  size_t window = engine->window, n = 0;
  for (size_t place = from, tries = SEARCH * window; place > 0 && tries > 0 && n < window; tries--) {
    if (ids[--place] == LOCI__LINE_END) break;
    if (kept(engine, key, place)) words[n++] = ids[place];
  }
  for (size_t i = 0; i < n / 2; i++) {
    int32_t word = words[i];
    words[i] = words[n - 1 - i];
    words[n - 1 - i] = word;
  }
  *begin = n;
  for (size_t place = from; place < to; place++) { /* no branch: it would be mispredicted at every second word */
    words[n] = ids[place];
    n += kept(engine, key, place);
  }
  *end = n;
  for (size_t place = to, tries = SEARCH * window; place < engine->n_places && tries > 0 && n < *end + window;
       tries--) {
    if (ids[place] == LOCI__LINE_END) break;
    if (kept(engine, key, place)) words[n++] = ids[place];
    place++;
  }
  plan->n_words = n;
}

/* ---- outputs ---- */

/* The noise that the steps of a stretch of so many words choose from. */
static void draw_noise(loci__stretch *plan, const loci__engine *engine, uint64_t *random, size_t n_kept) {
  size_t n = n_kept * engine->negative / REUSE;
  plan->n_noise = n > LEAST_NOISE ? n : LEAST_NOISE;
  uint32_t n_words = (uint32_t)engine->run->n_words;
  for (size_t i = 0; i < plan->n_noise; i++) {
    plan->noise[i] = n_words + loci__alias_draw(&engine->noise, mix(*random += golden));
  }
}

static inline uint32_t noise_word(const loci__stretch *plan, const loci__engine *engine, uint64_t *random) {
  if (!engine->cbow) return plan->noise[(mix(*random += golden) >> 32) * plan->n_noise >> 32];
  __builtin_prefetch(loci__alias_entry_of(&engine->noise, mix(*random + AHEAD * golden)));
  return (uint32_t)engine->run->n_words + loci__alias_draw(&engine->noise, mix(*random += golden));
}

/* Appends the outputs of one step; returns how many. */
static size_t draw_outputs(loci__stretch *plan, const loci__engine *engine, uint64_t *random, int32_t centre) {
  const loci__word2vec *run = engine->run;
  uint32_t *out = plan->outputs + plan->n_outputs;
  float *labels = plan->labels + plan->n_outputs;
  size_t n = 0, n_words = run->n_words;
  if (run->nodes) {
    const loci__huffman *code = &run->code;
    for (size_t i = code->begin[centre]; i < code->begin[centre + 1]; i++) {
      labels[n] = code->bits[i] ? 0.0f : 1.0f;
      out[n++] = (uint32_t)(2 * n_words) + code->points[i];
    }
  }
  if (engine->negative > 0) {
    size_t first = n;
    labels[n] = 1.0f;
    out[n++] = (uint32_t)n_words + (uint32_t)centre;
    for (size_t k = 0; k < engine->negative; k++) {
      uint32_t word = noise_word(plan, engine, random);
      bool is_new = true;
      for (size_t j = first; j < n; j++) is_new &= out[j] != word;
      labels[n] = 0.0f;
      out[n] = word;
      n += is_new;
    }
  }
  plan->n_outputs += n;
  return n;
}

void loci__stretch_draw(loci__stretch *plan, const loci__engine *engine, size_t epoch, size_t from) {
  uint64_t seed = engine->run->options->common.seed;
  size_t to = engine->n_places - from < engine->reach ? engine->n_places : from + engine->reach;
  size_t begin, end;
  draw_words(plan, engine, key_of(seed, 1, epoch), from, to, &begin, &end);
  plan->n_steps = plan->n_outputs = 0;
  uint64_t random = mix(key_of(seed, 2, epoch) + from * golden), alone = mix(key_of(seed, 3, epoch) + from * golden);
  const int32_t *words = plan->words;
  if (engine->negative > 0 && !engine->cbow) draw_noise(plan, engine, &random, end - begin);
  size_t line = 0; /* where the present line begins; words over the left end are of the first word's line */
  for (size_t i = begin; i < end; i++) {
    if (words[i] == LOCI__LINE_END) {
      line = i + 1;
      continue;
    }
    size_t width = 1 + (size_t)((mix(random += golden) >> 32) * engine->window >> 32);
    size_t left = i - line < width ? i - line : width, right = 0;
    while (right < width && i + right + 1 < plan->n_words && words[i + right + 1] != LOCI__LINE_END) right++;
    if (left + right == 0) continue;
    loci__stretch_step *step = &plan->steps[plan->n_steps++];
    *step = (loci__stretch_step){.first = (uint32_t)(i - left),
                                 .outputs = (uint32_t)plan->n_outputs,
                                 .n_left = (uint16_t)left,
                                 .n_right = (uint16_t)right};
    step->n_outputs = (uint16_t)draw_outputs(plan, engine, engine->cbow ? &alone : &random, words[i]);
  }
}
