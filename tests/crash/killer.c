/* killer: run a command and kill its whole process tree at the N-th entry of a file-system or network syscall.
 *
 *   killer [--count | --kill-at N] [--filter DIR]... [--trace FILE] [--watch FILE] [--report FILE] -- COMMAND...
 *
 * All threads and children are followed. A syscall is counted at its *entry*, over all of them, in the order in
 * which the kernel reports them; at the N-th, SIGKILL is sent before the syscall runs, so it never happens
 * (seccomp skips the call of a task with a fatal signal pending). Counted are
 *   - file syscalls whose path, or whose descriptor's path, lies in or below a --filter directory (default: /),
 *   - network syscalls on sockets other than AF_UNIX and AF_NETLINK, read and write on such sockets included.
 * Not counted: calls that only look (stat, read of a file, lseek, poll), and close: a death closes everything, so
 * a death before a close leaves the same world as one after it.
 *
 * --trace FILE   one JSON object a line for each counted syscall that returned, a last one ("end") for the end of it
 *                all, and FILE.data with what was written
 * --watch FILE   adds the size of this file at entry to each line (what had been billed by then)
 * --report FILE  one JSON object: count, whether we killed, at what, how the command ended (default: stdout)
 *
 * Only the syscalls of the table below stop (seccomp-BPF, SECCOMP_RET_TRACE); the rest runs at full speed.
 * x86-64 and aarch64, Linux >= 5.3 (PTRACE_GET_SYSCALL_INFO).
 * Exit: the command's code, 128 + its signal (137 when we killed), or 125 when the tool itself cannot work. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "killer.c knows x86-64 and aarch64"
#endif

enum { PATH_SIZE = 8192, TASKS = 4096, PREFIXES = 8, BROKEN = 125 };

/* Arguments in order: p path, d directory descriptor of the path that follows, f descriptor, . anything else. */
struct call {
    int nr;
    const char *name;
    const char *args;
    enum { FILES, SOCKETS, BOTH, DOMAIN } kind; /* which descriptors count; DOMAIN: the first argument says */
};
#define CALL(name, args, kind) {SYS_##name, #name, args, kind}
static const struct call CALLS[] = {
#ifdef SYS_open
    CALL(open, "p", FILES), CALL(creat, "p", FILES), CALL(rename, "pp", FILES), CALL(link, "pp", FILES),
    CALL(symlink, ".p", FILES), CALL(unlink, "p", FILES), CALL(mkdir, "p", FILES), CALL(rmdir, "p", FILES),
    CALL(mknod, "p", FILES), CALL(chmod, "p", FILES),
#endif
#ifdef SYS_renameat
    CALL(renameat, "dpdp", FILES),
#endif
    CALL(openat, "dp", FILES), CALL(openat2, "dp", FILES), CALL(renameat2, "dpdp", FILES),
    CALL(linkat, "dpdp", FILES), CALL(symlinkat, ".dp", FILES), CALL(unlinkat, "dp", FILES),
    CALL(mkdirat, "dp", FILES), CALL(mknodat, "dp", FILES), CALL(fchmodat, "dp", FILES),
    CALL(utimensat, "dp", FILES), CALL(truncate, "p", FILES), CALL(ftruncate, "f", FILES),
    CALL(fallocate, "f", FILES), CALL(fchmod, "f", FILES), CALL(fsync, "f", FILES), CALL(fdatasync, "f", FILES),
    CALL(syncfs, "f", FILES), CALL(flock, "f", FILES), CALL(copy_file_range, "..f", FILES),
    CALL(mmap, "....f", FILES), /* only shared and writable, see the filter */
    CALL(write, "f", BOTH), CALL(writev, "f", BOTH), CALL(pwrite64, "f", FILES), CALL(pwritev, "f", FILES),
    CALL(pwritev2, "f", FILES), CALL(sendfile, "f", BOTH), CALL(splice, "..f", BOTH),
    CALL(read, "f", SOCKETS), CALL(readv, "f", SOCKETS), CALL(recvfrom, "f", SOCKETS), CALL(recvmsg, "f", SOCKETS),
    CALL(recvmmsg, "f", SOCKETS), CALL(sendto, "f", SOCKETS), CALL(sendmsg, "f", SOCKETS),
    CALL(sendmmsg, "f", SOCKETS), CALL(connect, "f", SOCKETS), CALL(shutdown, "f", SOCKETS), CALL(socket, "", DOMAIN),
};
enum { N_CALLS = sizeof CALLS / sizeof *CALLS };

