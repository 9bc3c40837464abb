/* completion.c: scripts for bash, zsh and fish, made from the descriptions of the commands. Names of models are not
 * known here: where a model is wanted, shells offer folders.
 */
#include "cli.h"

/* 'text' for a POSIX shell and for fish, quotes inside closed, escaped and opened again. */
static void put_quoted(loci__buffer *out, const char *text) {
  loci__buffer_putc(out, '\'');
  for (const char *c = text; *c; c++) {
    if (*c == '\'') loci__buffer_puts(out, "'\\''");
    else loci__buffer_putc(out, *c);
  }
  loci__buffer_putc(out, '\'');
}

static void put_words(loci__buffer *out, const char *words, char between) {
  const char *word;
  size_t length;
  for (size_t i = 0; (word = loci__word_at(words, i, &length)); i++) {
    if (i) loci__buffer_putc(out, between);
    loci__buffer_append(out, word, length);
  }
}

/* ---- bash ---------------------------------------------------------------------------------------- */

static const char *bash_offer(loci__offer offer) {
  switch (offer) {
    case LOCI__OFFER_FILE: return "compgen -f -- \"$word\"";
    case LOCI__OFFER_FOLDER:
    case LOCI__OFFER_MODEL: return "compgen -d -- \"$word\"";
    case LOCI__OFFER_COMMAND: return "compgen -W \"$commands\" -- \"$word\"";
    case LOCI__OFFER_NOTHING: break;
  }
  return ":";
}

static void bash_command(loci__buffer *out, const loci__command *command) {
  const loci__option *option;
  bool shared;
  loci__buffer_puts(out, "    ");
  loci__command_put_file(out, command);
  loci__buffer_puts(out, ")\n      case $before in\n");
  for (size_t i = 0; (option = loci__command_option(command, i, &shared)); i++) {
    if (option->kind == LOCI__OPTION_FLAG) continue;
    loci__buffer_puts(out, "        ");
    if (option->letter) loci__buffer_printf(out, "-%c|", option->letter);
    loci__buffer_printf(out, "--%s) mapfile -t COMPREPLY < <(", option->name);
    if (option->kind == LOCI__OPTION_CHOICE) {
      loci__buffer_puts(out, "compgen -W '");
      put_words(out, option->value, ' ');
      loci__buffer_puts(out, "' -- \"$word\"");
    } else {
      loci__buffer_puts(out, bash_offer(option->offer));
    }
    loci__buffer_puts(out, "); return ;;\n");
  }
  loci__buffer_puts(out, "      esac\n      options='");
  for (size_t i = 0; (option = loci__command_option(command, i, &shared)); i++)
    loci__buffer_printf(out, "%s--%s", i ? " " : "", option->name);
  loci__buffer_puts(out, "'\n      _loci_arguments() { ");
  if (command->words) {
    loci__buffer_puts(out, "compgen -W '");
    put_words(out, command->words, ' ');
    loci__buffer_puts(out, "' -- \"$word\"; ");
    if (command->most > 1) loci__buffer_printf(out, "%s; ", bash_offer(command->offer));
  } else {
    loci__buffer_printf(out, "%s; ", bash_offer(command->offer));
  }
  loci__buffer_puts(out, "}\n      ;;\n");
}

/* The first words of commands. */
static void put_firsts(loci__buffer *out) {
  bool group;
  for (size_t i = 0; loci__commands[i]; i++)
    if (loci__command_leads(i, &group))
      loci__buffer_printf(out, "%s%.*s", i ? " " : "", (int)loci__command_first(loci__commands[i]->name),
                          loci__commands[i]->name);
}

/* Of commands of two words the first. */
static const char *group_at(size_t i, size_t *length) {
  bool group;
  if (!loci__command_leads(i, &group) || !group) return NULL;
  *length = loci__command_first(loci__commands[i]->name);
  return loci__commands[i]->name;
}

