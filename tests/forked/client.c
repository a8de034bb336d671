/* Runs the command line in a child of the server beside this program: the child gets our streams, working directory,
 * environment, umask and arguments, our INT, TERM and HUP, and ends when we do; we end as it ends. Where the server
 * cannot do that faithfully, PROGRAM is run instead. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;
static volatile pid_t child;

static void forward(int number) {
    if (child > 0) kill(child, number);
}

static void run_program(char **argv) {
    argv[0] = PROGRAM;
    execv(PROGRAM, argv);
    perror(PROGRAM);
    _exit(127);
}

static void lost(void) {
    fprintf(stderr, "the server of forked programs has ended\n");
    _exit(126);
}

static char *put(char *at, char **strings) {
    for (; *strings; strings++) at = stpcpy(at, *strings) + 1;
    return at;
}

static size_t length(char **strings) {
    size_t sum = 0;
    for (; *strings; strings++) sum += strlen(*strings) + 1;
    return sum;
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char self[PATH_MAX];
    ssize_t end = readlink("/proc/self/exe", self, sizeof self - 1);
    if (end < 0) run_program(argv);
    self[end] = 0;
    *strrchr(self, '/') = 0;
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", self) >= sizeof address.sun_path)
        run_program(argv);
    for (int number = 0; number < 3; number++)
        if (fcntl(number, F_GETFD) < 0) run_program(argv); /* a closed stream cannot be handed over */
    int here = open(".", O_PATH | O_CLOEXEC);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (here < 0 || server < 0 || connect(server, (struct sockaddr *)&address, sizeof address) < 0) run_program(argv);

    mode_t mask = umask(0);
    umask(mask);
    size_t body = length(argv) + length(environ);
    char *text = malloc(body);
    if (!text) run_program(argv);
    put(put(text, argv), environ);
    uint32_t head[3] = {(uint32_t)body, (uint32_t)argc, (uint32_t)mask};
    struct iovec part = {head, sizeof head};
    union { struct cmsghdr aligned; char room[CMSG_SPACE(4 * sizeof(int))]; } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(4 * sizeof(int));
    memcpy(CMSG_DATA(rights), (int[]){0, 1, 2, here}, 4 * sizeof(int));
    if (sendmsg(server, &message, MSG_NOSIGNAL) != sizeof head) lost();
    for (size_t sent = 0; sent < body;) {
        ssize_t some = send(server, text + sent, body - sent, MSG_NOSIGNAL);
        if (some < 0) lost();
        sent += (size_t)some;
    }

    int32_t answer;
    if (recv(server, &answer, sizeof answer, MSG_WAITALL) != sizeof answer) lost();
    if (answer == 0) run_program(argv);
    child = answer;
    for (int index = 0, numbers[] = {SIGINT, SIGTERM, SIGHUP}; index < 3; index++) {
        struct sigaction now;
        sigaction(numbers[index], NULL, &now);
        if (now.sa_handler != SIG_IGN) sigaction(numbers[index], &(struct sigaction){.sa_handler = forward}, NULL);
    }
    ssize_t got;
    while ((got = recv(server, &answer, sizeof answer, MSG_WAITALL)) < 0 && errno == EINTR) continue;
    if (got != sizeof answer) lost();
    child = 0;
    if (answer < 0) {
        signal(-answer, SIG_DFL);
        kill(getpid(), -answer);
        pause();
    }
    _exit(answer);
}
