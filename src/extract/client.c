/* client.c: see client.h; base/helper_protocol.h is what goes over the socket.
 *
 * The helper is a child in a process group of its own (so a deadline kills it with its parser processes, and Ctrl-C on a
 * terminal is the caller's to handle), with a socket as its standard input and output and nothing else open. The socket
 * is non-blocking here; each call polls against one deadline. State after a failure is always "no helper": the next
 * request starts a fresh one, so a half-read answer can never be taken for the next.
 *
 * The program is the context's `helper`, else libexec/loci/loci-extract beside the library's own file's folder (found by
 * dladdr), else the same below the folder of the library's file (the build tree).
 */
#include "client.h"

#include "../base/file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GREETING_SECONDS 10.0

extern char **environ;

struct loci__helper {
  loci_context *context;
  char *program;
  pid_t pid; /* 0 = none runs */
  int fd;
};

/* ---- where the program is -------------------------------------------------------------------- */

static loci_status find_program(loci_context *context, char **out, loci_error *error) {
  const char *given = loci__context_options(context)->helper;
  if (given) {
    *out = loci__strdup(context, given);
    return *out ? LOCI_OK : loci__fail_memory(error, strlen(given), "a path");
  }
  Dl_info info;
  char *file = NULL, *folder = NULL;
  bool memory = true;
  *out = NULL;
  if (dladdr((const void *)(uintptr_t)loci__helper_new, &info) && info.dli_fname) {
    file = loci__path_absolute(context, info.dli_fname);
    folder = file ? loci__path_folder(context, file) : NULL;
    memory = folder != NULL;
  }
  /* From lib/ or bin/ (a program that holds the library), from lib/x86_64-linux-gnu/, from the build tree. */
  static const char *const places[] = {"../libexec/loci/loci-extract", "../../libexec/loci/loci-extract",
                                       "libexec/loci/loci-extract"};
  for (size_t i = 0; folder && i < LOCI__COUNT(places) && !*out && memory; i++) {
    char *joined = loci__path_join(context, folder, places[i]);
    *out = joined ? loci__path_absolute(context, joined) : NULL;
    memory = *out != NULL;
    loci__free(context, joined);
    if (memory && !loci__file_exists(context, *out)) {
      loci__free(context, *out);
      *out = NULL;
    }
  }
  loci__free(context, file);
  loci__free(context, folder);
  if (!memory) return loci__fail_memory(error, 4096, "a path");
  if (*out) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                    "the program loci-extract was not found beside the library: install it to libexec/loci, or name "
                    "it in the context's options (helper)");
}

loci_status loci__helper_new(loci_context *context, loci__helper **out, loci_error *error) {
  *out = NULL;
  loci__helper *helper = loci__alloc_zero(context, 1, sizeof *helper);
  if (!helper) return loci__fail_memory(error, sizeof *helper, "the helper");
  helper->context = context;
  helper->fd = -1;
  *out = helper;
  return LOCI_OK;
}

void loci__helper_stop(loci__helper *helper) {
  if (helper->fd >= 0) close(helper->fd);
  helper->fd = -1;
  if (!helper->pid) return;
  kill(-helper->pid, SIGKILL);
  kill(helper->pid, SIGKILL); /* it may not be a group of its own yet */
  while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR) continue;
  helper->pid = 0;
}

void loci__helper_free(loci__helper *helper) {
  if (!helper) return;
  loci__helper_stop(helper);
  loci__free(helper->context, helper->program);
  loci__free(helper->context, helper);
}

/* ---- bytes with a deadline ------------------------------------------------------------------- */

typedef enum transfer { TRANSFER_OK, TRANSFER_CLOSED, TRANSFER_SLOW } transfer;

static transfer wait_for(int fd, short events, double deadline) {
  for (;;) {
    double left = deadline - loci__now();
    if (left <= 0) return TRANSFER_SLOW;
    struct pollfd one = {.fd = fd, .events = events};
    int n = poll(&one, 1, (int)(left * 1000) + 1);
    if (n > 0) return TRANSFER_OK; /* or hung up: the next call tells */
    if (n < 0 && errno != EINTR) return TRANSFER_CLOSED;
  }
}

static transfer send_all(int fd, const char *bytes, size_t length, double deadline) {
  while (length) {
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
    if (n > 0) {
      bytes += n;
      length -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      transfer waited = wait_for(fd, POLLOUT, deadline);
      if (waited != TRANSFER_OK) return waited;
    } else if (!(n < 0 && errno == EINTR)) {
      return TRANSFER_CLOSED;
    }
  }
  return TRANSFER_OK;
}

static transfer receive_all(int fd, char *bytes, size_t length, double deadline) {
  while (length) {
    ssize_t n = recv(fd, bytes, length, 0);
    if (n > 0) {
      bytes += n;
      length -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      transfer waited = wait_for(fd, POLLIN, deadline);
      if (waited != TRANSFER_OK) return waited;
    } else if (!(n < 0 && errno == EINTR)) {
      return TRANSFER_CLOSED;
    }
  }
  return TRANSFER_OK;
}

