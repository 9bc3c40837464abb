/* cli/: the `loci` command. A face of the library: it includes the public header and base/, nothing else of the house,
 * so whatever it can do a C program can do.
 *
 * One declarative description per command (struct loci__command: words, options, examples, the function that runs)
 * stands in the command's own file; command.c lists them. Parsing (options.c), help (help.c), manual pages (man.c) and
 * shell completion (completion.c) are all read from those descriptions, so they cannot differ.
 *
 * A run: main.c finds the command, options.c fills its zeroed values struct (a value of 0 or NULL means "not given"),
 * main.c makes the context from environment.c's folders, the command calls the library and prints through output.c.
 * Results go to stdout, messages and progress to stderr (progress.c). A command answers a loci_status and an error;
 * main.c prints the error with what to do next and turns the status into the exit code:
 *
 *   0 done   1 no match, or something skipped, with --quiet   2 usage, or vectors of another model are refused
 *   3 no such model   4 input or its format   5 I/O, memory, lock   130 interrupted
 *
 * Environment variables are read here (environment.c, output.c) and nowhere else in loci.
 * Threads: commands run on the main thread; only the log callback may be called from others (it takes stderr's lock).
 */
#ifndef LOCI_CLI_CLI_H
#define LOCI_CLI_CLI_H

#include "loci.h"

#include "../base/base.h"
#include "../base/file.h"
#include "../base/json.h"
#include "commands.h"

#include <stdio.h>

/* ---- descriptions ------------------------------------------------------------------------------ */

typedef enum loci__option_kind {
  LOCI__OPTION_FLAG,   /* int, counts how often it stands there */
  LOCI__OPTION_TEXT,   /* const char * */
  LOCI__OPTION_LIST,   /* loci__words: may be given several times */
  LOCI__OPTION_COUNT,  /* uint64_t, at least 1 */
  LOCI__OPTION_CHOICE, /* int: 1 + index of the word in `value` ("hybrid|vector|text") */
  LOCI__OPTION_NUMBER, /* loci__number: a whole number, 0 included */
  LOCI__OPTION_REAL,   /* loci__real: finite, not negative */
  LOCI__OPTION_SIZE    /* uint64_t bytes, at least 1: "4G", "512M", "65536" (powers of 1,024) */
} loci__option_kind;

/* Values for which 0 is a choice of its own. */
typedef struct loci__number {
  int given;
  uint64_t value;
} loci__number;

typedef struct loci__real {
  int given;
  double value;
} loci__real;

/* What a shell offers for a value or argument. */
typedef enum loci__offer {
  LOCI__OFFER_NOTHING,
  LOCI__OFFER_FILE,
  LOCI__OFFER_FOLDER,
  LOCI__OFFER_MODEL,
  LOCI__OFFER_COMMAND
} loci__offer;

typedef struct loci__words {
  const char **items; /* point into argv */
  size_t n, capacity;
} loci__words;

typedef struct loci__option {
  const char *name; /* without the dashes */
  char letter;      /* 0 = none */
  loci__option_kind kind;
  size_t offset;     /* of the value in the command's values struct (loci__common for shared options) */
  const char *value; /* "MODEL", the words of a choice, or NULL for a flag */
  loci__offer offer;
  const char *help; /* one sentence without a full stop */
} loci__option;

/* How another program spells an option: "-size 100" for "--dim 100". */
typedef enum loci__spelling_kind {
  LOCI__SPELLING_OPTION,   /* `ours` is the option's name; a value goes through `values` where that is not NULL */
  LOCI__SPELLING_ARGUMENT, /* its value is an argument of the command */
  LOCI__SPELLING_IGNORED,  /* takes a value that means nothing here */
  LOCI__SPELLING_REFUSED   /* `ours` says why */
} loci__spelling_kind;

