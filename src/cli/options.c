/* options.c: argv to values, by the command's table. POSIX and GNU habits: -n5, -n 5, -qv, --limit=5, --limit 5,
 * options after arguments, "--" ends them, "-" is an argument. No abbreviations: a script that used one would change
 * its meaning when an option is added.
 *
 * A command that stands in for another program understands that program's options too (loci__spelling): they are
 * translated one by one, so that the two spellings mix and the later one wins, as with any option.
 *
 * Memory of the command's own comes from the default context (NULL) all over cli/; the one in cli->context is made
 * later, from what is parsed here.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

typedef struct parse {
  loci__cli *cli;
  const loci__command *command;
  loci_error *error;
} parse;

static loci_status usage_fail(const parse *p, const char *format, ...) LOCI_PRINTF(2, 3);
static loci_status usage_fail(const parse *p, const char *format, ...) {
  char message[768];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  const char *name = p->command ? p->command->name : NULL;
  const char *link = loci__ends_with(message, "?") ? " See" : "; see";
  return loci__fail(p->error, LOCI_ERROR_USAGE, "%s%s `loci help%s%s`", message, link, name ? " " : "",
                    name ? name : "");
}

static bool words_add(loci__words *words, const char *word) {
  if (!loci__grow(NULL, &words->items, &words->capacity, words->n + 1, sizeof *words->items)) return false;
  words->items[words->n++] = word;
  return true;
}

static const char *option_name(const void *command, size_t i) {
  bool shared;
  const loci__option *option = loci__command_option(command, i, &shared);
  return option ? option->name : NULL;
}

static const loci__option *find_option(const loci__command *command, const char *name, size_t length, char letter,
                                       bool *shared) {
  const loci__option *option;
  for (size_t i = 0; (option = loci__command_option(command, i, shared)); i++)
    if (letter ? option->letter == letter : strlen(option->name) == length && !memcmp(option->name, name, length))
      return option;
  return NULL;
}

/* "4G" → bytes. */
static bool parse_size(const char *text, uint64_t *out) {
  char digits[24];
  size_t n = strspn(text, "0123456789");
  if (n == 0 || n >= sizeof digits) return false;
  memcpy(digits, text, n);
  digits[n] = 0;
  unsigned shift = 0;
  if (text[n]) {
    const char *units = "KMGT", *unit = strchr(units, text[n] & ~0x20);
    if (!unit) return false;
    shift = 10 * (unsigned)(unit - units + 1);
    const char *rest = text + n + 1;
    if (strcmp(rest, "") != 0 && strcmp(rest, "B") != 0 && strcmp(rest, "iB") != 0) return false;
  }
  return loci__parse_u64(digits, out) && *out >= 1 && *out <= (uint64_t)INT64_MAX >> shift && (*out <<= shift, true);
}

/* `shown` is how the person wrote the option. */
static loci_status set_value(parse *p, const loci__option *option, bool shared, const char *shown, const char *value) {
  char *base = shared ? (char *)&p->cli->common : (char *)p->cli->values;
  void *target = base + option->offset;
  switch (option->kind) {
    case LOCI__OPTION_FLAG: ++*(int *)target; return LOCI_OK;
    case LOCI__OPTION_TEXT:
      if (!*value) return usage_fail(p, "%s wants %s, not an empty text", shown, option->value);
      *(const char **)target = value;
      return LOCI_OK;
    case LOCI__OPTION_LIST:
      if (!words_add(target, value)) return loci__fail_memory(p->error, strlen(value), "the options");
      return LOCI_OK;
    case LOCI__OPTION_COUNT: {
      uint64_t number;
      if (!loci__parse_u64(value, &number) || number < 1)
        return usage_fail(p, "%s wants a whole number from 1, not '%s'", shown, value);
      *(uint64_t *)target = number;
      return LOCI_OK;
    }
    case LOCI__OPTION_NUMBER: {
      loci__number *number = target;
      if (!loci__parse_u64(value, &number->value))
        return usage_fail(p, "%s wants a whole number, not '%s'", shown, value);
      number->given = 1;
      return LOCI_OK;
    }
    case LOCI__OPTION_REAL: {
      loci__real *real = target;
      if (!loci__parse_double(value, strlen(value), &real->value) || !isfinite(real->value) || real->value < 0)
        return usage_fail(p, "%s wants a number that is not negative, not '%s'", shown, value);
      real->given = 1;
      return LOCI_OK;
    }
    case LOCI__OPTION_SIZE:
      if (!parse_size(value, target))
        return usage_fail(p, "%s wants bytes, such as 512M or 4G, not '%s'", shown, value);
      return LOCI_OK;
    case LOCI__OPTION_CHOICE: {
      const char *word;
      size_t length;
      for (size_t i = 0; (word = loci__word_at(option->value, i, &length)); i++)
        if (strlen(value) == length && !memcmp(word, value, length)) {
          *(int *)target = (int)i + 1;
          return LOCI_OK;
        }
      return usage_fail(p, "%s is one of %s, not '%s'", shown, option->value, value);
    }
  }
  return LOCI_ERROR_INTERNAL;
}

