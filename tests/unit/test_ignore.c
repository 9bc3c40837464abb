/* test_ignore.c: patterns, ignore rules and walking. The oracle for patterns and rules is `git check-ignore` itself, asked
 * about random patterns over random trees; the walk is checked against a tree made by hand. */
#include "support.h"

#include "extract/extract.h"
#include "extract/glob.h"
#include "extract/ignore.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef ROUNDS
#define ROUNDS 150 /* 4,000 rounds agreed when this was written; the seed is fixed */
#endif

/* ---- patterns by hand ------------------------------------------------------------------------ */

static void test_glob_by_hand(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *path;
    bool covers;
  } cases[] = {
      {"*.md", "a/b/c.md", true},
      {"/*.md", "a/c.md", false},
      {"docs/", "docs/a/b.md", true},
      {"docs/", "docs", false},
      {"docs", "x/docs/a", true},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**", "a/x/y", true},
      {"**/b", "b", true},
      {"a*b", "a/b", false},
      {"[a-c]?x", "bqx", true},
      {"[!a-c]x", "bx", false},
      {"[]]", "]", true},
      {"[[:digit:]]", "7", true},
      {"[[:nonsense:]]", "7", false},
      {"[a", "[a", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"a\\ ", "a ", true},
      {"a  ", "a", true},
      {"!*.md", "a.md", false},
      {"!*.md", "a.txt", true},
      {"#x", "#x", false},
      {"\\#x", "#x", true},
      {"", "a", false},
      {"a/b", "x/a/b", false},
      {"?", "/", false},
  };
  for (size_t i = 0; i < LOCI__COUNT(cases); i++)
    if (loci__glob_match(cases[i].pattern, cases[i].path) != cases[i].covers)
      fail_msg("\"%s\" over \"%s\"", cases[i].pattern, cases[i].path);
}

/* Patterns that send backtracking matchers to sleep. */
static void test_glob_is_linear(void **state) {
  (void)state;
  char pattern[512], path[4001];
  size_t n = 0;
  for (int i = 0; i < 100; i++) n += (size_t)sprintf(pattern + n, "*a");
  strcpy(pattern + n, "*b");
  memset(path, 'a', sizeof path - 1);
  path[sizeof path - 1] = 0;
  clock_t began = clock();
  assert_false(loci__glob_match(pattern, path));
  n = 0;
  for (int i = 0; i < 60; i++) n += (size_t)sprintf(pattern + n, "**/a/");
  strcpy(pattern + n, "b");
  for (size_t i = 1; i < sizeof path - 1; i += 2) path[i] = '/';
  assert_false(loci__glob_match(pattern, path));
  assert_true(clock() - began < CLOCKS_PER_SEC);
}

/* ---- against git ----------------------------------------------------------------------------- */

static const char *piece(loci__random *random, const char *const *list, size_t n) {
  return list[loci__random_below(random, n)];
}

static void random_pattern(loci__random *random, char *out, size_t size) {
  static const char *const pieces[] = {"a",    "b",     "ab",  "c.x",  "*",    "**",     "?",      "[ab]",
                                       "[!a]", "[a-c]", "/",   "/",    "/",    "d",      "*.x",    "\\a",
                                       "\\*",  "**/",   "/**", "/**/", "***",  "[",      "[]a]",   "[[:alpha:]]",
                                       "[^b]", "\\",    " ",   "-",    "[b-]", "[\\]a]", "[a\\-c]"};
  out[0] = 0;
  if (loci__random_below(random, 5) == 0) strcat(out, "!");
  if (loci__random_below(random, 6) == 0) strcat(out, "/");
  size_t n = 1 + loci__random_below(random, 5);
  for (size_t i = 0; i < n; i++) {
    const char *p = piece(random, pieces, LOCI__COUNT(pieces));
    if (strlen(out) + strlen(p) + 4 < size) strcat(out, p);
  }
  if (loci__random_below(random, 5) == 0) strcat(out, "/");
  if (loci__random_below(random, 8) == 0) strcat(out, "  ");
  if (loci__random_below(random, 16) == 0) strcat(out, "\r");
}

static void write_patterns(loci__random *random, const char *path) {
  char text[1024] = "", line[128];
  size_t n = 1 + loci__random_below(random, 4);
  if (loci__random_below(random, 8) == 0) strcat(text, "\xEF\xBB\xBF");
  for (size_t i = 0; i < n; i++) {
    random_pattern(random, line, sizeof line);
    strcat(text, line);
    if (i + 1 < n || loci__random_below(random, 4)) strcat(text, "\n");
  }
  test_write(path, text, strlen(text));
}

