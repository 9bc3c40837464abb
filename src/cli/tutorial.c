/* tutorial.c: `loci tutorial`, one analogy by hand with numbers of three dimensions, then the user's own vectors.
 *
 * Every number that is printed is computed where it is printed: from six words of three numbers chosen for this page, and
 * from the file that is named. On a terminal it goes page by page, the Enter key turns; elsewhere it prints all.
 */
#include "cli.h"

#include <unistd.h>

typedef struct page {
  loci__cli *cli;
  loci__buffer out;
} page;

/* Three dimensions that a person chose: how royal, how male (1) or female (−1), how much of a fruit. In learned vectors no
 * dimension has such a name. */
static const char *const words[] = {"king", "queen", "man", "woman", "prince", "banana"};
static const float rows[][3] = {{0.9f, 0.6f, 0.1f},  {0.9f, -0.6f, 0.1f}, {0.1f, 0.7f, 0.0f},
                                {0.1f, -0.7f, 0.0f}, {0.7f, 0.6f, 0.2f},  {0.0f, 0.1f, 0.9f}};
enum { N_WORDS = 6, KING = 0, QUEEN = 1, MAN = 2, WOMAN = 3, BANANA = 5 };

static void put(page *p, const char *text) {
  loci__buffer_puts(&p->out, text);
}

static void put_row(page *p, const char *name, const float *x) {
  loci__buffer_printf(&p->out, "    %-22s [%5.2f %5.2f %5.2f]\n", name, (double)x[0], (double)x[1], (double)x[2]);
}

/* Ends a page: shown; on a terminal Enter turns it. */
static loci_status turn(page *p, bool last, loci_error *error) {
  loci__buffer_putc(&p->out, '\n');
  LOCI__TRY(loci__output_flush(p->cli, &p->out, error));
  if (last || !p->cli->out_terminal || !isatty(STDIN_FILENO)) return LOCI_OK;
  fputs("(Enter turns the page) ", stderr);
  fflush(stderr);
  for (char c = 0; c != '\n';)
    if (read(STDIN_FILENO, &c, 1) != 1) break;
  return LOCI_OK;
}

static loci_status by_hand(page *p, loci_error *error) {
  put(p,
      "1. A word is a list of numbers\n\nSix words, three numbers each, made up for this page: how royal, how male "
      "(female below "
      "0), how much of\na fruit. (In learned vectors no single number has such a meaning: meanings are "
      "directions.)\n\n");
  for (size_t i = 0; i < N_WORDS; i++) put_row(p, words[i], rows[i]);
  LOCI__TRY(turn(p, false, error));

  put(p,
      "2. Near means alike\n\nThe cosine of two lists: multiply number by number, add up, divide by both lengths. 1 is "
      "the same "
      "direction,\n0 nothing in common.\n\n");
  static const size_t others[] = {QUEEN, MAN, BANANA};
  for (size_t i = 0; i < LOCI__COUNT(others); i++)
    loci__buffer_printf(&p->out, "    cosine(king, %s) = %.3f\n", words[others[i]],
                        loci_measure(rows[KING], rows[others[i]], 3, LOCI_METRIC_COSINE));
  LOCI__TRY(turn(p, false, error));

  put(p, "3. man is to king as woman is to what?\n\nTake man out of king, and put woman in:\n\n");
  float target[3], difference[3];
  for (size_t j = 0; j < 3; j++) {
    difference[j] = rows[KING][j] - rows[MAN][j];
    target[j] = difference[j] + rows[WOMAN][j];
  }
  put_row(p, "king", rows[KING]);
  put_row(p, "man", rows[MAN]);
  put_row(p, "king - man", difference);
  put_row(p, "woman", rows[WOMAN]);
  put_row(p, "king - man + woman", target);
  LOCI__TRY(turn(p, false, error));

  put(p, "4. What is nearest to it?\n\n");
  size_t best = N_WORDS, best_left = N_WORDS;
  double scores[N_WORDS];
  for (size_t i = 0; i < N_WORDS; i++) {
    scores[i] = loci_measure(target, rows[i], 3, LOCI_METRIC_COSINE);
    if (best == N_WORDS || scores[i] > scores[best]) best = i;
    const bool given = i == KING || i == MAN || i == WOMAN;
    if (!given && (best_left == N_WORDS || scores[i] > scores[best_left])) best_left = i;
    loci__buffer_printf(&p->out, "    %-10s cosine %6.3f%s\n", words[i], scores[i],
                        given ? "   (one of the three given)" : "");
  }
  loci__buffer_printf(
      &p->out,
      "\nThe nearest is %s (%.3f, near and not equal: the answer is approximate). The three given words are "
      "usually left\nout; then it is %s. Leaving them out matters: in learned vectors \"king\" itself is often "
      "nearest.\n",
      words[best], scores[best], words[best_left]);
  return turn(p, false, error);
}

/* ---- the user's own file ---------------------------------------------------------------------------------- */

static void list_neighbors(page *p, const loci_vectors *v, const float *query, const size_t *exclude, size_t n_exclude,
                           size_t limit, loci_status *status, loci_error *error) {
  loci_neighbor found[5];
  size_t n = 0;
  if (*status != LOCI_OK) return;
  *status = loci_neighbors(v, query, limit, LOCI_METRIC_COSINE, exclude, n_exclude, found, &n, error);
  for (size_t i = 0; *status == LOCI_OK && i < n; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, found[i].index, &length);
    put(p, "    ");
    loci__put_shown(&p->out, word, length, 60);
    loci__buffer_printf(&p->out, "  cosine %.3f\n", found[i].score);
  }
}