struct stop { /* struct ptrace_syscall_info, whose headers clash */
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    union {
        struct { uint64_t nr, args[6]; } entry;
        struct { int64_t value; uint8_t is_error; } exit;
        struct { uint64_t nr, args[6]; uint32_t data; } seccomp;
    };
};

struct task { /* what a thread is in the middle of; tid 0 is a free slot */
    pid_t tid;
    const struct call *call;
    uint64_t number, entered, args[6];
    int64_t watched;
    char *paths[2];
};

static struct task tasks[TASKS];
static const char *prefixes[PREFIXES];
static size_t n_prefixes;
static uint64_t count, kill_at, ticks, data_end;
static FILE *trace, *trace_data;
static const char *watch_path, *report_path;
static char killed_at[2 * PATH_SIZE];

static void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    fputs("killer: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    exit(BROKEN); /* PTRACE_O_EXITKILL takes the tracees along */
}

/* ---- the child ---- */

static void install_filter(void) {
    struct sock_filter code[3 * N_CALLS + 32];
    size_t n = 0;
#define EMIT(...) code[n++] = (struct sock_filter)__VA_ARGS__
#define LOAD(field) EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (field)))
    LOAD(offsetof(struct seccomp_data, arch));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    LOAD(offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < N_CALLS; i++) {
        if (CALLS[i].nr == SYS_mmap) continue;
        EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)CALLS[i].nr, 0, 1));
        EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
    EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    LOAD(offsetof(struct seccomp_data, args[2]));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 1, 0));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    LOAD(offsetof(struct seccomp_data, args[3]));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 1, 0));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("seccomp is not permitted: %s", strerror(errno));
}

static pid_t start(char **command) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC)) die("pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0) die("fork: %s", strerror(errno));
    if (pid == 0) {
        char byte;
        setpgid(0, 0);
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 1) _exit(BROKEN); /* the parent could not trace us, and has said so */
        install_filter();
        execvp(command[0], command);
        die("%s: %s", command[0], strerror(errno));
    }
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    setpgid(pid, pid);
    if (ptrace(PTRACE_SEIZE, pid, 0, options)) die("ptrace is not permitted: %s", strerror(errno));
    if (write(gate[1], "x", 1) != 1) die("the command died before it began");
    close(gate[0]);
    close(gate[1]);
    return pid;
}

/* ---- what a stopped thread is about to do ---- */

static struct task *task_of(pid_t tid) {
    struct task *free_slot = NULL;
    for (size_t i = 0; i < TASKS; i++) {
        if (tasks[i].tid == tid) return &tasks[i];
        if (!tasks[i].tid && !free_slot) free_slot = &tasks[i];
        if (!tasks[i].tid && !tasks[i].paths[0]) break; /* never used: nothing lies behind it */
    }
    if (!free_slot) die("more than %d threads", TASKS);
    free_slot->tid = tid;
    for (int i = 0; i < 2; i++)
        if (!free_slot->paths[i] && !(free_slot->paths[i] = malloc(PATH_SIZE))) die("out of memory");
    return free_slot;
}

static ssize_t peek(pid_t tid, uint64_t address, void *to, size_t size) {
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(tid, &here, 1, &there, 1, 0);
}

static bool peek_string(pid_t tid, uint64_t address, char *to, size_t size) {
    size_t have = 0;
    while (have < size) { /* page by page: the page behind the string may not be there */
        size_t step = 4096 - (address + have) % 4096;
        if (step > size - have) step = size - have;
        ssize_t got = peek(tid, address + have, to + have, step);
        if (got <= 0) return false;
        if (memchr(to + have, 0, (size_t)got)) return true;
        have += (size_t)got;
    }
    return false;
}

static void link_of(pid_t tid, const char *what, int fd, char *to) {
    char link[64];
    if (fd == AT_FDCWD || fd < 0) snprintf(link, sizeof link, "/proc/%d/cwd", tid);
    else snprintf(link, sizeof link, "/proc/%d/%s/%d", tid, what, fd);
    ssize_t got = readlink(link, to, PATH_SIZE - 1);
    to[got < 0 ? 0 : got] = 0;
}