static void put_u32(unsigned char *out, uint32_t value) {
  for (int i = 0; i < 4; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static uint32_t get_u32(const unsigned char *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* ---- starting -------------------------------------------------------------------------------- */

static loci_status start(loci__helper *helper, loci_error *error) {
  if (!helper->program) LOCI__TRY(find_program(helper->context, &helper->program, error));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return loci__fail_file(error, "make a socket for", helper->program, errno);
  /* A descriptor below 3 would be overwritten by the child's own set-up. */
  for (int i = 0; i < 2; i++) {
    if (pair[i] > 2) continue;
    int moved = fcntl(pair[i], F_DUPFD_CLOEXEC, 3);
    int err = errno;
    close(pair[i]);
    pair[i] = moved;
    if (moved < 0) {
      close(pair[1 - i]);
      return loci__fail_file(error, "make a socket for", helper->program, err);
    }
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  int err = posix_spawn_file_actions_init(&actions);
  if (!err && (err = posix_spawnattr_init(&attributes)) != 0) posix_spawn_file_actions_destroy(&actions);
  if (err) {
    close(pair[0]);
    close(pair[1]);
    return loci__fail_file(error, "start", helper->program, err);
  }
  posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
  posix_spawn_file_actions_adddup2(&actions, pair[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  char name[] = "loci-extract";
  char *arguments[] = {name, NULL};
  pid_t pid = 0;
  err = posix_spawn(&pid, helper->program, &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(pair[1]);
  if (err) {
    close(pair[0]);
    return loci__fail_file(error, "start", helper->program, err);
  }
  helper->pid = pid;
  helper->fd = pair[0];
  fcntl(helper->fd, F_SETFL, O_NONBLOCK);
  unsigned char greeting[LOCI__HELPER_GREETING_SIZE];
  if (receive_all(helper->fd, (char *)greeting, sizeof greeting, loci__now() + GREETING_SECONDS) != TRANSFER_OK ||
      memcmp(greeting, LOCI__HELPER_GREETING, 16) != 0 || get_u32(greeting + 16) != LOCI__HELPER_VERSION) {
    loci__helper_stop(helper);
    return loci__fail(error, LOCI_ERROR_IO,
                      "'%s' does not answer as loci-extract of protocol version %d: install the one that belongs to "
                      "this library",
                      helper->program, LOCI__HELPER_VERSION);
  }
  return LOCI_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static const char *const reasons[] = {
#define LOCI__X(name, words) words,
    LOCI__HELPER_REASONS(LOCI__X)
#undef LOCI__X
};

static loci_status skip(loci__helper *helper, transfer failed, loci__helper_answer *answer) {
  loci__helper_stop(helper);
  loci__free(helper->context, answer->bytes);
  *answer = (loci__helper_answer){.skipped = reasons[failed == TRANSFER_SLOW ? LOCI__HELPER_SLOW : LOCI__HELPER_DIED]};
  return LOCI_OK;
}

loci_status loci__helper_ask(loci__helper *helper, loci__helper_operation operation, loci__helper_encoding encoding,
                             const char *bytes, size_t length, double seconds, loci__helper_answer *answer,
                             loci_error *error) {
  *answer = (loci__helper_answer){0};
  if (length > LOCI__HELPER_INPUT_LIMIT) {
    answer->skipped = reasons[LOCI__HELPER_TOO_LARGE];
    return LOCI_OK;
  }
  if (!helper->pid) LOCI__TRY(start(helper, error));
  double deadline = loci__now() + seconds;
  unsigned char header[LOCI__HELPER_HEADER_SIZE] = {0};
  put_u32(header, LOCI__HELPER_REQUEST);
  put_u32(header + 4, (uint32_t)operation);
  put_u32(header + 8, (uint32_t)encoding);
  put_u32(header + 16, (uint32_t)length); /* the upper half is 0: the limit is below 2^32 */
  transfer done = send_all(helper->fd, (const char *)header, sizeof header, deadline);
  if (done == TRANSFER_OK) done = send_all(helper->fd, bytes, length, deadline);
  if (done == TRANSFER_OK) done = receive_all(helper->fd, (char *)header, sizeof header, deadline);
  if (done != TRANSFER_OK) return skip(helper, done, answer);
  uint32_t status = get_u32(header + 4), reason = get_u32(header + 8);
  uint64_t size = get_u32(header + 16) | (uint64_t)get_u32(header + 20) << 32;
  bool skipped = status == LOCI__HELPER_SKIP;
  if (get_u32(header) != LOCI__HELPER_REPLY || size > LOCI__HELPER_OUTPUT_LIMIT ||
      (skipped ? size != 0 || reason == LOCI__HELPER_NONE || reason >= LOCI__HELPER_N_REASONS
               : status != LOCI__HELPER_OK))
    return skip(helper, TRANSFER_CLOSED, answer);
  if (skipped) {
    answer->skipped = reasons[reason];
    return LOCI_OK;
  }
  answer->n_replaced = get_u32(header + 12);
  answer->bytes = loci__alloc(helper->context, (size_t)size + 1);
  if (!answer->bytes) {
    loci__helper_stop(helper); /* its answer stays unread */
    return loci__fail_memory(error, (size_t)size + 1, "a document");
  }
  done = receive_all(helper->fd, answer->bytes, (size_t)size, deadline);
  if (done != TRANSFER_OK) return skip(helper, done, answer);
  answer->bytes[size] = 0;
  answer->length = (size_t)size;
  return LOCI_OK;
}
