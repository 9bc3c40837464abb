/* language.c: what little is known here of languages. Is a folder English? And which words of a question name its topic?
 *
 * Is this English? So that a folder in another language does not silently meet a model that knows English
 * only. A notice hangs on it, nothing else, so it is simple and says "English" when in doubt.
 *
 * Two signs, counted over everything that was read: letters outside the Latin script, and function words. Function
 * words are the commonest words of running text (a third of English, German, French … prose) and hardly shared
 * between languages; words that are (in, a, as, on, so, was …) are left out. Source code and tables have
 * few of either kind and count as "not to be told".
 *
 * The topic of a question: in hybrid search the words that only build the sentence (how, to, a, the …) are left out of
 * its text side, where a few dozen short rows make them look rare; the vector has the whole question. Measured in
 * docs/search.md. Search by words alone takes every word.
 */
#include "collection.h"

static const char *const english[] = {"the",  "of",    "and", "to",   "is",    "that", "it",    "for", "with",
                                      "be",   "this",  "are", "or",   "by",    "from", "you",   "can", "not",
                                      "have", "which", "if",  "will", "their", "been", "there", "has", "its"};

static const char *const other[] = {
    /* German, Dutch, Danish, Swedish, Norwegian */
    "der", "und", "das", "ist", "nicht", "ein", "eine", "zu", "den", "mit", "auf", "sich", "dem", "auch", "werden",
    "het", "een", "van", "niet", "zijn", "voor", "dat", "och", "att", "som", "av", "og", "ikke", "til", "inte", "jag",
    "jeg",
    /* French, Spanish, Portuguese, Italian, Romanian */
    "le", "la", "les", "des", "et", "une", "est", "dans", "qui", "que", "pour", "pas", "du", "el", "los", "las", "una",
    "por", "con", "para", "del", "se", "um", "uma", "os", "dos", "na", "il", "di", "che", "della", "sono", "si", "nu",
    /* Polish, Czech, Finnish, Hungarian, Turkish */
    "nie", "jest", "je", "ja", "ei", "az", "egy", "hogy", "ve", "bir", "bu", "w", "z", "v"};

static bool is_one_of(const char *const *words, size_t n, const char *word, size_t length) {
  for (size_t i = 0; i < n; i++) {
    if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0) return true;
  }
  return false;
}

/* Latin letters: ASCII, Latin-1, Extended-A and -B, IPA aside, Extended Additional. Letters elsewhere are taken to be
 * everything from U+0370 up that is not punctuation, symbols or private. */
static bool is_latin(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) ||
         (c >= 0x1E00 && c <= 0x1EFF);
}

static bool is_other_letter(uint32_t c) {
  return (c >= 0x370 && c < 0x1E00) || (c >= 0x1F00 && c < 0x2000) || (c >= 0x3040 && c < 0xD7A4) ||
         (c >= 0xF900 && c < 0xFB00) || (c >= 0xFB1D && c < 0xFE00) || (c >= 0x20000 && c < 0x32000);
}

void loci__language_add(loci__language_count *count, const char *text, size_t length) {
  char word[16];
  size_t n_word = 0;
  for (size_t at = 0; at <= length;) {
    uint32_t c = ' ';
    size_t used = 1;
    if (at < length) c = loci__utf8_next(text + at, length - at, &used, NULL);
    at += used;
    if (is_latin(c)) {
      count->n_letters++;
      count->n_latin++;
      uint32_t lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
      /* A letter beyond ASCII, or one too many, makes it no word of the lists; it still counts as a word. */
      if (n_word < sizeof word) word[n_word] = lower < 0x80 ? (char)lower : '?';
      if (n_word < sizeof word) n_word++;
      continue;
    }
    if (is_other_letter(c)) count->n_letters++;
    if (n_word == 0) continue;
    count->n_words++;
    if (n_word < sizeof word) {
      if (is_one_of(english, LOCI__COUNT(english), word, n_word)) count->n_english++;
      else if (is_one_of(other, LOCI__COUNT(other), word, n_word)) count->n_other++;
    }
    n_word = 0;
  }
}

const char *loci__language_verdict(const loci__language_count *count) {
  if (count->n_letters < 200) return NULL;
  if (count->n_latin * 2 < count->n_letters) return "another script";
  /* English prose: 25–30 % of the first list, about 1 % of the second. The second list names many languages, each of
   * which reaches some 10–20 % of it. */
  if (count->n_other * 100 >= count->n_words * 6 && count->n_other > 2 * count->n_english) return "another language";
  return NULL;
}

/* ---- the words of a question that name its topic ---------------------------------------------------------- */

/* Articles, prepositions, pronouns, auxiliaries and question words. */
static const char *const function_words[] = {
    "a",     "about", "an",     "and",   "any",   "are",  "as",   "at",    "be",   "been",  "between", "but",
    "by",    "can",   "could",  "did",   "do",    "does", "for",  "from",  "had",  "has",   "have",    "how",
    "i",     "if",    "in",     "into",  "is",    "it",   "its",  "me",    "my",   "of",    "on",      "or",
    "our",   "s",     "should", "so",    "some",  "such", "than", "that",  "the",  "their", "them",    "then",
    "there", "these", "they",   "this",  "those", "to",   "was",  "we",    "were", "what",  "when",    "where",
    "which", "who",   "whom",   "whose", "why",   "will", "with", "would", "you",  "your"};

static bool is_query_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool is_function_word(const char *text, size_t length) {
  char word[12];
  if (length > sizeof word) return false;
  for (size_t i = 0; i < length; i++) word[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
  return is_one_of(function_words, LOCI__COUNT(function_words), word, length);
}

void loci__query_topic(loci__buffer *out, const char *query, size_t length) {
  size_t start = 0, end = 0;
  while (start < length) {
    for (end = start; end < length && is_query_byte(query[end]);) end++;
    if (end > start && !is_function_word(query + start, end - start)) {
      if (out->length > 0) loci__buffer_putc(out, ' ');
      loci__buffer_append(out, query + start, end - start);
    }
    start = end + (end == start); /* a byte between words */
  }
}