static void fd_path(pid_t tid, int fd, char *to) {
    if (fd < 0) to[0] = 0;
    else link_of(tid, "fd", fd, to);
}

/* "." and ".." go by name: symbolic links inside the tree under test are not followed. */
static void tidy(char *path) {
    char out[PATH_SIZE] = "";
    size_t n = 0;
    for (char *part = strtok(path, "/"); part; part = strtok(NULL, "/")) {
        if (!strcmp(part, ".")) continue;
        if (!strcmp(part, "..")) {
            while (n && out[--n] != '/') {}
            out[n] = 0;
            continue;
        }
        n += (size_t)snprintf(out + n, sizeof out - n, "/%s", part);
    }
    strcpy(path, n ? out : "/");
}

static void full_path(pid_t tid, int dir, uint64_t address, char *to) {
    char name[4096], base[PATH_SIZE];
    int fd;
    if (!address) return link_of(tid, "fd", dir, to); /* utimensat(fd, NULL) */
    if (!peek_string(tid, address, name, sizeof name)) name[0] = 0;
    if (sscanf(name, "/proc/self/fd/%d", &fd) == 1) return link_of(tid, "fd", fd, to); /* linkat of a nameless file */
    if (name[0] == '/') {
        strcpy(to, name);
    } else {
        link_of(tid, "fd", dir, base);
        if (strlen(base) + strlen(name) + 2 > PATH_SIZE) die("a path is too long");
        sprintf(to, "%s/%s", base, name);
    }
    tidy(to);
}

static bool below_prefix(const char *path) {
    for (size_t i = 0; i < n_prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (!strncmp(path, prefixes[i], n) && (path[n] == '/' || !path[n] || n == 1)) return true;
    }
    return false;
}

static bool network_socket(pid_t tid, int fd, const char *path) {
    char link[64], protocol[64] = "";
    if (strncmp(path, "socket:", 7)) return false;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", tid, fd);
    ssize_t got = getxattr(link, "system.sockprotoname", protocol, sizeof protocol - 1);
    return got < 0 || (strncmp(protocol, "UNIX", 4) && strncmp(protocol, "NETLINK", 7));
}

/* Fills task->paths; whether this call counts. */
static bool counts(struct task *task) {
    const struct call *call = task->call;
    int found = 0;
    task->paths[0][0] = task->paths[1][0] = 0;
    if (call->kind == DOMAIN) return task->args[0] == AF_INET || task->args[0] == AF_INET6;
    for (int i = 0; call->args[i]; i++) {
        if (call->args[i] == 'p' && found < 2) {
            int dir = i && call->args[i - 1] == 'd' ? (int)task->args[i - 1] : AT_FDCWD;
            full_path(task->tid, dir, task->args[i], task->paths[found++]);
        } else if (call->args[i] == 'f') {
            fd_path(task->tid, (int)task->args[i], task->paths[0]);
            if (call->kind != FILES && network_socket(task->tid, (int)task->args[i], task->paths[0])) return true;
            if (call->kind == SOCKETS) return false;
        }
    }
    return below_prefix(task->paths[0]) || below_prefix(task->paths[1]);
}

/* ---- the trace ---- */

static void put_string(FILE *to, const char *key, const char *value) {
    fprintf(to, ",\"%s\":\"", key);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c < 0x20 || *c >= 0x7f || *c == '"' || *c == '\\') fprintf(to, "\\u%04x", *c); /* bytes as latin-1 */
        else fputc(*c, to);
    fputc('"', to);
}

static void save_memory(pid_t tid, uint64_t address, uint64_t size) {
    static char buffer[1 << 16];
    while (size) {
        size_t step = size < sizeof buffer ? size : sizeof buffer;
        ssize_t got = peek(tid, address, buffer, step);
        if (got <= 0) die("cannot read what was written");
        fwrite(buffer, 1, (size_t)got, trace_data);
        address += (uint64_t)got, size -= (uint64_t)got, data_end += (uint64_t)got;
    }
}

static void save_vector(const struct task *task, uint64_t size) {
    for (uint64_t i = 0; i < task->args[2] && size; i++) {
        struct iovec part;
        if (peek(task->tid, task->args[1] + i * sizeof part, &part, sizeof part) != sizeof part) die("bad iovec");
        uint64_t step = part.iov_len < size ? part.iov_len : size;
        save_memory(task->tid, (uint64_t)(uintptr_t)part.iov_base, step);
        size -= step;
    }
}

