/* help.c: what `loci`, `loci help`, and -h print, made from the descriptions of the commands.
 */
#include "cli.h"

enum { COLUMNS = 80, HELP_AT = 30 };

/* Words of `text` from column `at` on, broken before COLUMNS, further lines indented by `indent`. Two newlines make a
 * paragraph. */
static void put_wrapped(loci__buffer *out, const char *text, size_t at, size_t indent) {
  bool line_start = true;
  while (*text) {
    if (text[0] == '\n' && text[1] == '\n') {
      loci__buffer_printf(out, "\n\n%*s", (int)indent, "");
      at = indent, line_start = true;
      text += 2;
      continue;
    }
    if (*text == ' ' || *text == '\n') {
      text++;
      continue;
    }
    size_t length = strcspn(text, " \n");
    size_t width = loci__shown_width(text, length);
    if (!line_start && at + 1 + width > COLUMNS) {
      loci__buffer_printf(out, "\n%*s", (int)indent, "");
      at = indent, line_start = true;
    }
    if (!line_start) {
      loci__buffer_putc(out, ' ');
      at++;
    }
    loci__buffer_append(out, text, length);
    at += width;
    line_start = false;
    text += length;
  }
}

static void put_title(loci__buffer *out, const char *title, bool colour) {
  loci__put_style(out, colour, LOCI__STYLE_STRONG);
  loci__buffer_puts(out, title);
  loci__put_style(out, colour, LOCI__STYLE_PLAIN);
  loci__buffer_putc(out, '\n');
}

void loci__help_usage(loci__buffer *out, const loci__command *command) {
  loci__buffer_printf(out, "loci %s", command->name);
  const loci__option *option;
  bool shared;
  for (size_t i = 0; (option = loci__command_option(command, i, &shared)) && !shared; i++) {
    loci__buffer_puts(out, " [");
    if (option->letter) loci__buffer_printf(out, "-%c", option->letter);
    else loci__buffer_printf(out, "--%s", option->name);
    if (option->value) loci__buffer_printf(out, " %s", option->value);
    loci__buffer_puts(out, option->kind == LOCI__OPTION_LIST ? "]…" : "]");
  }
  if (*command->arguments) loci__buffer_printf(out, " %s", command->arguments);
}

/* Breaks a usage line between its parts, not inside of [--option VALUE]. */
static void put_usage(loci__buffer *out, const loci__command *command) {
  loci__buffer line;
  loci__buffer_init(&line, NULL, 0);
  loci__help_usage(&line, command);
  size_t indent = 2 + strlen("loci ") + strlen(command->name) + 1, at = 2;
  loci__buffer_puts(out, "  ");
  const char *text = line.data ? line.data : "";
  bool first = true;
  while (*text) {
    size_t length = *text == '[' ? strcspn(text, "]") : strcspn(text, " ");
    length += strcspn(text + length, " ");
    size_t width = loci__shown_width(text, length);
    if (!first && at + 1 + width > COLUMNS) {
      loci__buffer_printf(out, "\n%*s", (int)indent, "");
      at = indent;
    } else if (!first) {
      loci__buffer_putc(out, ' ');
      at++;
    }
    loci__buffer_append(out, text, length);
    at += width;
    first = false;
    text += length;
    text += strspn(text, " ");
  }
  loci__buffer_putc(out, '\n');
  loci__buffer_release(&line);
}

static void put_option(loci__buffer *out, const loci__option *option) {
  char left[96];
  int length = snprintf(left, sizeof left, option->letter ? "  -%c, --%s%s%s" : "    %c --%s%s%s",
                        option->letter ? option->letter : ' ', option->name, option->value ? " " : "",
                        option->value ? option->value : "");
  loci__buffer_puts(out, left);
  size_t at = (size_t)length;
  if (at + 2 > HELP_AT) {
    loci__buffer_putc(out, '\n');
    at = 0;
  }
  loci__buffer_printf(out, "%*s", (int)(HELP_AT - at), "");
  put_wrapped(out, option->help, HELP_AT, HELP_AT);
  loci__buffer_putc(out, '\n');
}

/* "-size N is --dim N", in one paragraph. */
static void put_spellings(loci__buffer *out, const loci__command *command, bool colour) {
  if (!command->n_spellings) return;
  loci__buffer_puts(out, "\n");
  put_title(out, "Also understood", colour);
  loci__buffer list;
  loci__buffer_init(&list, NULL, 0);
  loci__help_spellings(&list, command);
  loci__buffer_puts(out, "  ");
  put_wrapped(out, list.data ? list.data : "", 2, 2);
  loci__buffer_putc(out, '\n');
  loci__buffer_release(&list);
}

