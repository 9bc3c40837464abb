/* sandbox.c: what a process that touches a document may still do. setrlimit(2), seccomp(2) through libseccomp.
 *
 * A worker (HTML, Markdown, gzip, encodings) may compute, ask for memory, write to the descriptors it has and end. It
 * can open nothing, connect to nothing, start nothing: any other system call kills it.
 *
 * pdftotext is another program: it must be executed, loaded (ld.so opens and maps libraries) and may read poppler's own
 * tables, so it may also open files for reading, map them executable and ask about them. It may not write to anything
 * but its standard output and error (memory files), has no sockets, starts no process or thread, signals nobody. What is
 * left to an attacker there is to read files that the user can read and to print them as the document's own text into
 * the user's own index; without network or files to write they go nowhere else.
 *
 * A forbidden call kills; it is not answered with an error, so that no code path runs that its authors never tested. The
 * exceptions are calls by which a C library asks politely (EPERM): they are named below.
 */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Of the processor, for one step of one file. The library keeps a longer deadline by the clock. */
enum { CPU_SECONDS = 20 };
#define MEMORY_LIMIT ((rlim_t)2 << 30) /* address space: the request, the answer and the parser's tree */

/* A macro, since the C libraries disagree on the type of the first argument. */
#define LIMIT(what, value) (setrlimit(what, &(struct rlimit){(value), (value)}) == 0)

static bool set_limits(rlim_t files) {
  /* The hard limit lies above the soft one, whose signal says what happened; the hard one's is a plain SIGKILL. */
  bool good = setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS + 2}) == 0 && LIMIT(RLIMIT_CORE, 0) &&
              LIMIT(RLIMIT_NPROC, 0) && LIMIT(RLIMIT_NOFILE, files) && LIMIT(RLIMIT_FSIZE, LOCI__HELPER_OUTPUT_LIMIT);
#ifndef SANITIZED /* their shadow memory is terabytes of address space */
  good = good && LIMIT(RLIMIT_AS, MEMORY_LIMIT);
#endif
  return good && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

static bool allow(scmp_filter_ctx filter, const int *calls, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (calls[i] >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0) return false;
  return true;
}

/* Memory, time, its own end. */
static const int basic_calls[] = {
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_getaffinity), /* malloc asks it when it is short of memory */
#ifdef SANITIZED
    SCMP_SYS(mprotect),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(mmap),
    SCMP_SYS(prctl),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(readlink),
    SCMP_SYS(openat),
    SCMP_SYS(close),
#endif
};

static const int program_calls[] = {
    SCMP_SYS(execve),          SCMP_SYS(mmap),
    SCMP_SYS(mprotect),        SCMP_SYS(pread64),
    SCMP_SYS(lseek),           SCMP_SYS(close),
    SCMP_SYS(fstat),           SCMP_SYS(stat),
    SCMP_SYS(lstat),           SCMP_SYS(newfstatat),
    SCMP_SYS(statx),           SCMP_SYS(access),
    SCMP_SYS(faccessat),       SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),        SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),          SCMP_SYS(getdents64),
    SCMP_SYS(fcntl),           SCMP_SYS(uname),
    SCMP_SYS(arch_prctl),      SCMP_SYS(set_tid_address),
    SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(prlimit64),       SCMP_SYS(getrlimit),
    SCMP_SYS(sysinfo),         SCMP_SYS(geteuid),
    SCMP_SYS(getuid),          SCMP_SYS(getegid),
    SCMP_SYS(getgid),          SCMP_SYS(sigaltstack),
    SCMP_SYS(fadvise64),       SCMP_SYS(dup),
};

bool helper_confine_worker(void) {
  if (!set_limits(16)) return false;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!filter) return false;
  bool good = allow(filter, basic_calls, LOCI__COUNT(basic_calls));
#ifndef SANITIZED
  /* malloc's arenas, never executable. */
  good = good &&
         seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
  good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
#endif
  /* stdio and malloc ask these; "no" is an answer they expect. */
  int polite[] = {SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(ioctl), SCMP_SYS(sysinfo), SCMP_SYS(prlimit64)};
  for (size_t i = 0; good && i < LOCI__COUNT(polite); i++)
    good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), polite[i], 0) == 0;
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

bool helper_confine_program(void) {
  if (!set_limits(64)) return false;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!filter) return false;
  bool good =
      allow(filter, basic_calls, LOCI__COUNT(basic_calls)) && allow(filter, program_calls, LOCI__COUNT(program_calls));
#ifndef SANITIZED
  const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
  good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY)) == 0;
#endif
  int polite[] = {SCMP_SYS(ioctl), SCMP_SYS(open)};
  for (size_t i = 0; good && i < LOCI__COUNT(polite); i++)
    good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), polite[i], 0) == 0;
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

int helper_memory_file(const char *name) {
  return memfd_create(name, MFD_CLOEXEC);
}

bool helper_write_all(int fd, const void *bytes, size_t length) {
  const char *at = bytes;
  while (length) {
    ssize_t n = write(fd, at, length);
    if (n > 0) {
      at += n;
      length -= (size_t)n;
    } else if (!(n < 0 && errno == EINTR)) {
      return false;
    }
  }
  return true;
}

loci__helper_reason helper_reason_of(int status) {
  if (WIFSIGNALED(status)) {
    int signal = WTERMSIG(status);
    if (signal == SIGXCPU) return LOCI__HELPER_SLOW;
    return signal == SIGXFSZ ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_DIED;
  }
  int code = WEXITSTATUS(status) - HELPER_EXIT_REASON;
  if (WEXITSTATUS(status) == 0) return LOCI__HELPER_NONE;
  return code > 0 && code < LOCI__HELPER_N_REASONS ? (loci__helper_reason)code : LOCI__HELPER_DIED;
}
