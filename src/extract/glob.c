/* glob.c: see glob.h. A line is parsed into flags and an array of places (a byte, a class, '?', '*', '**'); matching keeps
 * the set of places that can be reached as bits and reads the path once.
 *
 * Two of git's habits are kept because its answer is the definition: a "**" counts as one of folders when it opens the
 * part behind the literal beginning ("foo**" + "/bar" has "foo" for literal beginning, so it matches "foo/x/bar"), and a
 * class or '?' never matches '/'.
 */
#include "glob.h"

enum { MAX_PLACES = 4096, WORDS = MAX_PLACES / 64 + 1 };

typedef enum place_kind {
  PLACE_BYTE,
  PLACE_ANY,   /* '?': a byte, not '/' */
  PLACE_CLASS, /* a byte of a set, never '/' */
  PLACE_STAR,  /* any bytes but '/' */
  PLACE_DEEP   /* any bytes */
} place_kind;

typedef struct place {
  uint8_t kind;
  uint8_t byte;
  bool skip_slash; /* PLACE_DEEP of folders followed by '/': may stand for nothing, with the slash */
  uint16_t set;    /* PLACE_CLASS: index of the bitmap */
} place;

struct loci__glob {
  bool negated, folders_only, name_only, never;
  uint32_t n_places, n_sets;
  place *places;
  uint8_t (*sets)[32];
};