typedef struct loci__spelling {
  const char *theirs; /* without its one dash */
  loci__spelling_kind kind;
  const char *ours;
  const char *values; /* "0=skipgram|1=cbow"; for a flag "0=|1=yes": an empty word leaves it out. NULL = as it is */
} loci__spelling;

typedef struct loci__example {
  const char *line; /* as typed */
  const char *what;
} loci__example;

/* Options that several commands share. */
typedef struct loci__common {
  int help, quiet, verbose, no_progress, version;
  int color; /* 1 auto, 2 always, 3 never; 0 not given */
  const char *collection, *store, *labels;
  uint64_t threads;
} loci__common;

enum {
  LOCI__USES_CONTEXT = 1,    /* needs cli->context */
  LOCI__USES_COLLECTION = 2, /* has -c and --store */
  LOCI__USES_INTERRUPT = 4,  /* Ctrl-C asks the progress callback to stop instead of killing */
  LOCI__USES_THREADS = 8,    /* has --threads */
  LOCI__USES_NOTES = 16,     /* the library's notes (memory, sizes) are shown without -v */
  LOCI__USES_VECTORS = 32 /* works on vectors (space.c): its first argument names them, or -c or --store instead of it;
                                has --labels */
};

typedef struct loci__cli loci__cli;

typedef struct loci__command {
  const char *name;      /* one word, or two: "train word2vec" ("train-word2vec" in names of files) */
  const char *summary;   /* one line for the list of commands */
  const char *arguments; /* "DIR|FILE…" as it stands in the usage line, or "" */
  const char *about;     /* paragraphs, separated by an empty line */
  const loci__option *options;
  size_t n_options;
  const loci__spelling *spellings; /* of other programs; NULL = none */
  size_t n_spellings;
  loci__example examples[4];
  unsigned uses;
  size_t least, most; /* arguments */
  loci__offer offer;  /* for arguments */
  const char *words;  /* what the first argument may be ("sts|retrieval"), or NULL */
  size_t values_size; /* of the struct the options point into */
  loci_status (*run)(loci__cli *cli, loci_error *error);
} loci__command;

extern const loci__command *const loci__commands[]; /* NULL at the end (command.c) */
#define LOCI__DECLARE(name) extern const loci__command loci__command_##name;
LOCI__COMMANDS(LOCI__DECLARE)
#undef LOCI__DECLARE

const loci__command *loci__command_find(const char *name); /* "-" stands for " " too; NULL when there is none */
/* The command that words[0…n) begin with; *used = how many of them are its name. NULL when there is none: then *used is
 * 1 if words[0] is the first word of commands of two. */
const loci__command *loci__command_match(char *const *words, size_t n, size_t *used);
/* Is this the first command (in the list's order) that begins with its first word? *group: of a name of two words. */
bool loci__command_leads(size_t i, bool *group);
size_t loci__command_first(const char *name); /* length of the first word */
/* Puts "word2vec|glove": the second words of the commands that begin with `first`. */
void loci__command_put_seconds(loci__buffer *out, const char *first, size_t length, char between);
/* "train-word2vec" */
void loci__command_put_file(loci__buffer *out, const loci__command *command);
/* Option i of a command, its own first, then the shared ones; NULL past the end. *shared tells which struct. */
const loci__option *loci__command_option(const loci__command *command, size_t i, bool *shared);
/* The name nearest to `wrong` (an edit distance of at most 2, or a prefix), or NULL. `name_of` answers NULL at the
 * end. */
const char *loci__nearest(const char *wrong, const char *(*name_of)(const void *arg, size_t i), const void *arg);
const char *loci__command_nearest(const char *wrong);

/* ---- one run ----------------------------------------------------------------------------------- */

struct loci__cli {
  const loci__command *command;
  int argc; /* what was typed behind "loci" */
  char **argv;
  loci__common common;
  void *values;          /* of the command's own options */
  loci__words arguments; /* what is no option */
  loci_context *context;
  bool nothing; /* set by a command: no match, or something skipped; exit 1 with --quiet */