static loci_status unknown_option(const parse *p, const char *text, size_t length) {
  char wrong[64];
  snprintf(wrong, sizeof wrong, "%.*s", (int)(length < 60 ? length : 60), text);
  const char *nearest = loci__nearest(wrong, option_name, p->command);
  if (nearest) return usage_fail(p, "unknown option --%s; did you mean --%s?", wrong, nearest);
  return usage_fail(p, "unknown option --%s", wrong);
}

static loci_status parse_long(parse *p, const char *text, const char *next, bool *took_next) {
  const char *equals = strchr(text, '=');
  size_t length = equals ? (size_t)(equals - text) : strlen(text);
  bool shared;
  const loci__option *option = find_option(p->command, text, length, 0, &shared);
  if (!option) return unknown_option(p, text, length);
  char shown[40];
  snprintf(shown, sizeof shown, "--%s", option->name);
  if (option->kind == LOCI__OPTION_FLAG) {
    if (equals) return usage_fail(p, "%s takes no value", shown);
    return set_value(p, option, shared, shown, NULL);
  }
  const char *value = equals ? equals + 1 : next;
  if (!value) return usage_fail(p, "%s wants a value (%s)", shown, option->value);
  *took_next = !equals;
  return set_value(p, option, shared, shown, value);
}

static loci_status parse_letters(parse *p, const char *letters, const char *next, bool *took_next) {
  for (const char *c = letters; *c; c++) {
    bool shared;
    const loci__option *option = find_option(p->command, NULL, 0, *c, &shared);
    if (!option) {
      /* "-limit" for "--limit" is a slip worth an answer. */
      if (c == letters && c[1] && find_option(p->command, letters, strcspn(letters, "="), 0, &shared))
        return usage_fail(p, "unknown option -%s; did you mean --%s?", letters, letters);
      return usage_fail(p, "unknown option -%c", *c);
    }
    char shown[3] = {'-', *c, 0};
    if (option->kind == LOCI__OPTION_FLAG) {
      LOCI__TRY(set_value(p, option, shared, shown, NULL));
      continue;
    }
    const char *value = c[1] ? c + 1 : next;
    if (!value) return usage_fail(p, "%s wants a value (%s)", shown, option->value);
    *took_next = !c[1];
    return set_value(p, option, shared, shown, value);
  }
  return LOCI_OK;
}

static const loci__spelling *find_spelling(const loci__command *command, const char *text) {
  for (size_t i = 0; command && i < command->n_spellings; i++)
    if (!strcmp(command->spellings[i].theirs, text)) return &command->spellings[i];
  return NULL;
}

/* The word that `values` has for this value; NULL when it has none. */
static const char *translate(const char *values, const char *value, char *word, size_t size) {
  const char *pair;
  size_t length;
  for (size_t i = 0; (pair = loci__word_at(values, i, &length)); i++) {
    const char *equals = memchr(pair, '=', length);
    if (!equals || strlen(value) != (size_t)(equals - pair) || memcmp(pair, value, (size_t)(equals - pair)) != 0)
      continue;
    size_t n = length - (size_t)(equals + 1 - pair);
    if (n >= size) return NULL;
    memcpy(word, equals + 1, n);
    word[n] = 0;
    return word;
  }
  return NULL;
}