static loci_status own_analogy(page *p, const loci_vectors *v, loci_error *error) {
  static const char *const names[] = {"man", "king", "woman", "queen"};
  int64_t at[4];
  put(p, "7. The same question to your vectors\n\n");
  for (size_t i = 0; i < 4; i++) {
    at[i] = loci_find_folded(v, names[i], strlen(names[i]));
    if (at[i] >= 0) continue;
    loci__buffer_printf(
        &p->out,
        "There is no \"%s\" among the words, so man, king, woman cannot be asked here. `loci analogy` takes "
        "any three\nwords.\n",
        names[i]);
    return turn(p, false, error);
  }
  const loci_analogy_question q = {
      .a = (size_t)at[0], .b = (size_t)at[1], .c = (size_t)at[2], .expected = at[3], .n_control = 200, .seed = 1};
  loci_analogy a;
  LOCI__TRY(loci_analogy_solve(v, &q, &a, error));
  for (size_t i = 0; i < a.n && i < 3; i++)
    loci__buffer_printf(&p->out, "    %zu. %s  cosine %.3f\n", i + 1, loci_vectors_word(v, a.answers[i].index, NULL),
                        a.answers[i].score);
  loci__buffer_printf(
      &p->out,
      "\n\"queen\" is number %zu of all words, number %zu when the three given ones are not left out. A nearest "
      "word there\nalways is: three random words have one at a cosine of %.3f (median of 200). One hit proves "
      "nothing;\n`loci eval analogy` asks thousands.\n",
      a.rank, a.rank_all, a.control_median);
  return turn(p, false, error);
}

static loci_status own_file(page *p, const loci__space *space, loci_error *error) {
  const loci_vectors *v = space->vectors;
  const size_t n = space->info.n, dim = space->info.dim;
  const bool passages = space->collection != NULL;
  loci__buffer_printf(&p->out,
                      "5. Your own: %s\n\n%zu %s of %zu numbers each. The first ones, and the first three numbers of "
                      "each:\n\n",
                      space->info.path, n, passages ? "passages" : "words", dim);
  for (size_t i = 0; i < n && i < 5; i++) {
    size_t length;
    const char *word = loci_vectors_word(v, i, &length);
    const float *row = loci_vectors_row(v, i);
    put(p, "    ");
    loci__put_shown(&p->out, word, length, 40);
    for (size_t j = 0; j < dim && j < 3; j++) loci__buffer_printf(&p->out, "  %.3f", (double)row[j]);
    put(p, dim > 3 ? "  ...\n" : "\n");
  }
  put(p,
      "\nNo column of them is \"royal\" or \"male\": turn the whole space, and every number changes but no cosine "
      "does.\n");
  LOCI__TRY(turn(p, false, error));

  size_t row = n / 2 < 1000 ? n / 2 : 1000; /* a word of some frequency */
  const int64_t king = loci_find_folded(v, "king", 4);
  if (king >= 0) row = (size_t)king;
  put(p, "6. What lies around \"");
  size_t length;
  const char *word = loci_vectors_word(v, row, &length);
  loci__put_shown(&p->out, word, length, 60);
  put(p, "\"?\n\n");
  loci_status status = LOCI_OK;
  list_neighbors(p, v, loci_vectors_row(v, row), &row, 1, 5, &status, error);
  LOCI__TRY(status);
  put(p, "\nNear means used alike: opposites are near, too.\n");
  LOCI__TRY(turn(p, false, error));
  if (!passages) LOCI__TRY(own_analogy(p, v, error));
  put(p,
      "8. And on\n\n    loci neighbors, similarity, analogy, axis, path, cluster, map: what the vectors know\n"
      "    loci bias: what they took over from their text     loci explain: nine words for all this\n");
  return turn(p, true, error);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  page p = {.cli = cli};
  loci__space space = {0};
  const bool own = cli->arguments.n > 0 || cli->common.collection || cli->common.store;
  if (own) LOCI__TRY(loci__space_open(cli, &space, error)); /* a wrong name is told before the first page */
  loci__buffer_init(&p.out, NULL, 0);
  loci_status status = by_hand(&p, error);
  if (status == LOCI_OK && own) status = own_file(&p, &space, error);
  if (status == LOCI_OK && !own) {
    put(&p,
        "5. Now your own\n\n    loci train word2vec my-text.txt -o mine.bin     learns vectors from a text\n"
        "    loci tutorial mine.bin                          goes on with them here\n");
    status = turn(&p, true, error);
  }
  loci__buffer_release(&p.out);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_tutorial = {
    .name = "tutorial",
    .summary = "Do one analogy by hand, then look into vectors of your own",
    .arguments = "[VECTORS]",
    .about =
        "Words as lists of three numbers, a cosine, king - man + woman step by step, and the nearest word to it; then, "
        "with "
        "VECTORS, the same with your own: what stands in the file, what lies around a word, and the same question. In "
        "a "
        "terminal the Enter key turns the page; elsewhere all is printed.",
    .examples = {{"loci tutorial", "by hand"}, {"loci tutorial vectors.bin", "and with vectors of your own"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 0,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .run = run,
};