static void save_file(pid_t tid, int fd, uint64_t offset, uint64_t size) { /* the kernel copied it: read it back */
    char link[64], buffer[1 << 16];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", tid, fd);
    int from = open(link, O_RDONLY | O_CLOEXEC);
    while (size) {
        ssize_t got = pread(from, buffer, size < sizeof buffer ? size : sizeof buffer, (off_t)offset);
        if (got <= 0) die("cannot read back what was copied");
        fwrite(buffer, 1, (size_t)got, trace_data);
        offset += (uint64_t)got, size -= (uint64_t)got, data_end += (uint64_t)got;
    }
    close(from);
}

static uint64_t position(pid_t tid, int fd) {
    char link[64], line[128];
    unsigned long long at = 0;
    snprintf(link, sizeof link, "/proc/%d/fdinfo/%d", tid, fd);
    FILE *info = fopen(link, "re");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "pos: %llu", &at) == 1) break;
    if (info) fclose(info);
    return at;
}

/* What was written where, after a call that succeeded with `value` bytes. */
static void put_written(const struct task *task, uint64_t value) {
    bool vector = strstr(task->call->name, "writev"), copied = !strstr(task->call->name, "write");
    bool placed = task->call->nr == SYS_pwrite64 || task->call->nr == SYS_pwritev ||
                  (task->call->nr == SYS_pwritev2 && (int64_t)task->args[3] != -1);
    int fd = (int)task->args[strchr(task->call->args, 'f') - task->call->args];
    uint64_t before = data_end, at = placed ? task->args[3] : position(task->tid, fd) - value;
    if (copied && task->call->nr != SYS_sendfile && task->args[3]) die("a copy to an explicit offset");
    if (copied) save_file(task->tid, fd, at, value);
    else if (vector) save_vector(task, value);
    else save_memory(task->tid, task->args[1], value);
    fprintf(trace, ",\"at\":%" PRIu64 ",\"data\":%" PRIu64, at, before);
}

static void put_line(const struct task *task, int64_t value) {
    struct stat found;
    char link[64];
    const struct call *call = task->call;
    bool is_fd = strchr(call->args, 'f'), is_open = !strncmp(call->name, "open", 4) || !strcmp(call->name, "creat");
    bool socket = call->kind == DOMAIN || !strncmp(task->paths[0], "socket:", 7);
    fprintf(trace, "{\"n\":%" PRIu64 ",\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"tid\":%d,\"call\":\"%s\",\"ret\":%" PRId64
            ",\"watched\":%" PRId64, task->number, task->entered, ++ticks, task->tid, call->name, value, task->watched);
    put_string(trace, "path", task->paths[0]);
    if (task->paths[1][0]) put_string(trace, "path2", task->paths[1]);
    fputs(",\"args\":[", trace);
    for (int i = 0; i < 6; i++) fprintf(trace, "%s%" PRIu64, i ? "," : "", task->args[i]);
    fputc(']', trace);
    if (value >= 0 && !socket) {
        if (is_fd || is_open) {
            int fd = is_open ? (int)value : (int)task->args[strchr(call->args, 'f') - call->args];
            snprintf(link, sizeof link, "/proc/%d/fd/%d", task->tid, fd);
        }
        const char *where = is_fd || is_open ? link : task->paths[1][0] ? task->paths[1] : task->paths[0];
        if (!(is_fd || is_open ? stat(where, &found) : lstat(where, &found)))
            fprintf(trace, ",\"inode\":%" PRIu64 ",\"mode\":%u", (uint64_t)found.st_ino, found.st_mode);
        if (value > 0 && (strstr(call->name, "write") || call->nr == SYS_sendfile || call->nr == SYS_splice ||
                          call->nr == SYS_copy_file_range))
            put_written(task, (uint64_t)value);
    }
    fputs("}\n", trace);
}

/* ---- the loop ---- */

static void kill_all(pid_t leader) {
    kill(-leader, SIGKILL);
    for (size_t i = 0; i < TASKS; i++) /* also those that left the group */
        if (tasks[i].tid) kill(tasks[i].tid, SIGKILL);
}

