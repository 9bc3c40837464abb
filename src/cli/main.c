/* main.c: finds the command, makes what it needs, and turns its status into an exit code and a message.
 */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>

enum { EXIT_NOTHING = 1, EXIT_USAGE = 2, EXIT_MODEL = 3, EXIT_INPUT = 4, EXIT_SYSTEM = 5, EXIT_INTERRUPTED = 130 };

static int exit_code(loci_status status) {
  switch (status) {
    case LOCI_OK: return EXIT_SUCCESS;
    case LOCI_ERROR_USAGE:
    case LOCI_ERROR_MISMATCH: return EXIT_USAGE;
    case LOCI_ERROR_MODEL: return EXIT_MODEL;
    case LOCI_ERROR_FORMAT:
    case LOCI_ERROR_NOT_FOUND:
    case LOCI_ERROR_UNSUPPORTED:
    case LOCI_ERROR_LIMIT:
    case LOCI_ERROR_CORRUPT: return EXIT_INPUT;
    case LOCI_ERROR_CANCELLED: return EXIT_INTERRUPTED;
    case LOCI_ERROR_MEMORY:
    case LOCI_ERROR_IO:
    case LOCI_ERROR_LOCKED:
    case LOCI_ERROR_INTERNAL: break;
  }
  return EXIT_SYSTEM;
}

/* What to do next, where the message of the library cannot know it: it does not know the command's words. */
static const char *next_step(const loci__command *command, loci_status status, const char *message) {
  bool collection = command && command->uses & LOCI__USES_COLLECTION;
  switch (status) {
    case LOCI_ERROR_NOT_FOUND:
      return !collection || strchr(message, '`') ? NULL : "`loci status` names the folders that are indexed";
    case LOCI_ERROR_MODEL: return "`loci doctor` lists the models that are there, and where they are looked for";
    case LOCI_ERROR_CORRUPT:
      return collection ? "`loci check --deep` says what is damaged; `loci reindex` makes the vectors anew" : NULL;
    case LOCI_ERROR_LOCKED: return collection ? "searching goes on meanwhile" : NULL;
    case LOCI_ERROR_MEMORY: return "free some memory, or set LOCI_THREADS=1 to need less";
    case LOCI_ERROR_INTERNAL: return "this is a fault of loci: please report it with the command that shows it";
    default: return NULL;
  }
}

static void tell_error(loci__cli *cli, loci_status status, const loci_error *error) {
  loci__progress_clear(cli);
  loci__buffer shown;
  loci__buffer_init(&shown, NULL, 0);
  const char *message = error->message[0] ? error->message : loci_status_text(status);
  /* Paths and bytes of files stand in messages: line by line through the same filter as results. */
  while (*message) {
    size_t length = strcspn(message, "\n");
    loci__put_shown(&shown, message, length, 0);
    message += length;
    if (*message) {
      loci__buffer_puts(&shown, "\n      ");
      message++;
    }
  }
  fprintf(stderr, "loci: %s\n", shown.data ? shown.data : "out of memory");
  loci__buffer_release(&shown);
  const char *hint = next_step(cli->command, status, error->message);
  if (hint) fprintf(stderr, "loci: %s\n", hint);
}

/* ---- loci without a command ---------------------------------------------------------------------- */

static void put_collection(loci__buffer *out, loci__cli *cli) {
  char *path = NULL;
  if (loci__environment_store(cli, &path, NULL) != LOCI_OK) return;
  if (!loci__file_exists(NULL, path)) {
    loci__buffer_puts(out, "There is no collection yet.\n");
  } else {
    loci_collection *collection = NULL;
    loci_collection_status status = {.struct_size = sizeof status};
    loci_error error;
    if (loci__environment_context(cli, &error) == LOCI_OK &&
        loci_collection_open(cli->context, path, LOCI_COLLECTION_READ, &collection, &error) == LOCI_OK &&
        loci_collection_get_status(collection, 0, &status, &error) == LOCI_OK) {
      loci__buffer_puts(out, "Your collection holds ");
      loci__put_count(out, status.n_documents, "document");
      loci__buffer_puts(out, " from ");
      loci__put_count(out, status.n_roots, "place");
      loci__buffer_printf(out, " (%s).\n", path);
    } else {
      loci__buffer_printf(out, "Your collection (%s) cannot be read: `loci check` says why.\n", path);
    }
    loci_collection_close(collection);
  }
  loci__free(NULL, path);
}

