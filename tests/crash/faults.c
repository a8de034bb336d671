/* faults: an LD_PRELOAD shim that makes the disk fail, only below given folders, at the N-th call that matches.
 *
 *   FAULT_PATHS   folders, separated by ':'; a call matches when its path (or its descriptor's) is in or below one
 *   FAULT_CALLS   names from CALLS below, separated by ','; unset or "any": all of them
 *   FAULT_ERROR   ENOSPC EIO EDQUOT EACCES EROFS EMFILE, or SHORT: a write takes half of what it was given
 *   FAULT_AT      N, from 1; unset or 0: count only
 *   FAULT_STICKY  1: every matching call from the N-th on fails; else only the N-th
 *   FAULT_STATE   a file of at least sizeof(struct state) zero bytes, shared by the whole process tree: counts that
 *                 survive any death
 *
 * A call matches only if it can fail that way on Linux (no ENOSPC from opening a file to read), so that "the N-th"
 * walks through real failures. close really closes and then reports, as Linux does. Paths go by name: no "..". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, PWRITE, WRITEV, COPY, FSYNC, FDATASYNC, OPEN_READ, OPEN_WRITE, OPEN_CREATE, RENAME, LINK, UNLINK, MKDIR,
       FTRUNCATE, CLOSE, N_CALLS };
static const char *CALLS[] = {"write", "pwrite", "writev", "copy", "fsync", "fdatasync", "open", "open", "open",
                              "rename", "link", "unlink", "mkdir", "ftruncate", "close"};

#define BIT(call) (1u << (call))
enum {
    WRITES = BIT(WRITE) | BIT(PWRITE) | BIT(WRITEV),
    SYNCS = BIT(FSYNC) | BIT(FDATASYNC),
    NAMES = BIT(RENAME) | BIT(LINK) | BIT(MKDIR),
    SPACE = WRITES | BIT(COPY) | SYNCS | BIT(OPEN_CREATE) | NAMES | BIT(CLOSE),
    OPENS = BIT(OPEN_READ) | BIT(OPEN_WRITE) | BIT(OPEN_CREATE),
};
static const struct { const char *name; int number; unsigned calls; } ERRORS[] = {
    {"ENOSPC", ENOSPC, SPACE},
    {"EDQUOT", EDQUOT, SPACE},
    {"EIO", EIO, BIT(N_CALLS) - 1},
    {"EACCES", EACCES, OPENS | NAMES | BIT(UNLINK)},
    {"EROFS", EROFS, (OPENS & ~BIT(OPEN_READ)) | NAMES | BIT(UNLINK) | WRITES | BIT(COPY) | SYNCS | BIT(FTRUNCATE)},
    {"EMFILE", EMFILE, OPENS},
    {"SHORT", 0, WRITES},
};

struct state {
    _Atomic uint64_t seen, injected;
    char first[496]; /* the first call that failed */
};

static struct state own, *state = &own;
static const char *paths;
static unsigned armed; /* the calls that match */
static int number;     /* errno to give; 0: short writes */
static uint64_t at;
static bool sticky;

/* Looked up once; two threads that do it at once find the same. */
#define REAL(name) ({ static void *found; (__typeof__(&name))(found ? found : (found = dlsym(RTLD_NEXT, #name))); })

static bool listed(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *found = list; (found = strstr(found, name)); found += n)
        if ((found == list || found[-1] == ',') && (!found[n] || found[n] == ',')) return true;
    return false;
}

/* Also for a process that was forked from one without faults, and has got an environment of its own since. */
__attribute__((constructor)) void configure_faults(void) {
    const char *calls = getenv("FAULT_CALLS"), *error = getenv("FAULT_ERROR"), *file = getenv("FAULT_STATE");
    const char *count = getenv("FAULT_AT"), *keep = getenv("FAULT_STICKY");
    const char *where = getenv("FAULT_PATHS");
    paths = where ? strdup(where) : NULL;
    at = count ? strtoull(count, NULL, 10) : 0;
    sticky = keep && !strcmp(keep, "1");
    for (size_t i = 0; error && i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (!strcmp(error, ERRORS[i].name)) armed = ERRORS[i].calls, number = ERRORS[i].number;
    for (unsigned i = 0; i < N_CALLS; i++)
        if (calls && strcmp(calls, "any") && !listed(calls, CALLS[i])) armed &= ~BIT(i);
    int fd = file ? REAL(open)(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) state = shared;
    REAL(close)(fd);
}

static bool below(const char *path) {
    for (const char *start = paths; start && *start; start += strspn(start, ":")) {
        size_t n = strcspn(start, ":");
        if (n && !strncmp(path, start, n) && (!path[n] || path[n] == '/')) return true;
        start += n;
    }
    return false;
}

/* Whether this call, on this path, is one that must fail now. */
static bool hit(unsigned call, const char *path) {
    if (!(armed & BIT(call)) || !below(path)) return false;
    uint64_t n = atomic_fetch_add(&state->seen, 1) + 1;
    if (!at || (sticky ? n < at : n != at)) return false;
    if (!atomic_fetch_add(&state->injected, 1)) snprintf(state->first, sizeof state->first, "%s %.400s", CALLS[call], path);
    return true;
}

static void link_text(int fd, char *to) {
    char link[64];
    int before = errno;
    if (fd == AT_FDCWD) strcpy(link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, to, PATH_MAX - 1);
    to[got < 0 ? 0 : got] = 0;
    errno = before;
}

static bool hit_fd(unsigned call, int fd) {
    char path[PATH_MAX];
    if (!(armed & BIT(call)) || fd < 0) return false;
    link_text(fd, path);
    return hit(call, path);
}

static bool hit_at(unsigned call, int dir, const char *name) {
    char path[2 * PATH_MAX];
    if (!(armed & BIT(call)) || !name) return false;
    if (name[0] == '/') return hit(call, name);
    link_text(dir, path);
    size_t n = strlen(path);
    snprintf(path + n, sizeof path - n, "/%.4000s", name);
    return hit(call, path);
}

static int fail(void) {
    errno = number;
    return -1;
}

/* ---- the calls ---- */

/* How many of `size` bytes to pass on: all, half, or -1 for a failure. */
static ssize_t allowance(unsigned call, int fd, size_t size) {
    if (!number && size < 2) return (ssize_t)size; /* cannot be shorter */
    if (!hit_fd(call, fd)) return (ssize_t)size;
    return number ? fail() : (ssize_t)(size / 2);
}

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t allowed = allowance(WRITE, fd, size);
    return allowed < 0 ? -1 : REAL(write)(fd, data, (size_t)allowed);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    size_t size = 0;
    for (int i = 0; i < n; i++) size += parts[i].iov_len;
    ssize_t allowed = allowance(WRITEV, fd, size);
    if (allowed < 0) return -1;
    if ((size_t)allowed == size) return REAL(writev)(fd, parts, n);
    size_t first = parts[0].iov_len < (size_t)allowed ? parts[0].iov_len : (size_t)allowed;
    return REAL(write)(fd, parts[0].iov_base, first);
}

