// Which functions of a program run, in the order of their first calls: first-calls SYMBOLS OUT PROGRAM [ARGUMENT]...
//
// SYMBOLS has a line for each function, its address in the file and its name. A breakpoint lies on each until it is met, so the
// program runs at nearly its own speed, with every system call of its kernel. SIGTERM goes on to the program. For x86-64.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct function {
    uint64_t address;
    char *name;
    unsigned char byte;
    int met;
};

static struct function *functions;
static size_t count;
static volatile pid_t program;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void pass_on(int number) {
    if (program > 0) kill(program, number);
}

static int by_address(const void *left, const void *right) {
    uint64_t a = ((const struct function *)left)->address, b = ((const struct function *)right)->address;
    return a < b ? -1 : a > b;
}

static void read_symbols(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    uint64_t address;
    char *name;
    size_t room = 0;
    while (fscanf(file, "%lx %ms", &address, &name) == 2) {
        if (count == room) functions = realloc(functions, (room = room ? 2 * room : 1024) * sizeof *functions);
        if (!functions) die("realloc");
        functions[count++] = (struct function){.address = address, .name = name};
    }
    fclose(file);
    qsort(functions, count, sizeof *functions, by_address);
    // Of several names for one address the first will do.
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || functions[kept - 1].address != functions[i].address) functions[kept++] = functions[i];
    count = kept;
}

// Where the file begins in memory: its first mapping.
static uint64_t base_of(pid_t pid) {
    char path[64], line[1024], target[1024];
    uint64_t start = 0;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) die(path);
    target[length] = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    while (fgets(line, sizeof line, file))
        if (strstr(line, target)) {
            start = strtoull(line, NULL, 16);
            break;
        }
    fclose(file);
    return start;
}

static int memory_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    return open(path, O_RDWR | O_CLOEXEC);
}

static void lay_breakpoints(uint64_t base) {
    int memory = memory_of(program);
    if (memory < 0) die("mem");
    for (size_t i = 0; i < count; i++) {
        off_t place = (off_t)(base + functions[i].address);
        if (pread(memory, &functions[i].byte, 1, place) != 1 || pwrite(memory, "\xcc", 1, place) != 1) die("breakpoint");
    }
    close(memory);
}

// Whether a thread stopped at a breakpoint of ours; then it is as if there had been none.
static int met(pid_t thread, uint64_t base, FILE *out) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, NULL, &registers) != 0) return 0;
    struct function key = {.address = registers.rip - 1 - base};
    struct function *found = bsearch(&key, functions, count, sizeof *functions, by_address);
    if (!found) return 0;
    if (!found->met) fprintf(out, "%s\n", found->name);
    found->met = 1;
    // A child that was forked has a memory of its own.
    int memory = memory_of(thread);
    if (memory < 0 || pwrite(memory, &found->byte, 1, (off_t)(registers.rip - 1)) != 1) die("restore");
    close(memory);
    registers.rip -= 1;
    return ptrace(PTRACE_SETREGS, thread, NULL, &registers) == 0;
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: first-calls SYMBOLS OUT PROGRAM [ARGUMENT]...\n"), 64;
    read_symbols(argv[1]);
    FILE *out = fopen(argv[2], "w");
    if (!out) die(argv[2]);
    struct sigaction action = {.sa_handler = pass_on};
    sigaction(SIGTERM, &action, NULL);

    program = fork();
    if (program < 0) die("fork");
    if (program == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[3], argv + 3);
        die(argv[3]);
    }
    int status, result = 1;
    while (waitpid(program, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFSTOPPED(status)) return 1;
    uint64_t base = base_of(program);
    lay_breakpoints(base);
    ptrace(PTRACE_SETOPTIONS, program, NULL,
           PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, program, NULL, NULL);
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) break;
        if (thread == program && WIFEXITED(status)) result = WEXITSTATUS(status);
        if (!WIFSTOPPED(status)) continue;
        int number = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_EXEC) {
            // Another program, which is of no interest.
            ptrace(PTRACE_DETACH, thread, NULL, NULL);
            continue;
        }
        // A new thread begins stopped.
        if (event != 0 || number == SIGSTOP || (number == SIGTRAP && met(thread, base, out))) number = 0;
        ptrace(PTRACE_CONT, thread, NULL, (void *)(intptr_t)number);
    }
    fclose(out);
    return result;
}