void loci__help_spellings(loci__buffer *out, const loci__command *command) {
  bool any = false;
  for (size_t i = 0; i < command->n_spellings; i++) {
    const loci__spelling *s = &command->spellings[i];
    if (s->kind == LOCI__SPELLING_REFUSED || s->kind == LOCI__SPELLING_IGNORED) continue;
    loci__buffer_printf(out, "%s-%s", any ? ", " : "", s->theirs);
    if (s->kind == LOCI__SPELLING_ARGUMENT) loci__buffer_puts(out, " (the argument)");
    else loci__buffer_printf(out, " (%s)", s->ours);
    any = true;
  }
}

void loci__help_command(loci__buffer *out, const loci__command *command, bool colour) {
  loci__buffer_printf(out, "%s\n\n", command->summary);
  put_title(out, "Usage", colour);
  put_usage(out, command);
  loci__buffer_puts(out, "\n");
  put_wrapped(out, command->about, 0, 0);
  loci__buffer_puts(out, "\n\n");
  put_title(out, "Options", colour);
  const loci__option *option;
  bool shared;
  for (size_t i = 0; (option = loci__command_option(command, i, &shared)); i++) put_option(out, option);
  put_spellings(out, command, colour);
  loci__buffer_puts(out, "\n");
  put_title(out, "Examples", colour);
  for (size_t i = 0; i < LOCI__COUNT(command->examples) && command->examples[i].line; i++)
    loci__buffer_printf(out, "  %s\n      %s\n", command->examples[i].line, command->examples[i].what);
}

void loci__help_overview(loci__buffer *out, bool colour) {
  loci__buffer_puts(out, "loci makes a folder of documents searchable by meaning, on this machine.\n\n");
  put_title(out, "Usage", colour);
  loci__buffer_puts(out, "  loci COMMAND [options] arguments\n\n");
  put_title(out, "Commands", colour);
  for (size_t i = 0; loci__commands[i]; i++)
    loci__buffer_printf(out, "  %-16s%s\n", loci__commands[i]->name, loci__commands[i]->summary);
  loci__buffer_puts(out, "\n`loci help COMMAND` says more about one. `loci --version` prints the version.\n");
}

/* ---- the commands help and completion ------------------------------------------------------------ */

static loci_status run_help(loci__cli *cli, loci_error *error) {
  const loci__command *command = NULL;
  if (cli->arguments.n) {
    const char *name = cli->arguments.items[0];
    size_t words;
    command = loci__command_match((char *const *)cli->arguments.items, cli->arguments.n, &words);
    if (command && words < cli->arguments.n)
      return loci__fail(error, LOCI_ERROR_USAGE, "help takes one command; '%s' is none of `loci %s`",
                        cli->arguments.items[words], command->name);
    if (!command && words) {
      loci__buffer seconds;
      loci__buffer_init(&seconds, NULL, 0);
      loci__command_put_seconds(&seconds, name, strlen(name), '|');
      loci_status status = loci__fail(error, LOCI_ERROR_USAGE, "say of which: `loci help %s %s`", name,
                                      seconds.data ? seconds.data : "");
      loci__buffer_release(&seconds);
      return status;
    }
    if (!command) {
      const char *nearest = loci__command_nearest(name);
      if (nearest)
        return loci__fail(error, LOCI_ERROR_USAGE, "unknown command '%s'; did you mean '%s'?", name, nearest);
      return loci__fail(error, LOCI_ERROR_USAGE, "unknown command '%s'; `loci help` lists them", name);
    }
  }
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (command) loci__help_command(&out, command, cli->colour);
  else loci__help_overview(&out, cli->colour);
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_help = {
    .name = "help",
    .summary = "Say what a command does, with its options and examples",
    .arguments = "[COMMAND]",
    .about = "Without COMMAND, lists the commands. The same text stands in the manual pages: `man loci-search`.",
    .examples = {{"loci help search", "the options of search"}, {"loci search -h", "the same"}},
    .most = 2,
    .offer = LOCI__OFFER_COMMAND,
    .run = run_help,
};

static loci_status run_completion(loci__cli *cli, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci_status status;
  if (!loci__completion_script(&out, cli->arguments.items[0]))
    status = loci__fail(error, LOCI_ERROR_USAGE, "there is no completion for '%s'; it is one of bash, zsh, fish",
                        cli->arguments.items[0]);
  else status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_completion = {
    .name = "completion",
    .summary = "Print the completion script of a shell",
    .arguments = "bash|zsh|fish",
    .about = "`make install` puts the scripts where the shells look for them; this prints them for another place.",
    .examples = {{"eval \"$(loci completion bash)\"", "completion in this bash"},
                 {"loci completion fish > ~/.config/fish/completions/loci.fish", "completion in fish, for good"}},
    .least = 1,
    .most = 1,
    .words = "bash|zsh|fish",
    .run = run_completion,
};
