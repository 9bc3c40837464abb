/* command.c: the list of commands, the options they share, and finding either by name. */
#include "cli.h"

#define ADDRESS(name) &loci__command_##name,
const loci__command *const loci__commands[] = {LOCI__COMMANDS(ADDRESS) NULL};
#undef ADDRESS

#define COMMON(member) offsetof(loci__common, member)

static const loci__option collection_options[] = {
    {"collection", 'c', LOCI__OPTION_TEXT, COMMON(collection), "NAME", LOCI__OFFER_NOTHING,
     "the collection of this name in the data folder (\"default\" when not given)"},
    {"store", 0, LOCI__OPTION_TEXT, COMMON(store), "FILE", LOCI__OFFER_FILE, "the collection in this file"},
};

static const loci__option vectors_options[] = {
    {"collection", 'c', LOCI__OPTION_TEXT, COMMON(collection), "NAME", LOCI__OFFER_NOTHING,
     "instead of VECTORS: the passages of the collection of this name; a passage is written FILE:LINE"},
    {"store", 0, LOCI__OPTION_TEXT, COMMON(store), "FILE", LOCI__OFFER_FILE,
     "instead of VECTORS: the passages of the collection in this file"},
    {"labels", 0, LOCI__OPTION_TEXT, COMMON(labels), "FILE", LOCI__OFFER_FILE, "an .npy's words, one a line"},
};

static const loci__option threads_option = {"threads",
                                            0,
                                            LOCI__OPTION_COUNT,
                                            COMMON(threads),
                                            "N",
                                            LOCI__OFFER_NOTHING,
                                            "threads to work with (LOCI_THREADS, else the processors)"};

static const loci__option common_options[] = {
    {"quiet", 'q', LOCI__OPTION_FLAG, COMMON(quiet), NULL, LOCI__OFFER_NOTHING,
     "no messages and no progress; exit code 1 when nothing was found or something was skipped"},
    {"verbose", 'v', LOCI__OPTION_FLAG, COMMON(verbose), NULL, LOCI__OFFER_NOTHING, "more messages; twice: all"},
    {"no-progress", 0, LOCI__OPTION_FLAG, COMMON(no_progress), NULL, LOCI__OFFER_NOTHING, "no progress line"},
    {"color", 0, LOCI__OPTION_CHOICE, COMMON(color), "auto|always|never", LOCI__OFFER_NOTHING,
     "colours; auto follows the terminal, NO_COLOR and CLICOLOR_FORCE"},
    {"help", 'h', LOCI__OPTION_FLAG, COMMON(help), NULL, LOCI__OFFER_NOTHING, "this help"},
};

static const loci__option version_option = {
    "version", 0, LOCI__OPTION_FLAG, COMMON(version), NULL, LOCI__OFFER_NOTHING, "the version"};

static bool is_name(const char *name, const char *given) {
  while (*name && (*name == *given || (*name == ' ' && *given == '-'))) name++, given++;
  return *name == *given;
}

const loci__command *loci__command_find(const char *name) {
  for (size_t i = 0; loci__commands[i]; i++)
    if (is_name(loci__commands[i]->name, name)) return loci__commands[i];
  return NULL;
}

size_t loci__command_first(const char *name) {
  return strcspn(name, " ");
}

const loci__command *loci__command_match(char *const *words, size_t n, size_t *used) {
  *used = 0;
  if (n == 0) return NULL;
  for (size_t i = 0; loci__commands[i]; i++) {
    const char *name = loci__commands[i]->name;
    size_t first = loci__command_first(name);
    if (!name[first] || strlen(words[0]) != first || memcmp(words[0], name, first) != 0) continue;
    *used = 1;
    if (n > 1 && !strcmp(words[1], name + first + 1)) {
      *used = 2;
      return loci__commands[i];
    }
  }
  if (*used) return NULL;
  const loci__command *command = loci__command_find(words[0]);
  *used = command != NULL;
  return command;
}

bool loci__command_leads(size_t i, bool *group) {
  const char *name = loci__commands[i]->name;
  size_t first = loci__command_first(name);
  *group = name[first] != 0;
  for (size_t j = 0; j < i; j++)
    if (!strncmp(loci__commands[j]->name, name, first) && loci__command_first(loci__commands[j]->name) == first)
      return false;
  return true;
}