/* Every path of a small tree, folders with a '/' behind. */
static size_t make_tree(loci__random *random, const char *root, char paths[][256], size_t max) {
  static const char *const names[] = {"a", "b", "ab", "c.x", "d", "a b", "]", "-", "abc", "*", "b.x", "a-c"};
  size_t n = 0, folders[64], n_folders = 0;
  char full[1024];
  while (n < max) {
    char parent[256] = "";
    if (n_folders && loci__random_below(random, 4)) {
      strcpy(parent, paths[folders[loci__random_below(random, n_folders)]]);
      if (strlen(parent) > 40) continue;
    }
    bool folder = n_folders < 16 && loci__random_below(random, 2);
    char path[256];
    snprintf(path, sizeof path, "%.200s%s%s", parent, piece(random, names, LOCI__COUNT(names)), folder ? "/" : "");
    snprintf(full, sizeof full, "%s/%s", root, path);
    struct stat info;
    char bare[1024];
    strcpy(bare, full);
    if (bare[strlen(bare) - 1] == '/') bare[strlen(bare) - 1] = 0;
    if (lstat(bare, &info) == 0) {
      if (loci__random_below(random, 20) == 0) max--;
      continue;
    }
    if (folder) {
      assert_int_equal(mkdir(full, 0777), 0);
      folders[n_folders++] = n;
    } else {
      test_write(full, "x", 1);
    }
    strcpy(paths[n++], path);
  }
  return n;
}

/* What the rules say of a path, parents first: an ignored folder's content is ignored. */
static bool ours(loci_context *context, const char *root, const char *path) {
  loci__walk_options options = {0};
  loci__ignore *ignore;
  loci_error error = {0};
  assert_ok(loci__ignore_new(context, root, &options, &ignore, &error), &error);
  assert_ok(loci__ignore_push(ignore, root, &error), &error);
  char full[1024];
  snprintf(full, sizeof full, "%.700s/%.300s", root, path);
  bool ignored = false;
  size_t length = strlen(full);
  for (size_t i = strlen(root) + 1; i < length && !ignored; i++) {
    if (full[i] != '/') continue;
    full[i] = 0;
    ignored = loci__ignore_says(ignore, full, true);
    if (!ignored) assert_ok(loci__ignore_push(ignore, full, &error), &error);
    full[i] = '/';
  }
  if (!ignored && full[length - 1] != '/') ignored = loci__ignore_says(ignore, full, false);
  loci__ignore_free(ignore);
  return ignored;
}

static void test_against_git(void **state) {
  (void)state;
  if (system("git --version >/dev/null 2>&1")) skip();
  loci_context *context = test_context_new(1, NULL);
  static char paths[40][256];
  loci__random random;
  loci__random_init(&random, 20);
  size_t asked = 0, ignored = 0;
  const char *all = test_folder();
  for (int round = 0; round < ROUNDS; round++) {
    char command[4096], file[1024], root[512];
    snprintf(root, sizeof root, "%.400s/%d", all, round);
    assert_int_equal(mkdir(root, 0777), 0);
    snprintf(command, sizeof command, "git -c init.defaultBranch=main init -q '%s'", root);
    assert_int_equal(system(command), 0);
    size_t n = make_tree(&random, root, paths, LOCI__COUNT(paths));
    snprintf(file, sizeof file, "%s/.gitignore", root);
    write_patterns(&random, file);
    snprintf(file, sizeof file, "%.500s/.git/info/exclude", root);
    write_patterns(&random, file);
    for (size_t i = 0; i < n; i++)
      if (paths[i][strlen(paths[i]) - 1] == '/' && loci__random_below(&random, 3) == 0) {
        snprintf(file, sizeof file, "%s/%s.gitignore", root, paths[i]);
        write_patterns(&random, file);
      }
    char list[1024], answer[1024];
    snprintf(list, sizeof list, "%s/.git/list", root);
    snprintf(answer, sizeof answer, "%s/.git/answer", root);
    FILE *out = fopen(list, "w");
    for (size_t i = 0; i < n; i++) { /* without the '/' behind folders: with it git looks for a name of no letters */
      size_t bare = strlen(paths[i]);
      if (paths[i][bare - 1] == '/') bare--;
      fwrite(paths[i], 1, bare, out);
      fputc(0, out);
    }
    fclose(out);
    snprintf(command, sizeof command,
             "cd '%s' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c core.excludesFile=/dev/null "
             "check-ignore -z --no-index --stdin <.git/list >.git/answer; test $? -le 1",
             root);
    assert_int_equal(system(command), 0);
    size_t length;
    char *said = test_read(answer, &length);
    for (size_t i = 0; i < n; i++) {
      bool theirs = false;
      size_t bare = strlen(paths[i]);
      if (paths[i][bare - 1] == '/') bare--;
      for (size_t at = 0; at < length; at += strlen(said + at) + 1)
        theirs |= strlen(said + at) == bare && !memcmp(said + at, paths[i], bare);
      asked++;
      ignored += theirs;
      if (ours(context, root, paths[i]) != theirs) {
        snprintf(
            command, sizeof command,
            "cd '%.500s' && for f in .git/info/exclude $(find . -name .gitignore); do echo \"== $f\"; cat -A \"$f\"; "
            "done >&2; git check-ignore -v --no-index '%.255s' >&2",
            root, paths[i]);
        (void)!system(command);
        fail_msg("round %d: git says %s of \"%s\" in %s", round, theirs ? "ignored" : "not ignored", paths[i], root);
      }
    }
    free(said);
  }
  assert_true(asked > 4000 && ignored > asked / 10 && ignored < asked * 9 / 10);
  test_context_free(context);
}