/* True: go on to the exit of this call. */
static bool enter(pid_t tid, pid_t leader) {
    struct stop at;
    struct task *task = task_of(tid);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof at, &at) <= 0) return false; /* dead already */
    task->call = NULL;
    for (size_t i = 0; i < N_CALLS && !task->call; i++)
        if ((uint64_t)CALLS[i].nr == at.seccomp.nr) task->call = &CALLS[i];
    if (!task->call || killed_at[0]) return false;
    memcpy(task->args, at.seccomp.args, sizeof task->args);
    if (!counts(task)) return false;
    task->number = ++count;
    task->entered = ++ticks;
    if (count == kill_at) {
        snprintf(killed_at, sizeof killed_at, "%s %s%s%s", task->call->name, task->paths[0],
                 task->paths[1][0] ? " " : "", task->paths[1]);
        kill_all(leader);
        return false;
    }
    struct stat watched;
    task->watched = watch_path && trace && !stat(watch_path, &watched) ? watched.st_size : 0;
    return trace;
}

static void leave(pid_t tid) {
    struct stop at;
    struct task *task = task_of(tid);
    if (task->call && ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof at, &at) > 0) put_line(task, at.exit.value);
    task->call = NULL;
}

static int follow(pid_t leader) {
    int status, result = 0;
    pid_t tid;
    while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (tid < 0) continue;
        if (!WIFSTOPPED(status)) {
            if (tid == leader) result = status;
            task_of(tid)->tid = 0;
            continue;
        }
        int event = status >> 16, signal = WSTOPSIG(status), how = PTRACE_CONT, deliver = 0;
        if (event == PTRACE_EVENT_SECCOMP) how = enter(tid, leader) ? PTRACE_SYSCALL : PTRACE_CONT;
        else if (event == PTRACE_EVENT_STOP) how = signal == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN;
        else if (signal == (SIGTRAP | 0x80)) leave(tid);
        else if (!event) deliver = signal;
        if (event == PTRACE_EVENT_STOP) task_of(tid); /* a new thread: kill_all must know it */
        ptrace(how, tid, 0, deliver);
    }
    return result;
}

static void put_end(void) {
    struct stat watched;
    if (!watch_path || stat(watch_path, &watched)) watched.st_size = 0;
    fprintf(trace, "{\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"call\":\"end\",\"ret\":0,\"path\":\"\",\"args\":[]"
            ",\"watched\":%" PRId64 "}\n", ticks + 1, ticks + 1, (int64_t)watched.st_size);
}

static void report(int status) {
    FILE *to = report_path ? fopen(report_path, "we") : stdout;
    if (!to) die("%s: %s", report_path, strerror(errno));
    fprintf(to, "{\"count\":%" PRIu64 ",\"exit\":%d,\"signal\":%d", count, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    put_string(to, "killed_at", killed_at);
    fputs("}\n", to);
    if (fflush(to)) die("%s: %s", report_path, strerror(errno));
}

static char **parse(int argc, char **argv) {
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--"); i++) {
        const char *option = argv[i];
        if (!strcmp(option, "--count")) continue;
        if (i + 1 >= argc) die("%s: a value is missing", option);
        char *value = argv[++i];
        if (!strcmp(option, "--kill-at")) kill_at = strtoull(value, NULL, 10);
        else if (!strcmp(option, "--filter") && n_prefixes < PREFIXES) {
            if (!(prefixes[n_prefixes++] = realpath(value, NULL))) die("%s: %s", value, strerror(errno));
        } else if (!strcmp(option, "--trace")) {
            char name[PATH_SIZE];
            snprintf(name, sizeof name, "%s.data", value);
            if (!(trace = fopen(value, "we")) || !(trace_data = fopen(name, "we"))) die("%s: %s", value, strerror(errno));
        } else if (!strcmp(option, "--watch")) watch_path = value;
        else if (!strcmp(option, "--report")) report_path = value;
        else die("%s: unknown option", option);
    }
    if (i + 1 >= argc) die("no command");
    if (!n_prefixes) prefixes[n_prefixes++] = "/";
    return argv + i + 1;
}

int main(int argc, char **argv) {
    char **command = parse(argc, argv);
    int status = follow(start(command));
    if (trace) put_end();
    if (trace && (fclose(trace) || fclose(trace_data))) die("the trace: %s", strerror(errno));
    report(status);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