  bool out_terminal, err_terminal; /* stdout, stderr */
  bool colour;                     /* on stdout */
  bool err_colour;
  unsigned width; /* of the terminal, in columns */

  /* progress.c */
  bool progress_shown; /* a progress line stands on stderr */
  double rate_began, rate_done0;
  char rate_stage[48];
};

/* Parses argv[0…argc) (without program and command) into cli->common, cli->values and cli->arguments. USAGE with a
 * suggestion. `command` NULL parses the options that stand before a command: stops at the first argument, *used tells
 * how many were taken. */
loci_status loci__options_parse(loci__cli *cli, const loci__command *command, int argc, char **argv, int *used,
                                loci_error *error);
/* What the options of cli->command that may be given several times hold. */
void loci__options_release(loci__cli *cli);

/* ---- texts from the descriptions ----------------------------------------------------------------- */

void loci__help_command(loci__buffer *out, const loci__command *command, bool colour);
void loci__help_overview(loci__buffer *out, bool colour);
/* "loci search [-n N] … QUERY" in one line. */
void loci__help_usage(loci__buffer *out, const loci__command *command);
/* "-size (dim), -window (window)": the other programs' spellings. */
void loci__help_spellings(loci__buffer *out, const loci__command *command);
/* roff (man(7)) of loci(1) for NULL, else of loci-<command>(1). */
void loci__man_page(loci__buffer *out, const loci__command *command);
/* shell: "bash", "zsh" or "fish"; false for another. */
bool loci__completion_script(loci__buffer *out, const char *shell);
/* The i-th word of "a|b|c", its length in *length; NULL past the end. */
const char *loci__word_at(const char *words, size_t i, size_t *length);

/* ---- folders (environment.c) --------------------------------------------------------------------- */

typedef enum loci__xdg { LOCI__XDG_DATA, LOCI__XDG_STATE, LOCI__XDG_CACHE } loci__xdg;
/* $XDG_…_HOME/loci/<rest>, else below $HOME; allocated. USAGE when neither is set. */
loci_status loci__environment_folder(loci__xdg kind, const char *rest, char **out, loci_error *error);
/* Where models are looked up, ':' between: LOCI_MODEL_PATH, the build tree's models, share/loci/models beside the
 * executable's bin folder, the XDG data folder's loci/models. Allocated. */
loci_status loci__environment_model_path(char **out, loci_error *error);
/* The program of that name (loci-extract, loci-serve) that belongs to this executable, allocated; NULL when it is not there. */
char *loci__environment_program(const char *name);
/* A file of share/loci that belongs to this executable ("map.html"), allocated; NULL when it is not there. */
char *loci__environment_data(const char *name);
/* Makes the context from LOCI_ISA, LOCI_THREADS and the folders above. */
loci_status loci__environment_context(loci__cli *cli, loci_error *error);
/* The collection's file: --store, -c NAME, LOCI_STORE, else collections/default.db of the data folder. Allocated. */
loci_status loci__environment_store(const loci__cli *cli, char **out, loci_error *error);
/* Opens it; NOT_FOUND with the line that makes one when it is not there and mode is not CREATE. */
loci_status loci__collection_open(loci__cli *cli, int mode, loci_collection **out, loci_error *error);
/* Says once for all (a file in the state folder remembers it) what the built-in model cannot do. */
void loci__environment_tell_limits(loci__cli *cli);
/* Says once for all that a static model gives a word the same vector in every sentence. */
void loci__environment_tell_static(loci__cli *cli);
/* --pooling mean|sif of word vectors: 1 + its index, 0 = not given. *out: the model's name for it (allocated), NULL when
 * `model` will do. USAGE without a model. */
#define LOCI__POOLING_WORDS "mean|sif"
#define LOCI__POOLING_HELP \
  "word vectors: how a text's words become one vector, rare words counting more with sif (mean)"
