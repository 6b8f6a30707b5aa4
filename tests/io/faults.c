/* A shim before the C library: the k-th call about files below a folder fails, is interrupted, or kills.
 *
 * Loaded with LD_PRELOAD; armed by `faults_arm` in the process that is to meet the fault. Calls are counted
 * whether or not one fails, so that a run without a fault tells how many there are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { FAIL = 0, INTERRUPT = 1, KILL_BEFORE = 2, KILL_AFTER = 3 };

static char folder[4096];
static volatile long seen, wanted;
static int how, number, without_exchange;
static unsigned char below[4096];

void faults_arm(const char *path, long k, int what, int error, int no_exchange) {
    memset(below, 0, sizeof below);
    strncpy(folder, path, sizeof folder - 1);
    how = what, number = error, without_exchange = no_exchange, wanted = k;
    __sync_lock_test_and_set(&seen, 0);
}

long faults_seen(void) { return seen; }

static int is_below(int at, const char *path) {
    if (!folder[0]) return 0;
    if (path && path[0] == '/') return strncmp(path, folder, strlen(folder)) == 0;
    return at >= 0 && at < 4096 && below[at];
}

/* 1 if the call is to fail; the answer of the others is given by their callers. */
static int meets(int matters) {
    if (!matters) return 0;
    if (__sync_add_and_fetch(&seen, 1) != wanted) return 0;
    if (how == FAIL) { errno = number; return 1; }
    if (how == INTERRUPT) kill(getpid(), SIGINT);
    if (how == KILL_BEFORE) kill(getpid(), SIGKILL);
    return how == KILL_AFTER ? 2 : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define GUARD(kind, name, matters, call)            \
    int fate = meets(matters);                      \
    if (fate == 1) return -1;                       \
    kind answer = REAL(name) call;                  \
    if (fate == 2) kill(getpid(), SIGKILL);         \
    return answer

static int remember(int fd, int matters) {
    if (fd >= 0 && fd < 4096) below[fd] = matters;
    return fd;
}

#define OPEN(name)                                                      \
    int name(const char *path, int flags, ...) {                        \
        va_list rest; va_start(rest, flags);                            \
        int mode = va_arg(rest, int); va_end(rest);                     \
        int matters = is_below(-1, path), fate = meets(matters);        \
        if (fate == 1) return -1;                                       \
        int fd = remember(REAL(name)(path, flags, mode), matters);      \
        if (fate == 2) kill(getpid(), SIGKILL);                         \
        return fd;                                                      \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                    \
    int name(int at, const char *path, int flags, ...) {                \
        va_list rest; va_start(rest, flags);                            \
        int mode = va_arg(rest, int); va_end(rest);                     \
        int matters = is_below(at, path), fate = meets(matters);        \
        if (fate == 1) return -1;                                       \
        int fd = remember(REAL(name)(at, path, flags, mode), matters);  \
        if (fate == 2) kill(getpid(), SIGKILL);                         \
        return fd;                                                      \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *text, size_t n) { GUARD(ssize_t, write, is_below(fd, 0), (fd, text, n)); }
ssize_t pwrite(int fd, const void *text, size_t n, off_t at) {
    GUARD(ssize_t, pwrite, is_below(fd, 0), (fd, text, n, at));
}
ssize_t pwrite64(int fd, const void *text, size_t n, off64_t at) {
    GUARD(ssize_t, pwrite64, is_below(fd, 0), (fd, text, n, at));
}
int ftruncate(int fd, off_t n) { GUARD(int, ftruncate, is_below(fd, 0), (fd, n)); }
int ftruncate64(int fd, off64_t n) { GUARD(int, ftruncate64, is_below(fd, 0), (fd, n)); }
/* No power fails here: where nothing is to go wrong, nothing is waited for. */
#define SYNC(name)                                      \
    int name(int fd) {                                  \
        int matters = is_below(fd, 0);                  \
        int fate = meets(matters);                      \
        if (fate == 1) return -1;                       \
        if (fate == 2) kill(getpid(), SIGKILL);         \
        return matters ? 0 : REAL(name)(fd);            \
    }
SYNC(fsync)
SYNC(syncfs)
int mkdir(const char *path, mode_t mode) { GUARD(int, mkdir, is_below(-1, path), (path, mode)); }
int rename(const char *a, const char *b) { GUARD(int, rename, is_below(-1, a), (a, b)); }
int renameat2(int x, const char *a, int y, const char *b, unsigned flags) {
    if (without_exchange) { errno = ENOSYS; return -1; }
    GUARD(int, renameat2, is_below(-1, a), (x, a, y, b, flags));
}
int link(const char *a, const char *b) { GUARD(int, link, is_below(-1, a), (a, b)); }
int linkat(int x, const char *a, int y, const char *b, int flags) {
    GUARD(int, linkat, is_below(-1, a), (x, a, y, b, flags));
}
int unlink(const char *path) { GUARD(int, unlink, is_below(-1, path), (path)); }
int unlinkat(int at, const char *path, int flags) { GUARD(int, unlinkat, is_below(at, path), (at, path, flags)); }
int rmdir(const char *path) { GUARD(int, rmdir, is_below(-1, path), (path)); }