static loci_status run_bare(loci__cli *cli, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__buffer_puts(&out,
                    "loci makes a folder of documents searchable by meaning, on this machine.\n\n"
                    "  loci index ~/Documents                     # new and changed files of a folder\n"
                    "  loci search \"how to fix a slow laptop\"     # the passages nearest in meaning\n"
                    "  loci embed \"a text\"                        # its vector\n\n");
  put_collection(&out, cli);
  loci__buffer_puts(&out, "Commands:");
  size_t column = strlen("Commands:");
  for (size_t i = 0; loci__commands[i]; i++) {
    bool group;
    if (!loci__command_leads(i, &group)) continue;
    const char *name = loci__commands[i]->name;
    size_t length = loci__command_first(name), width = 1 + length;
    if (column + width > 78) {
      loci__buffer_puts(&out, "\n         ");
      column = 9;
    }
    loci__buffer_printf(&out, " %.*s", (int)length, name);
    column += width;
  }
  loci__buffer_puts(&out, "\n`loci help COMMAND` says more about one.\n");
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

/* `loci --man [COMMAND]` and `loci --commands` (their names as in files, "train-word2vec"): for the build, so they stand in no table. */
static loci_status run_man(loci__cli *cli, int argc, char **argv, loci_error *error) {
  const loci__command *command = argc ? loci__command_find(argv[0]) : NULL;
  if (argc && !command)
    return loci__fail(error, LOCI_ERROR_USAGE, "unknown command '%s'; `loci help` lists them", argv[0]);
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__man_page(&out, command);
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status run_commands(loci__cli *cli, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  for (size_t i = 0; loci__commands[i]; i++) {
    loci__command_put_file(&out, loci__commands[i]);
    loci__buffer_putc(&out, '\n');
  }
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status print_text(loci__cli *cli, const loci__command *command, loci_error *error) {
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (command) loci__help_command(&out, command, cli->colour);
  else if (cli->common.version) loci__buffer_printf(&out, "loci %s\n", loci_version());
  else loci__help_overview(&out, cli->colour);
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

/* ---- one run ------------------------------------------------------------------------------------- */

static loci_status run_command(loci__cli *cli, const loci__command *command, int argc, char **argv, loci_error *error) {
  cli->command = command;
  if (command->values_size) {
    cli->values = loci__alloc_zero(NULL, 1, command->values_size);
    if (!cli->values) return loci__fail_memory(error, command->values_size, "the options");
  }
  LOCI__TRY(loci__options_parse(cli, command, argc, argv, NULL, error));
  loci__output_begin(cli);
  if (cli->common.help) return print_text(cli, command, error);
  if (command->uses & LOCI__USES_INTERRUPT) loci__interrupt_install();
  if (command->uses & LOCI__USES_CONTEXT) LOCI__TRY(loci__environment_context(cli, error));
  return command->run(cli, error);
}

/* "train" without a known second word. */
static loci_status fail_group(int argc, char **argv, loci_error *error) {
  loci__buffer seconds;
  loci__buffer_init(&seconds, NULL, 0);
  loci__command_put_seconds(&seconds, argv[0], strlen(argv[0]), '|');
  const char *list = seconds.data ? seconds.data : "";
  loci_status status = argc > 1 && argv[1][0] != '-'
                           ? loci__fail(error, LOCI_ERROR_USAGE, "there is no `loci %s %s`, only `loci %s %s`", argv[0],
                                        argv[1], argv[0], list)
                           : loci__fail(error, LOCI_ERROR_USAGE, "say which: `loci %s %s`", argv[0], list);
  loci__buffer_release(&seconds);
  return status;
}

static loci_status run(loci__cli *cli, int argc, char **argv, loci_error *error) {
  loci__output_begin(cli);
  if (argc && !strcmp(argv[0], "--man")) return run_man(cli, argc - 1, argv + 1, error);
  if (argc == 1 && !strcmp(argv[0], "--commands")) return run_commands(cli, error);
  int used = 0;
  LOCI__TRY(loci__options_parse(cli, NULL, argc, argv, &used, error));
  loci__output_begin(cli);
  if (cli->common.help || cli->common.version) return print_text(cli, NULL, error);
  argc -= used, argv += used;
  if (!argc) return run_bare(cli, error);
  size_t words;
  const loci__command *command = loci__command_match(argv, (size_t)argc, &words);
  if (!command && words) return fail_group(argc, argv, error);
  if (!command) {
    const char *nearest = loci__command_nearest(argv[0]);
    if (nearest)
      return loci__fail(error, LOCI_ERROR_USAGE, "unknown command '%s'; did you mean `loci %s`?", argv[0], nearest);
    return loci__fail(error, LOCI_ERROR_USAGE, "unknown command '%s'; `loci help` lists them", argv[0]);
  }
  return run_command(cli, command, argc - (int)words, argv + words, error);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* see output.c */
  loci__cli cli = {.argc = argc > 0 ? argc - 1 : 0, .argv = argv + (argc > 0)};
  loci_error error = {0};
  loci_status status = run(&cli, cli.argc, cli.argv, &error);
  loci__progress_clear(&cli);
  loci_error last = {0};
  loci_status end = loci__output_end(&last);
  if (status == LOCI_OK && end != LOCI_OK) status = end, error = last;
  if (status != LOCI_OK) tell_error(&cli, status, &error);
  loci_context_free(cli.context);
  loci__options_release(&cli);
  loci__free(NULL, cli.values);
  loci__free(NULL, cli.arguments.items);
  if (status == LOCI_OK && cli.nothing && cli.common.quiet) return EXIT_NOTHING;
  return exit_code(status);
}