loci_status loci__environment_pooling(const char *model, int pooling, char **out, loci_error *error);
/* The absolute path where `path` is there, else a copy; allocated. */
char *loci__environment_place(loci__cli *cli, const char *path);

/* ---- the vectors that a command explores (space.c) ------------------------------------------------ */

typedef struct loci__space {
  loci_vectors *vectors;
  loci_vectors_info info;
  loci_collection *collection; /* whose passages they are, or NULL */
  loci__cli *cli;
} loci__space;

/* Of a command that LOCI__USES_VECTORS: -c NAME or --store FILE, else the first argument (a file, a model's folder or name,
 * an .npy with --labels), which is taken off cli->arguments: what stands there afterwards is the command's own. */
loci_status loci__space_open(loci__cli *cli, loci__space *space, loci_error *error);
void loci__space_close(loci__space *space); /* {0} is fine */
/* The row of a word as it stands there; of a collection also that of the passage at FILE:LINE. NOT_FOUND proposes words
 * spelled alike. */
loci_status loci__space_find(const loci__space *space, const char *word, size_t length, size_t *row, loci_error *error);
/* Its vector (dim floats); with subwords that of any word. */
loci_status loci__space_get(const loci__space *space, const char *word, size_t length, float *out, loci_error *error);
/* The card beside `from`, or, where there is none, a title for `output`: what a command appends to that changes vectors. */
loci_status loci__card_begin(loci__cli *cli, const char *from, const char *output, loci__buffer *out,
                             loci_error *error);
/* NOT_FOUND for a word that a table does not have, with words spelled alike. */
loci_status loci__fail_word(const loci_vectors *vectors, const char *word, size_t length, loci_error *error);

/* ---- output (output.c) --------------------------------------------------------------------------- */

void loci__output_begin(loci__cli *cli); /* terminals, colours, width; after the options are parsed */
/* Writes the buffer to stdout and clears it. IO when stdout does not take it; never returns after a broken pipe. */
loci_status loci__output_flush(loci__cli *cli, loci__buffer *out, loci_error *error);
/* The last words on stdout: a full disk is found here. */
loci_status loci__output_end(loci_error *error);
/* A line on stderr, "loci: …", unless --quiet. The progress line is taken away first. */
void loci__note(loci__cli *cli, const char *format, ...) LOCI_PRINTF(2, 3);
/* With --verbose only. */
void loci__note_verbose(loci__cli *cli, const char *format, ...) LOCI_PRINTF(2, 3);

typedef enum loci__style {
  LOCI__STYLE_PLAIN,
  LOCI__STYLE_STRONG,
  LOCI__STYLE_DIM,
  LOCI__STYLE_PATH,
  LOCI__STYLE_MATCH
} loci__style;
void loci__put_style(loci__buffer *out, bool colour, loci__style style); /* the escape sequence, or nothing */
/* Text for a terminal: control characters (a document may hold escape sequences) become U+FFFD, white space a space,
 * at most `columns` wide ("…" at the end when cut; 0 = no limit). Returns the columns used. */
size_t loci__put_shown(loci__buffer *out, const char *text, size_t length, size_t columns);
size_t loci__shown_width(const char *text, size_t length);
/* A field of TSV: \t \n \r \\ and other control characters are escaped. */
void loci__put_field(loci__buffer *out, const char *text, size_t length);
/* `shown` as a link to the file (OSC 8) on a terminal, plain elsewhere; styled as a path. */
void loci__put_path(loci__buffer *out, const loci__cli *cli, const char *path, const char *shown);
/* A path below the working folder relative to it, else as it is. Points into `path`. */
const char *loci__shown_path(const char *path);
/* "1.4 MB", "812 bytes"; "1,204"; "3 files" with the plural s where it belongs. */
void loci__put_bytes(loci__buffer *out, uint64_t bytes);
void loci__put_number(loci__buffer *out, uint64_t number);
void loci__put_count(loci__buffer *out, uint64_t n, const char *noun);