static void put_bash(loci__buffer *out) {
  loci__buffer_puts(out,
                    "# bash completion for loci, made by `loci completion bash`\n_loci() {\n"
                    "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options command=\n"
                    "  local i commands='");
  put_firsts(out);
  loci__buffer_puts(out,
                    "'\n  COMPREPLY=()\n"
                    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                    "    [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
                    "    command=${command:+$command-}${COMP_WORDS[i]}\n"
                    "    case $command in ''");
  size_t length;
  const char *name;
  for (size_t i = 0; loci__commands[i]; i++)
    if ((name = group_at(i, &length))) {
      loci__buffer_printf(out, "|%.*s", (int)length, name);
    }
  loci__buffer_puts(
      out,
      ") ;; *) break ;; esac\n"
      "  done\n"
      "  _loci_arguments() { :; }\n"
      "  case $command in\n"
      "    '') options='--help --version'; _loci_arguments() { compgen -W \"$commands\" -- \"$word\"; } ;;\n");
  for (size_t i = 0; loci__commands[i]; i++)
    if ((name = group_at(i, &length))) {
      loci__buffer_printf(out, "    %.*s) options='--help'; _loci_arguments() { compgen -W '", (int)length, name);
      loci__command_put_seconds(out, name, length, ' ');
      loci__buffer_puts(out, "' -- \"$word\"; } ;;\n");
    }
  for (size_t i = 0; loci__commands[i]; i++) bash_command(out, loci__commands[i]);
  loci__buffer_puts(out,
                    "  esac\n"
                    "  if [[ $word == -* ]]; then\n"
                    "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
                    "  else\n"
                    "    mapfile -t COMPREPLY < <(_loci_arguments)\n"
                    "  fi\n"
                    "  unset -f _loci_arguments\n"
                    "}\n"
                    "complete -o filenames -F _loci loci\n");
}

/* ---- zsh ----------------------------------------------------------------------------------------- */

static const char *zsh_offer(loci__offer offer) {
  switch (offer) {
    case LOCI__OFFER_FILE: return "_files";
    case LOCI__OFFER_FOLDER:
    case LOCI__OFFER_MODEL: return "_files -/";
    case LOCI__OFFER_COMMAND: return "_loci_commands";
    case LOCI__OFFER_NOTHING: break;
  }
  return " ";
}

/* The description in an _arguments spec: its own brackets and colons escaped, single quotes closed. */
static void zsh_text(loci__buffer *out, const char *text) {
  for (const char *c = text; *c; c++) {
    if (*c == '\'') loci__buffer_puts(out, "'\\''");
    else {
      if (strchr("[]:\\", *c)) loci__buffer_putc(out, '\\');
      loci__buffer_putc(out, *c);
    }
  }
}

static void zsh_spec(loci__buffer *out, const loci__option *option, bool long_form) {
  loci__buffer_puts(out, " \\\n        '");
  if (option->kind == LOCI__OPTION_LIST) loci__buffer_putc(out, '*');
  if (long_form) loci__buffer_printf(out, "--%s%s[", option->name, option->value ? "=" : "");
  else loci__buffer_printf(out, "-%c%s[", option->letter, option->value ? "+" : "");
  zsh_text(out, option->help);
  loci__buffer_putc(out, ']');
  if (option->kind == LOCI__OPTION_CHOICE) {
    loci__buffer_puts(out, ":choice:(");
    put_words(out, option->value, ' ');
    loci__buffer_putc(out, ')');
  } else if (option->value) {
    loci__buffer_printf(out, ":%s:%s", option->value, zsh_offer(option->offer));
  }
  loci__buffer_putc(out, '\'');
}

static void put_zsh(loci__buffer *out) {
  loci__buffer_puts(out,
                    "#compdef loci\n# zsh completion for loci, made by `loci completion zsh`\n"
                    "_loci_commands() {\n  local -a commands\n  commands=(\n");
  for (size_t i = 0; loci__commands[i]; i++) {
    bool group;
    if (!loci__command_leads(i, &group)) continue;
    loci__buffer_printf(out, "    '%.*s:", (int)loci__command_first(loci__commands[i]->name), loci__commands[i]->name);
    if (group)
      loci__command_put_seconds(out, loci__commands[i]->name, loci__command_first(loci__commands[i]->name), ' ');
    else zsh_text(out, loci__commands[i]->summary);
    loci__buffer_puts(out, "'\n");
  }
  loci__buffer_puts(out,
                    "  )\n  _describe command commands\n}\n"
                    "_loci() {\n  local state line curcontext=$curcontext\n"
                    "  _arguments -C '--help[this help]' '--version[the version]' '1: :_loci_commands' '*:: :->rest'\n"
                    "  [[ $state == rest ]] || return\n  local command=$line[1]\n");
  size_t length;
  const char *name;
  for (size_t i = 0; loci__commands[i]; i++)
    if ((name = group_at(i, &length))) {
      loci__buffer_printf(out, "  if [[ $command == %.*s ]]; then\n    _arguments -C '1: :(", (int)length, name);
      loci__command_put_seconds(out, name, length, ' ');
      loci__buffer_printf(out,
                          ")' '*:: :->more'\n    [[ $state == more ]] || return\n    command=%.*s-$line[1]\n  fi\n",
                          (int)length, name);
    }
  loci__buffer_puts(out, "  case $command in\n");
  for (size_t i = 0; loci__commands[i]; i++) {
    const loci__command *command = loci__commands[i];
    const loci__option *option;
    bool shared;
    loci__buffer_puts(out, "    ");
    loci__command_put_file(out, command);
    loci__buffer_puts(out, ")\n      _arguments");
    for (size_t j = 0; (option = loci__command_option(command, j, &shared)); j++) {
      zsh_spec(out, option, true);
      if (option->letter) zsh_spec(out, option, false);
    }
    if (command->words) {
      loci__buffer_puts(out, " \\\n        '1: :(");
      put_words(out, command->words, ' ');
      loci__buffer_puts(out, ")'");
    }
    if (command->most > (command->words ? 1 : 0))
      loci__buffer_printf(out, " \\\n        '*: :%s'", zsh_offer(command->offer));
    loci__buffer_puts(out, "\n      ;;\n");
  }
  loci__buffer_puts(out,
                    "  esac\n}\nif [[ $funcstack[1] == _loci ]]; then _loci \"$@\"; else compdef _loci loci; fi\n");
}