void loci__command_put_seconds(loci__buffer *out, const char *first, size_t length, char between) {
  bool any = false;
  for (size_t i = 0; loci__commands[i]; i++) {
    const char *name = loci__commands[i]->name;
    if (strncmp(name, first, length) != 0 || name[length] != ' ') continue;
    if (any) loci__buffer_putc(out, between);
    loci__buffer_puts(out, name + length + 1);
    any = true;
  }
}

void loci__command_put_file(loci__buffer *out, const loci__command *command) {
  for (const char *c = command->name; *c; c++) loci__buffer_putc(out, *c == ' ' ? '-' : *c);
}

const loci__option *loci__command_option(const loci__command *command, size_t i, bool *shared) {
  *shared = false;
  if (command) {
    if (i < command->n_options) return &command->options[i];
    i -= command->n_options;
  }
  *shared = true;
  if (command && command->uses & LOCI__USES_COLLECTION) {
    if (i < LOCI__COUNT(collection_options)) return &collection_options[i];
    i -= LOCI__COUNT(collection_options);
  }
  if (command && command->uses & LOCI__USES_VECTORS) {
    if (i < LOCI__COUNT(vectors_options)) return &vectors_options[i];
    i -= LOCI__COUNT(vectors_options);
  }
  if (command && command->uses & LOCI__USES_THREADS) {
    if (i == 0) return &threads_option;
    i--;
  }
  if (i < LOCI__COUNT(common_options)) return &common_options[i];
  i -= LOCI__COUNT(common_options);
  if (!command && i == 0) return &version_option;
  return NULL;
}

/* Damerau-Levenshtein distance (adjacent letters exchanged count one), of names shorter than the rows. */
static size_t edit_distance(const char *a, const char *b) {
  enum { MOST = 32 };
  size_t n = strlen(a), m = strlen(b), rows[3][MOST + 1];
  if (n > MOST || m > MOST) return MOST;
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= m; j++) last[j] = before[j] = j;
  for (size_t i = 1; i <= n; i++) {
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t cost = a[i - 1] != b[j - 1];
      size_t best = last[j - 1] + cost;
      if (last[j] + 1 < best) best = last[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
        best = before[j - 2] + 1;
      now[j] = best;
    }
    size_t *free_row = before;
    before = last, last = now, now = free_row;
  }
  return last[m];
}

const char *loci__nearest(const char *wrong, const char *(*name_of)(const void *arg, size_t i), const void *arg) {
  const char *best = NULL, *name;
  size_t best_distance = strlen(wrong) < 4 ? 2 : 3; /* so at most 1 in a short word, 2 in a longer one */
  for (size_t i = 0; (name = name_of(arg, i)); i++) {
    size_t distance = edit_distance(wrong, name);
    if (strlen(wrong) >= 2 && loci__starts_with(name, wrong) && distance > 1) distance = 1;
    if (distance < best_distance) best = name, best_distance = distance;
  }
  return best;
}

static const char *command_name(const void *arg, size_t i) {
  (void)arg;
  return loci__commands[i] ? loci__commands[i]->name : NULL;
}

/* Words that people bring from other tools. */
static const char *const synonyms[][2] = {
    {"add", "index"},       {"update", "index"},         {"sync", "index"},
    {"query", "search"},    {"find", "search"},          {"grep", "search"},
    {"rm", "forget"},       {"remove", "forget"},        {"delete", "forget"},
    {"info", "show"},       {"models", "doctor"},        {"list", "status"},
    {"ls", "status"},       {"neighbours", "neighbors"}, {"stats", "status"},
    {"encode", "embed"},    {"distill", "distil"},       {"verify", "check"},
    {"rebuild", "reindex"}, {"evaluate", "eval"},        {"cat", "get"},
};

const char *loci__command_nearest(const char *wrong) {
  for (size_t i = 0; i < LOCI__COUNT(synonyms); i++)
    if (!strcmp(wrong, synonyms[i][0])) return synonyms[i][1];
  return loci__nearest(wrong, command_name, NULL);
}

const char *loci__word_at(const char *words, size_t i, size_t *length) {
  while (words) {
    const char *bar = strchr(words, '|');
    if (i == 0) {
      *length = bar ? (size_t)(bar - words) : strlen(words);
      return words;
    }
    words = bar ? bar + 1 : NULL;
    i--;
  }
  return NULL;
}
