// Loaded into the kernel of dev/uml in front of libc.
//
// User-Mode Linux before 6.13 has room for 2696 bytes of a process's vector registers. Processors with AMX have 11008, and Linux refuses
// to set a part of them, so that no process would ever run. Here all are set: those that the kernel knows, and after them those
// that the process has, which hold nothing, since nobody in there can ask for AMX.
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// One thread of the kernel controls all processes, and its stack is smaller than this.
static char registers[64 << 10];

long ptrace(enum __ptrace_request request, ...) {
    va_list arguments;
    va_start(arguments, request);
    pid_t process = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
        const struct iovec *known = data;
        struct iovec all = {.iov_base = registers, .iov_len = sizeof registers};
        if (syscall(SYS_ptrace, PTRACE_GETREGSET, process, address, &all) == 0 && all.iov_len > known->iov_len) {
            memcpy(registers, known->iov_base, known->iov_len);
            return syscall(SYS_ptrace, PTRACE_SETREGSET, process, address, &all);
        }
    }
    // The system call writes what it reads; libc returns it.
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        long word = 0;
        return syscall(SYS_ptrace, request, process, address, &word) < 0 ? -1 : word;
    }
    return syscall(SYS_ptrace, request, process, address, data);
}
