/* traced.c: one system call of a child is made to fail, to be short, or to be the last. */
#define _GNU_SOURCE 1

#include "traced.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_TRACE 77
#define SYSCALL_STOP (SIGTRAP | 0x80)

static const struct {
    long number;
    const char *name;
} names[] = {
    {SYS_openat, "openat"},
    {SYS_mkdir, "mkdir"},
    {SYS_pwrite64, "pwrite64"},
    {SYS_pread64, "pread64"},
    {SYS_fsync, "fsync"},
    {SYS_close, "close"},
    {SYS_flock, "flock"},
    {SYS_ftruncate, "ftruncate"},
    {SYS_renameat, "renameat"},
    {SYS_unlinkat, "unlinkat"},
    {SYS_getdents64, "getdents64"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_fstat, "fstat"},
    {SYS_fcntl, "fcntl"},
    {SYS_open, "open"},
    {SYS_brk, "brk"},
    {SYS_mmap, "mmap"},
};

const char *traced_name(long call) {
    static char number[24];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == call) {
            return names[i].name;
        }
    }
    (void)snprintf(number, sizeof number, "%ld", call);
    return number;
}

/* Calls that the kernel never refuses, or whose failure says nothing about storage. */
static int cannot_fail(long call) {
    return call == SYS_getpid || call == SYS_gettid || call == SYS_exit_group ||
           call == SYS_munmap || call == SYS_rt_sigprocmask || call == SYS_tgkill ||
           call == SYS_getrandom;
}

static int moves_bytes(long call) { return call == SYS_pread64 || call == SYS_pwrite64; }

static void die(const char *what) {
    perror(what);
    exit(errno == EPERM || errno == EIO || errno == ENOSYS ? CANNOT_TRACE : 1);
}

/* Let the child run to its next stop; returns its status. */
static int next_stop(pid_t child, int signal) {
    int status;
    if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)signal) != 0 ||
        waitpid(child, &status, 0) != child) {
        die("a child can be traced");
    }
    return status;
}

static traced_end ended(pid_t child, int status, traced_end end) {
    while (!WIFEXITED(status) && !WIFSIGNALED(status)) {
        if (waitpid(child, &status, 0) != child) {
            die("a child ends");
        }
    }
    end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return end;
}

static pid_t start(int (*work)(void)) {
    int status;
    pid_t child = fork();
    if (child < 0) {
        die("a child can be made");
    }
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(CANNOT_TRACE);
        }
        raise(SIGSTOP);
        _exit(work());
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
        (void)fprintf(stderr, "nobody may trace here\n");
        exit(CANNOT_TRACE);
    }
    return child;
}

/* At the entry of the call: returns whether the child was killed there. */
static int change_entry(pid_t child, struct user_regs_struct *regs, enum traced_event event) {
    if (event == TRACED_BEFORE) {
        kill(child, SIGKILL);
        return 1;
    }
    if (event == TRACED_ERROR) {
        regs->orig_rax = (unsigned long long)-1;
    } else if (event != TRACED_AFTER && moves_bytes((long)regs->orig_rax)) {
        regs->rdx = regs->rdx / 2 + regs->rdx % 2;
    }
    if (ptrace(PTRACE_SETREGS, child, NULL, regs) != 0) {
        die("registers can be set");
    }
    return 0;
}

/* At the exit of the call: returns whether the child was killed there. */
static int change_exit(pid_t child, enum traced_event event, int error) {
    struct user_regs_struct regs;
    if (event == TRACED_WITHIN || event == TRACED_AFTER) {
        kill(child, SIGKILL);
        return 1;
    }
    if (event == TRACED_ERROR) {
        if (ptrace(PTRACE_GETREGS, child, NULL, &regs) != 0) {
            die("registers can be read");
        }
        regs.rax = (unsigned long long)-error;
        if (ptrace(PTRACE_SETREGS, child, NULL, &regs) != 0) {
            die("registers can be set");
        }
    }
    return 0;
}

traced_end traced_run(int (*work)(void), uint32_t n, enum traced_event event, int error) {
    traced_end end = {-1, 0, -1, 0};
    pid_t child = start(work);
    int inside = 0, signal = 0;
    for (;;) {
        int status = next_stop(child, signal);
        signal = 0;
        if (!WIFSTOPPED(status)) {
            return ended(child, status, end);
        }
        if (WSTOPSIG(status) != SYSCALL_STOP) {
            signal = WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
            continue;
        }
        inside = !inside;
        struct user_regs_struct regs;
        if (ptrace(PTRACE_GETREGS, child, NULL, &regs) != 0) {
            die("registers can be read");
        }
        if (inside && !cannot_fail((long)regs.orig_rax) && ++end.n_calls == n) {
            end.happened = 1;
            end.call = (long)regs.orig_rax;
            if (change_entry(child, &regs, event)) {
                return ended(child, status, end);
            }
        } else if (!inside && end.happened && end.n_calls == n) {
            if (change_exit(child, event, error)) {
                return ended(child, status, end);
            }
            n = 0; /* once */
        }
    }
}