/* ---- walking --------------------------------------------------------------------------------- */

typedef struct told {
  char text[8192];
  size_t root_length;
} told;

static loci_status tell(void *arg, const char *path, const loci_file_info *info, const char *skipped,
                        loci_error *error) {
  (void)info;
  (void)error;
  told *t = arg;
  size_t n = strlen(t->text);
  snprintf(t->text + n, sizeof t->text - n, "%s%s%s\n", path + t->root_length, skipped ? ": " : "",
           skipped ? skipped : "");
  return LOCI_OK;
}

static void put(const char *root, const char *path, const char *text) {
  char full[1024];
  snprintf(full, sizeof full, "%s/%s", root, path);
  for (char *p = full + strlen(root) + 1; *p; p++) {
    if (*p != '/') continue;
    *p = 0;
    mkdir(full, 0777);
    *p = '/';
  }
  test_write(full, text, strlen(text));
}

static void put_link(const char *root, const char *path, const char *target) {
  char full[1024];
  snprintf(full, sizeof full, "%s/%s", root, path);
  assert_int_equal(symlink(target, full), 0);
}

static void expect_walk(loci_context *context, const char *root, const loci__walk_options *options,
                        const char *expected) {
  told t = {.root_length = strlen(root)};
  loci_error error = {0};
  assert_ok(loci__walk(context, root, options, tell, &t, &error), &error);
  assert_string_equal(t.text, expected);
}

static void test_walk(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  const char *root = test_folder(), *outside = test_folder();
  put(root, "b.txt", "b");
  put(root, "a/x.md", "x");
  put(root, "a/skip.log", "x");
  put(root, "a/keep.log", "x");
  put(root, "a/own.tmp", "x");
  put(root, ".hidden", "h");
  put(root, ".git/config", "x");
  put(root, "big.txt", "0123456789012345678901234567890123456789");
  put(root, ".gitignore", "*.log\n!keep.log\n/build/\n");
  put(root, "build/out.txt", "x");
  put(root, "a/.lociignore", "*.tmp\n!skip.log\n");
  put(outside, "far/away.txt", "x");
  put_link(root, "a-link", "a");
  put_link(root, "a/up", "..");
  put_link(root, "a/file", "../b.txt");
  put_link(root, "dead", "nowhere");
  put_link(root, "self", "self");
  char target[1024];
  snprintf(target, sizeof target, "%s/far", outside);
  put_link(root, "elsewhere", target);
  snprintf(target, sizeof target, "%s/pipe", root);
  assert_int_equal(mkfifo(target, 0666), 0);

  loci__walk_options options = {.max_file_size = 30};
  expect_walk(context, root, &options,
              "/a/file\n/a/keep.log\n/a/skip.log\n/a/x.md\n/b.txt\n/big.txt: too large\n"
              "/dead: cannot read: No such file or directory\n/pipe: not a regular file\n/self: loop\n"
              "/a/up: loop\n/a-link: folder seen before\n/elsewhere/away.txt\n");
  static const char *const exclude[] = {"a", "*link", "!big.txt", "/[dps]*", "elsewhere"};
  options = (loci__walk_options){.exclude = exclude, .n_exclude = LOCI__COUNT(exclude), .no_ignore = true};
  expect_walk(context, root, &options, "/b.txt\n/big.txt\n/build/out.txt\n");
  options.hidden = true;
  expect_walk(context, root, &options, "/.gitignore\n/.hidden\n/b.txt\n/big.txt\n/build/out.txt\n");

  /* A root below the work tree's top is under the rules above it, and a file is told whatever they say. */
  snprintf(target, sizeof target, "%s/a", root);
  options = (loci__walk_options){0};
  expect_walk(context, target, &options,
              "/file\n/keep.log\n/skip.log\n/x.md\n/up/b.txt\n/up/big.txt\n"
              "/up/dead: cannot read: No such file or directory\n/up/pipe: not a regular file\n/up/self: loop\n"
              "/up/a-link: loop\n/up/elsewhere/away.txt\n");
  snprintf(target, sizeof target, "%s/build/out.txt", root);
  expect_walk(context, target, &options, "\n");

  loci_error error = {0};
  told t = {0};
  snprintf(target, sizeof target, "%s/nowhere", root);
  assert_int_equal(loci__walk(context, target, &options, tell, &t, &error), LOCI_ERROR_IO);
  assert_non_null(strstr(error.message, "No such file"));
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_glob_by_hand),
      cmocka_unit_test(test_glob_is_linear),
      cmocka_unit_test(test_against_git),
      cmocka_unit_test(test_walk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