/* Every option of those programs takes a value. */
static loci_status parse_spelling(parse *p, const loci__spelling *spelling, const char *next) {
  if (spelling->kind == LOCI__SPELLING_REFUSED) return usage_fail(p, "-%s: %s", spelling->theirs, spelling->ours);
  if (!next) return usage_fail(p, "-%s wants a value", spelling->theirs);
  if (spelling->kind == LOCI__SPELLING_IGNORED) return LOCI_OK;
  if (spelling->kind == LOCI__SPELLING_ARGUMENT)
    return words_add(&p->cli->arguments, next) ? LOCI_OK : loci__fail_memory(p->error, strlen(next), "the arguments");
  bool shared;
  const loci__option *option = find_option(p->command, spelling->ours, strlen(spelling->ours), 0, &shared);
  if (!option) return LOCI_ERROR_INTERNAL;
  char shown[48], word[32];
  snprintf(shown, sizeof shown, "-%s", spelling->theirs);
  const char *value = spelling->values ? translate(spelling->values, next, word, sizeof word) : next;
  if (!value) return usage_fail(p, "%s takes none of the values %s: '%s'", shown, spelling->values, next);
  if (spelling->values && !*value) return LOCI_OK;
  return set_value(p, option, shared, shown, value);
}

static loci_status check_arguments(const parse *p) {
  const loci__command *command = p->command;
  const loci__words *given = &p->cli->arguments;
  /* -c and --store stand for the first argument of a command that works on vectors. */
  const bool stands_in = command->uses & LOCI__USES_VECTORS && (p->cli->common.collection || p->cli->common.store);
  const size_t n = given->n + stands_in;
  if (n < command->least) return usage_fail(p, "`loci %s` wants %s", command->name, command->arguments);
  if (n > command->most && !command->most)
    return usage_fail(p, "`loci %s` takes no arguments, but there is '%s'", command->name, given->items[0]);
  if (n > command->most)
    return usage_fail(p, "one argument too many: '%s' (a text of several words needs quotes)",
                      given->items[command->most - stands_in]);
  return LOCI_OK;
}

loci_status loci__options_parse(loci__cli *cli, const loci__command *command, int argc, char **argv, int *used,
                                loci_error *error) {
  parse p = {.cli = cli, .command = command, .error = error};
  bool options_over = false;
  int i = 0;
  for (; i < argc; i++) {
    const char *text = argv[i];
    const char *next = i + 1 < argc ? argv[i + 1] : NULL;
    bool took_next = false;
    if (options_over || text[0] != '-' || !text[1]) {
      if (!command) break;
      if (!words_add(&cli->arguments, text)) return loci__fail_memory(error, strlen(text), "the arguments");
    } else if (!strcmp(text, "--")) {
      options_over = true;
    } else if (text[1] != '-' && find_spelling(command, text + 1)) {
      LOCI__TRY(parse_spelling(&p, find_spelling(command, text + 1), next));
      i += next != NULL;
    } else {
      LOCI__TRY(text[1] == '-' ? parse_long(&p, text + 2, next, &took_next)
                               : parse_letters(&p, text + 1, next, &took_next));
      if (took_next) i++;
    }
  }
  if (used) *used = i;
  if (cli->common.collection && cli->common.store)
    return usage_fail(&p, "--collection and --store name two collections; give one of them");
  return command && !cli->common.help ? check_arguments(&p) : LOCI_OK;
}

void loci__options_release(loci__cli *cli) {
  for (size_t i = 0; cli->command && cli->values && i < cli->command->n_options; i++) {
    const loci__option *option = &cli->command->options[i];
    if (option->kind != LOCI__OPTION_LIST) continue;
    loci__words *words = (loci__words *)((char *)cli->values + option->offset);
    loci__free(NULL, words->items);
    *words = (loci__words){0};
  }
}