static bool is_special(char c) {
  return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* ---- classes --------------------------------------------------------------------------------- */

static void set_add(uint8_t set[32], unsigned byte) {
  set[byte / 8] = (uint8_t)(set[byte / 8] | 1u << byte % 8);
}

/* The C locale's classes, written out: isalpha & co would ask the process's locale. */
static bool class_has(const char *name, size_t length, unsigned c, bool *known) {
  static const char *const names[] = {"alnum", "alpha", "blank", "cntrl", "digit", "graph",
                                      "lower", "print", "punct", "space", "upper", "xdigit"};
  size_t which = 0;
  while (which < LOCI__COUNT(names) && !(strlen(names[which]) == length && !memcmp(names[which], name, length)))
    which++;
  *known = which < LOCI__COUNT(names);
  bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
  bool graph = c > 32 && c < 127;
  switch (which) {
    case 0: return upper || lower || digit;
    case 1: return upper || lower;
    case 2: return c == ' ' || c == '\t';
    case 3: return c < 32 || c == 127;
    case 4: return digit;
    case 5: return graph;
    case 6: return lower;
    case 7: return graph || c == ' ';
    case 8: return graph && !(upper || lower || digit);
    case 9: return c == ' ' || (c >= '\t' && c <= '\r');
    case 10: return upper;
    case 11: return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    default: return false;
  }
}

/* text[*at] stands behind '['. False when the class is malformed; else *at stands behind its ']'. */
static bool parse_class(const char *text, size_t length, size_t *at, uint8_t set[32]) {
  size_t i = *at;
  memset(set, 0, 32);
  bool negated = i < length && (text[i] == '!' || text[i] == '^');
  if (negated) i++;
  int previous = 0; /* the byte that a following '-' would start its range with; 0 = none */
  for (bool first = true;; first = false) {
    if (i >= length) return false;
    unsigned char c = (unsigned char)text[i];
    if (c == ']' && !first) break;
    if (c == '\\') {
      if (++i >= length) return false;
      previous = (unsigned char)text[i++];
      set_add(set, (unsigned)previous);
    } else if (c == '-' && previous && i + 1 < length && text[i + 1] != ']') {
      i++;
      if (text[i] == '\\' && ++i >= length) return false;
      for (int b = previous; b <= (unsigned char)text[i]; b++) set_add(set, (unsigned)b);
      i++;
      previous = 0;
    } else if (c == '[' && i + 1 < length && text[i + 1] == ':') {
      size_t end = i + 2;
      while (end < length && text[end] != ']') end++;
      if (end >= length) return false;
      if (end == i + 2 || text[end - 1] != ':') { /* no ":]": an ordinary '[' */
        set_add(set, '[');
        previous = '[';
        i++;
        continue;
      }
      bool known = true;
      for (unsigned b = 1; b < 256 && known; b++)
        if (class_has(text + i + 2, end - i - 3, b, &known)) set_add(set, b);
      if (!known) return false;
      i = end + 1;
      previous = 0;
    } else {
      set_add(set, c);
      previous = c;
      i++;
    }
  }
  if (negated)
    for (size_t b = 0; b < 32; b++) set[b] = (uint8_t)~set[b];
  set['/' / 8] = (uint8_t)(set['/' / 8] & ~(1u << '/' % 8));
  *at = i + 1;
  return true;
}

/* ---- compiling ------------------------------------------------------------------------------- */

/* Unescaped spaces at the end say nothing. A backslash hides the character behind it, so "a\ " keeps its space. */
static size_t trimmed_length(const char *line, size_t length) {
  size_t spaces = length; /* where the run of spaces at the end begins */
  for (size_t i = 0; i < length; i++) {
    if (line[i] == ' ') {
      if (spaces > i) spaces = i;
      continue;
    }
    if (line[i] == '\\' && ++i >= length) return length;
    spaces = length;
  }
  return spaces;
}

static void compile(loci__glob *glob, const char *text, size_t length) {
  size_t literal = 0; /* length of the literal beginning */
  while (literal < length && !is_special(text[literal])) literal++;
  for (size_t i = 0; i < length && !glob->never;) {
    place *p = &glob->places[glob->n_places];
    *p = (place){.kind = PLACE_BYTE, .byte = (uint8_t)text[i]};
    if (text[i] == '?') {
      p->kind = PLACE_ANY;
      i++;
    } else if (text[i] == '*') {
      size_t stars = i;
      while (i < length && text[i] == '*') i++;
      bool opens = stars == literal || text[stars - 1] == '/';
      bool slash = i < length && (text[i] == '/' || (text[i] == '\\' && i + 1 < length && text[i + 1] == '/'));
      bool deep = i - stars > 1 && opens && (i == length || slash);
      p->kind = deep ? PLACE_DEEP : PLACE_STAR;
      p->skip_slash = deep && i < length && text[i] == '/';
    } else if (text[i] == '[') {
      i++;
      p->kind = PLACE_CLASS;
      p->set = (uint16_t)glob->n_sets;
      if (!parse_class(text, length, &i, glob->sets[glob->n_sets])) glob->never = true;
      glob->n_sets++;
    } else {
      if (text[i] == '\\' && ++i >= length) {
        glob->never = true;
        break;
      }
      p->byte = (uint8_t)text[i++];
    }
    glob->n_places++;
  }
}

loci_status loci__glob_new(loci_context *context, const char *line, size_t length, loci__glob **out,
                           loci_error *error) {
  *out = NULL;
  if (memchr(line, 0, length)) length = strlen(line);
  length = trimmed_length(line, length);
  if (!length || line[0] == '#') return LOCI_OK;
  bool negated = line[0] == '!';
  if (negated) line++, length--;
  if (!length) return LOCI_OK;
  if (length > MAX_PLACES)
    return loci__fail(error, LOCI_ERROR_LIMIT, "a pattern of %zu bytes is longer than %d: \"%.40s…\"", length,
                      MAX_PLACES, line);
  size_t n_sets = 0;
  for (size_t i = 0; i < length; i++) n_sets += line[i] == '[';
  loci__glob *glob = loci__alloc_zero(context, 1, sizeof *glob);
  if (glob) {
    glob->places = loci__alloc_array(context, length, sizeof *glob->places);
    if (n_sets) glob->sets = loci__alloc_array(context, n_sets, sizeof *glob->sets);
  }
  if (!glob || !glob->places || (n_sets && !glob->sets)) {
    loci__glob_free(context, glob);
    return loci__fail_memory(error, length * sizeof(place), "a pattern");
  }
  glob->negated = negated;
  glob->folders_only = line[length - 1] == '/';
  if (glob->folders_only) length--;
  glob->name_only = !memchr(line, '/', length);
  if (!glob->name_only && line[0] == '/') line++, length--;
  compile(glob, line, length);
  *out = glob;
  return LOCI_OK;
}

void loci__glob_free(loci_context *context, loci__glob *glob) {
  if (!glob) return;
  loci__free(context, glob->places);
  loci__free(context, glob->sets);
  loci__free(context, glob);
}

bool loci__glob_negated(const loci__glob *glob) {
  return glob->negated;
}

/* ---- matching -------------------------------------------------------------------------------- */

static bool has(const uint64_t *bits, size_t i) {
  return bits[i / 64] >> i % 64 & 1;
}

/* Enters place i and every place that can be reached from it without reading a byte. */
static void enter(const loci__glob *glob, uint64_t *bits, size_t i) {
  for (;;) {
    if (has(bits, i)) return;
    bits[i / 64] |= UINT64_C(1) << i % 64;
    if (i == glob->n_places) return;
    const place *p = &glob->places[i];
    if (p->kind != PLACE_STAR && p->kind != PLACE_DEEP) return;
    if (p->skip_slash) enter(glob, bits, i + 2);
    i++;
  }
}

/* Whether the whole text matches; with `prefixes`, whether a part of it before a '/' does. The literal beginning decides
 * most paths without the automaton. */
static bool run(const loci__glob *glob, const char *text, size_t length, bool prefixes) {
  size_t n = glob->n_places, first = 0;
  while (first < n && glob->places[first].kind == PLACE_BYTE) {
    if (first >= length || glob->places[first].byte != (uint8_t)text[first]) return false;
    first++;
  }
  if (first == n) return prefixes ? length > n && text[n] == '/' : length == n;
  uint64_t bits[2][WORDS];
  size_t words = n / 64 + 1;
  memset(bits[0], 0, words * 8);
  enter(glob, bits[0], first);
  unsigned now = 0;
  for (size_t t = first; t < length; t++) {
    uint64_t *from = bits[now], *to = bits[now ^= 1];
    memset(to, 0, words * 8);
    uint64_t any = 0;
    unsigned char c = (unsigned char)text[t];
    if (prefixes && c == '/' && has(from, n)) return true;
    for (size_t w = 0; w < words; w++) {
      for (uint64_t left = from[w]; left; left &= left - 1) {
        size_t i = w * 64 + (size_t)__builtin_ctzll(left);
        if (i == n) continue;
        const place *p = &glob->places[i];
        bool eats = false, stays = false;
        switch ((place_kind)p->kind) {
          case PLACE_BYTE: eats = p->byte == c; break;
          case PLACE_ANY: eats = c != '/'; break;
          case PLACE_CLASS: eats = glob->sets[p->set][c / 8] >> c % 8 & 1; break;
          case PLACE_STAR: stays = c != '/'; break;
          case PLACE_DEEP: stays = true; break;
        }
        if (eats) enter(glob, to, i + 1);
        if (stays) {
          /* Not through enter alone: its closure was taken when the place was entered, but skip_slash belongs to
           * the moment of entry, so only the plain step behind the star is open again. */
          to[i / 64] |= UINT64_C(1) << i % 64;
          enter(glob, to, i + 1);
        }
      }
    }
    for (size_t w = 0; w < words; w++) any |= to[w];
    if (!any) return false;
  }
  return !prefixes && has(bits[now], n);
}

static bool matches(const loci__glob *glob, const char *path, size_t length, bool is_folder) {
  if (glob->never || (glob->folders_only && !is_folder)) return false;
  if (glob->name_only) {
    size_t name = length;
    while (name > 0 && path[name - 1] != '/') name--;
    return run(glob, path + name, length - name, false);
  }
  return run(glob, path, length, false);
}

bool loci__glob_matches(const loci__glob *glob, const char *path, bool is_folder) {
  return matches(glob, path, strlen(path), is_folder);
}

bool loci__glob_covers(const loci__glob *glob, const char *path) {
  size_t length = strlen(path);
  bool found = matches(glob, path, length, false);
  if (!glob->never && !glob->name_only && !found) found = run(glob, path, length, true);
  for (size_t start = 0, i = 1; i < length && glob->name_only && !glob->never && !found; i++) {
    if (path[i] != '/') continue;
    found = run(glob, path + start, i - start, false);
    start = i + 1;
  }
  return found != glob->negated;
}

bool loci__glob_match(const char *pattern, const char *path) {
  loci__glob *glob;
  if (loci__glob_new(NULL, pattern, strlen(pattern), &glob, NULL) != LOCI_OK || !glob) return false;
  bool covers = loci__glob_covers(glob, path);
  loci__glob_free(NULL, glob);
  return covers;
}