/* Rows of cells: aligned columns under a heading on a terminal, TSV without heading elsewhere. */
typedef struct loci__table {
  loci__arena arena;
  const char *const *headings;
  size_t n_columns;
  const char **cells; /* rows × columns */
  size_t n_cells, capacity;
  bool failed;
} loci__table;
/* A heading that starts with '>' is aligned to the right. */
void loci__table_init(loci__table *table, const char *const *headings, size_t n_columns);
void loci__table_add(loci__table *table, const char *text); /* the next cell; copied */
void loci__table_addf(loci__table *table, const char *format, ...) LOCI_PRINTF(2, 3);
void loci__table_addn(loci__table *table, const char *text, size_t length);
void loci__table_put(loci__table *table, loci__buffer *out, const loci__cli *cli);
void loci__table_release(loci__table *table);

/* ---- results (results.c) ------------------------------------------------------------------------- */

typedef struct loci__results_style {
  bool json, explain;
  bool excerpt; /* a few lines around the best sentence, else the whole text (get) */
} loci__results_style;
/* Cards on a terminal, TSV elsewhere, JSON when asked: one object, in one line. */
void loci__results_put(loci__buffer *out, const loci__cli *cli, const char *query, size_t length,
                       const loci_results *results, loci__results_style style);
/* "path:12" or "path:12-18" → path (allocated, absolute where it is there) and 12; line 0 when none is named. */
loci_status loci__place_parse(loci__cli *cli, const char *text, char **path, uint32_t *line, loci_error *error);

/* ---- input (input.c) ----------------------------------------------------------------------------- */

typedef struct loci__input {
  loci_context *context;
  const char *name; /* for messages */
  int fd;
  bool regular, ended;
  int64_t offset;
  loci__buffer bytes;
  size_t start;    /* what lies before it was handed out */
  uint64_t n_read; /* lines handed out */
} loci__input;

/* path "-" is stdin. */
loci_status loci__input_open(loci__input *input, loci_context *context, const char *path, loci_error *error);
void loci__input_close(loci__input *input);
/* The whole rest; data belongs to the input. */
loci_status loci__input_all(loci__input *input, const char **data, size_t *length, loci_error *error);
/* Up to `most` lines (SIZE_MAX = every line there is), without their "\n" or "\r\n"; they live until the next call.
 * *n 0 = the end. texts holds at least *n after the call (grown by the call, loci__free). */
loci_status loci__input_lines(loci__input *input, size_t most, loci_text **texts, size_t *capacity, size_t *n,
                              loci_error *error);

/* ---- progress and interruption (progress.c) ------------------------------------------------------ */

void loci__interrupt_install(void);
bool loci__interrupted(void);
/* A loci_progress_fn; user is the loci__cli. */
int loci__progress_show(void *user, const loci_progress *progress);
/* One that shows nothing, for what is over in a moment. */
int loci__progress_cancel(void *user, const loci_progress *progress);
void loci__progress_clear(loci__cli *cli);
/* A loci_log_fn; user is the loci__cli. */
void loci__log_show(void *user, loci_log_level level, const char *message);

/* ---- shared between index and reindex (report.c) ------------------------------------------------- */

typedef struct loci__skips {
  loci__cli *cli;
  loci__table rows; /* action, path, reason */
  bool dry_run;
} loci__skips;
void loci__skips_init(loci__skips *skips, loci__cli *cli, bool dry_run);
void loci__skips_event(void *user, const char *action, const char *path, const char *reason);
/* Skipped files on stderr, by reason. */
void loci__skips_tell(loci__skips *skips);
void loci__skips_release(loci__skips *skips);
typedef enum loci__report_kind { LOCI__REPORT_INDEX, LOCI__REPORT_DRY_RUN, LOCI__REPORT_REINDEX } loci__report_kind;
void loci__report_put(loci__buffer *out, const loci_index_report *report, bool json, loci__report_kind kind);

#endif
