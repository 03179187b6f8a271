/* traced.h: a child process in which something happens to one system call, by ptrace.
 *
 * What disk.c does to calls of the C library on a disk in memory happens here to the system calls
 * of a real kernel, on a real file system. Linux on x86-64 only.
 */
#ifndef TRACED_H
#define TRACED_H

#include <stdint.h>

enum traced_event {
    TRACED_ERROR,  /* the call fails with a number of errno */
    TRACED_SHORT,  /* a read or write moves half of its bytes */
    TRACED_BEFORE, /* the process is killed before the call */
    TRACED_WITHIN, /* the process is killed after half of a write */
    TRACED_AFTER,  /* the process is killed when the call has been done */
};

/* What became of a child. */
typedef struct traced_end {
    int exit_code;    /* of the child; -1 if it was killed */
    int happened;     /* whether the event took place: the child made so many calls */
    long call;        /* number of the system call that it happened to */
    uint32_t n_calls; /* that the child made */
} traced_end;

/* Run `work` in a child and let the event happen to its n-th system call, counted from 1; calls
 * that cannot fail are not counted. `work` gives the exit code, from 0 to 127.
 *   error  number of errno for TRACED_ERROR
 * Exits with 77 where the system lets nobody trace. */
traced_end traced_run(int (*work)(void), uint32_t n, enum traced_event event, int error);

/* The name of a system call, or its number as text. */
const char *traced_name(long call);

#endif /* TRACED_H */
