/* man.c: the manual pages as roff of the man(7) macros, made from the descriptions of the commands. The build calls
 * `loci --man [COMMAND]` and installs what it prints.
 */
#include "cli.h"

/* Text with what roff takes for itself escaped: backslash, and . or ' at the start of a line. Hyphens that a person
 * may copy are \-. `code` in backquotes becomes bold. */
static void put_roff(loci__buffer *out, const char *text) {
  bool line_start = true, bold = false;
  for (const char *c = text; *c; c++) {
    if (c[0] == '\n' && c[1] == '\n') {
      loci__buffer_puts(out, "\n.PP\n");
      line_start = true;
      c++;
      continue;
    }
    if (line_start && (*c == '.' || *c == '\'')) loci__buffer_puts(out, "\\&");
    line_start = *c == '\n';
    switch (*c) {
      case '\\': loci__buffer_puts(out, "\\e"); break;
      case '-': loci__buffer_puts(out, "\\-"); break;
      case '`':
        bold = !bold;
        loci__buffer_puts(out, bold ? "\\fB" : "\\fR");
        break;
      default: loci__buffer_putc(out, *c);
    }
  }
}

static void put_head(loci__buffer *out, const char *name, const char *summary) {
  char upper[64];
  size_t n = 0;
  for (; name[n] && n + 1 < sizeof upper; n++)
    upper[n] = (char)(name[n] >= 'a' && name[n] <= 'z' ? name[n] - 'a' + 'A' : name[n]);
  upper[n] = 0;
  loci__buffer_printf(out, ".TH %s 1 \"\" \"loci %s\" \"loci manual\"\n.SH NAME\n", upper, LOCI_VERSION);
  put_roff(out, name);
  loci__buffer_puts(out, " \\- ");
  put_roff(out, summary);
  loci__buffer_puts(out, "\n");
}

static void put_option(loci__buffer *out, const loci__option *option) {
  loci__buffer_puts(out, ".TP\n");
  if (option->letter) loci__buffer_printf(out, "\\fB\\-%c\\fR, ", option->letter);
  loci__buffer_puts(out, "\\fB\\-\\-");
  put_roff(out, option->name);
  loci__buffer_puts(out, "\\fR");
  if (option->value) loci__buffer_printf(out, " \\fI%s\\fR", option->value);
  loci__buffer_puts(out, "\n");
  put_roff(out, option->help);
  loci__buffer_puts(out, ".\n");
}

static void put_exit_codes(loci__buffer *out) {
  static const char *const codes[][2] = {
      {"0", "Done. Skipped files and an empty answer are no failure."},
      {"1", "With --quiet: nothing was found, or something was skipped."},
      {"2", "Usage, or vectors of another model are refused."},
      {"3", "No such model."},
      {"4", "The input, its format or its size; no such document or collection."},
      {"5", "The system said no: files, memory, a lock."},
      {"130", "Interrupted. What was committed stays; the same command goes on."},
  };
  loci__buffer_puts(out, ".SH EXIT STATUS\n");
  for (size_t i = 0; i < LOCI__COUNT(codes); i++) {
    loci__buffer_printf(out, ".TP\n%s\n", codes[i][0]);
    put_roff(out, codes[i][1]);
    loci__buffer_puts(out, "\n");
  }
}

static void put_environment(loci__buffer *out) {
  static const char *const variables[][2] = {
      {"LOCI_STORE", "The collection's file when neither --store nor --collection is given."},
      {"LOCI_MODEL_PATH", "Folders in which a model's name is looked up first, ':' between them."},
      {"LOCI_THREADS", "Threads to work with; else the processors that this process may use."},
      {"LOCI_ISA", "Forces an instruction set: ref, avx2, avx512."},
      {"XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME",
       "Where collections and models, notices already given, and fingerprints of models lie (in a folder loci)."},
      {"NO_COLOR, CLICOLOR_FORCE", "No colours; colours although stdout is no terminal."},
  };
  loci__buffer_puts(out, ".SH ENVIRONMENT\n");
  for (size_t i = 0; i < LOCI__COUNT(variables); i++) {
    loci__buffer_printf(out, ".TP\n.B %s\n", variables[i][0]);
    put_roff(out, variables[i][1]);
    loci__buffer_puts(out, "\n");
  }
}

static void put_overview(loci__buffer *out) {
  put_head(out, "loci", "make a folder of documents searchable by meaning");
  loci__buffer_puts(out, ".SH SYNOPSIS\n.B loci\n.I COMMAND\n[options] arguments\n.SH DESCRIPTION\n");
  put_roff(out,
           "loci indexes a folder of documents, and finds in it what means the same as a question, whether or not it "
           "uses the same words. Everything happens on this machine: nothing is sent anywhere.\n\n"
           "Results go to standard output: a table on a terminal, tab-separated values elsewhere (tabs, line ends and "
           "backslashes inside of a field written as \\t, \\n and \\\\), JSON with --json. Messages and progress go "
           "to standard error.");
  loci__buffer_puts(out, "\n.SH COMMANDS\n");
  for (size_t i = 0; loci__commands[i]; i++) {
    loci__buffer file;
    loci__buffer_init(&file, NULL, 0);
    loci__command_put_file(&file, loci__commands[i]);
    loci__buffer_puts(out, ".TP\n.BR loci\\-");
    put_roff(out, file.data ? file.data : "");
    loci__buffer_puts(out, " (1)\n");
    loci__buffer_release(&file);
    put_roff(out, loci__commands[i]->summary);
    loci__buffer_puts(out, ".\n");
  }
  put_exit_codes(out);
  put_environment(out);
}

void loci__man_page(loci__buffer *out, const loci__command *command) {
  if (!command) {
    put_overview(out);
    return;
  }
  loci__buffer name;
  loci__buffer_init(&name, NULL, 0);
  loci__buffer_puts(&name, "loci-");
  loci__command_put_file(&name, command);
  put_head(out, name.data ? name.data : "", command->summary);
  loci__buffer_release(&name);
  loci__buffer_puts(out, ".SH SYNOPSIS\n");
  loci__buffer usage;
  loci__buffer_init(&usage, NULL, 0);
  loci__help_usage(&usage, command);
  put_roff(out, usage.data ? usage.data : "");
  loci__buffer_release(&usage);
  loci__buffer_puts(out, "\n.SH DESCRIPTION\n");
  put_roff(out, command->about);
  loci__buffer_puts(out, "\n.SH OPTIONS\n");
  const loci__option *option;
  bool shared;
  for (size_t i = 0; (option = loci__command_option(command, i, &shared)); i++) put_option(out, option);
  if (command->n_spellings) {
    loci__buffer spellings;
    loci__buffer_init(&spellings, NULL, 0);
    loci__help_spellings(&spellings, command);
    loci__buffer_puts(out, ".PP\nAlso understood: ");
    put_roff(out, spellings.data ? spellings.data : "");
    loci__buffer_puts(out, ".\n");
    loci__buffer_release(&spellings);
  }
  loci__buffer_puts(out, ".SH EXAMPLES\n");
  for (size_t i = 0; i < LOCI__COUNT(command->examples) && command->examples[i].line; i++) {
    loci__buffer_puts(out, ".TP\n.B ");
    put_roff(out, command->examples[i].line);
    loci__buffer_puts(out, "\n");
    put_roff(out, command->examples[i].what);
    loci__buffer_puts(out, "\n");
  }
  put_exit_codes(out);
  loci__buffer_puts(out, ".SH SEE ALSO\n.BR loci (1)\n");
}