/* ---- fish ---------------------------------------------------------------------------------------- */

static const char *fish_offer(loci__offer offer) {
  switch (offer) {
    case LOCI__OFFER_FILE: return " -F";
    case LOCI__OFFER_FOLDER:
    case LOCI__OFFER_MODEL: return " -a '(__fish_complete_directories)'";
    case LOCI__OFFER_COMMAND: return " -a '(__loci_commands)'";
    case LOCI__OFFER_NOTHING: break;
  }
  return "";
}

static void fish_begin(loci__buffer *out, const loci__command *command) {
  const size_t first = loci__command_first(command->name);
  loci__buffer_printf(out, "complete -c loci -n '__fish_seen_subcommand_from %.*s", (int)first, command->name);
  if (command->name[first]) loci__buffer_printf(out, "; and __fish_seen_subcommand_from %s", command->name + first + 1);
  loci__buffer_putc(out, '\'');
}

static void put_fish(loci__buffer *out) {
  loci__buffer_puts(out,
                    "# fish completion for loci, made by `loci completion fish`\n"
                    "complete -c loci -f\nfunction __loci_commands\n");
  for (size_t i = 0; loci__commands[i]; i++) {
    bool group;
    if (!loci__command_leads(i, &group)) continue;
    const size_t first = loci__command_first(loci__commands[i]->name);
    loci__buffer_printf(out, "  printf '%%s\\t%%s\\n' %.*s ", (int)first, loci__commands[i]->name);
    if (group) {
      loci__buffer_putc(out, '\'');
      loci__command_put_seconds(out, loci__commands[i]->name, first, ' ');
      loci__buffer_putc(out, '\'');
    } else {
      put_quoted(out, loci__commands[i]->summary);
    }
    loci__buffer_puts(out, "\n");
  }
  loci__buffer_puts(out,
                    "end\ncomplete -c loci -n __fish_use_subcommand -a '(__loci_commands)'\n"
                    "complete -c loci -n __fish_use_subcommand -l version -d 'the version'\n");
  size_t length;
  const char *name;
  for (size_t i = 0; loci__commands[i]; i++)
    if ((name = group_at(i, &length))) {
      loci__buffer_printf(out,
                          "complete -c loci -n '__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from ",
                          (int)length, name);
      loci__command_put_seconds(out, name, length, ' ');
      loci__buffer_puts(out, "' -a '");
      loci__command_put_seconds(out, name, length, ' ');
      loci__buffer_puts(out, "'\n");
    }
  for (size_t i = 0; loci__commands[i]; i++) {
    const loci__command *command = loci__commands[i];
    const loci__option *option;
    bool shared;
    for (size_t j = 0; (option = loci__command_option(command, j, &shared)); j++) {
      fish_begin(out, command);
      loci__buffer_printf(out, " -l %s", option->name);
      if (option->letter) loci__buffer_printf(out, " -s %c", option->letter);
      if (option->kind == LOCI__OPTION_CHOICE) {
        loci__buffer_puts(out, " -x -a '");
        put_words(out, option->value, ' ');
        loci__buffer_putc(out, '\'');
      } else if (option->value) {
        loci__buffer_printf(out, " -r%s", fish_offer(option->offer));
      }
      loci__buffer_puts(out, " -d ");
      put_quoted(out, option->help);
      loci__buffer_putc(out, '\n');
    }
    if (command->words) {
      fish_begin(out, command);
      loci__buffer_puts(out, " -a '");
      put_words(out, command->words, ' ');
      loci__buffer_puts(out, "'\n");
    }
    if (command->offer != LOCI__OFFER_NOTHING) {
      fish_begin(out, command);
      loci__buffer_printf(out, "%s\n", fish_offer(command->offer));
    }
  }
}

bool loci__completion_script(loci__buffer *out, const char *shell) {
  if (!strcmp(shell, "bash")) put_bash(out);
  else if (!strcmp(shell, "zsh")) put_zsh(out);
  else if (!strcmp(shell, "fish")) put_fish(out);
  else return false;
  return true;
}