#define PWRITE_AS(name, offset)                                          \
    ssize_t name(int fd, const void *data, size_t size, offset where) {  \
        ssize_t allowed = allowance(PWRITE, fd, size);                   \
        return allowed < 0 ? -1 : REAL(name)(fd, data, (size_t)allowed, where); \
    }
PWRITE_AS(pwrite, off_t)
PWRITE_AS(pwrite64, off64_t)

#define SENDFILE_AS(name, offset)                                 \
    ssize_t name(int out, int in, offset *where, size_t size) {   \
        return hit_fd(COPY, out) ? fail() : REAL(name)(out, in, where, size); \
    }
SENDFILE_AS(sendfile, off_t)
SENDFILE_AS(sendfile64, off64_t)

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    return hit_fd(COPY, out) ? fail() : REAL(copy_file_range)(in, from, out, to, size, flags);
}

int fsync(int fd) { return hit_fd(FSYNC, fd) ? fail() : REAL(fsync)(fd); }
int fdatasync(int fd) { return hit_fd(FDATASYNC, fd) ? fail() : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return hit_fd(FTRUNCATE, fd) ? fail() : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return hit_fd(FTRUNCATE, fd) ? fail() : REAL(ftruncate64)(fd, size); }

int close(int fd) {
    bool failing = hit_fd(CLOSE, fd);
    int result = REAL(close)(fd);
    return failing ? fail() : result;
}

static unsigned opening(int flags) {
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) return OPEN_CREATE;
    return (flags & O_ACCMODE) == O_RDONLY ? OPEN_READ : OPEN_WRITE;
}

#define MODE(flags)                                                        \
    mode_t mode = 0;                                                       \
    if (opening(flags) == OPEN_CREATE) {                                   \
        va_list rest;                                                      \
        va_start(rest, flags);                                             \
        mode = va_arg(rest, mode_t);                                       \
        va_end(rest);                                                      \
    }
#define OPEN_AS(name)                                                      \
    int name(const char *path, int flags, ...) {                           \
        MODE(flags)                                                        \
        return hit_at(opening(flags), AT_FDCWD, path) ? fail() : REAL(name)(path, flags, mode); \
    }
#define OPENAT_AS(name)                                                    \
    int name(int dir, const char *path, int flags, ...) {                  \
        MODE(flags)                                                        \
        return hit_at(opening(flags), dir, path) ? fail() : REAL(name)(dir, path, flags, mode); \
    }
OPEN_AS(open)
OPEN_AS(open64)
OPENAT_AS(openat)
OPENAT_AS(openat64)

int rename(const char *from, const char *to) {
    return hit_at(RENAME, AT_FDCWD, to) ? fail() : REAL(rename)(from, to);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    return hit_at(RENAME, to_dir, to) ? fail() : REAL(renameat)(from_dir, from, to_dir, to);
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    return hit_at(RENAME, to_dir, to) ? fail() : REAL(renameat2)(from_dir, from, to_dir, to, flags);
}
int link(const char *from, const char *to) {
    return hit_at(LINK, AT_FDCWD, to) ? fail() : REAL(link)(from, to);
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    return hit_at(LINK, to_dir, to) ? fail() : REAL(linkat)(from_dir, from, to_dir, to, flags);
}
int unlink(const char *path) { return hit_at(UNLINK, AT_FDCWD, path) ? fail() : REAL(unlink)(path); }
int unlinkat(int dir, const char *path, int flags) {
    return hit_at(UNLINK, dir, path) ? fail() : REAL(unlinkat)(dir, path, flags);
}
int mkdir(const char *path, mode_t mode) {
    return hit_at(MKDIR, AT_FDCWD, path) ? fail() : REAL(mkdir)(path, mode);
}
int mkdirat(int dir, const char *path, mode_t mode) {
    return hit_at(MKDIR, dir, path) ? fail() : REAL(mkdirat)(dir, path, mode);
}
