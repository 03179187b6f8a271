/* disk.h: a disk in memory, for posix_folder.c to be tried on: one folder, and the calls it makes.
 *
 * What is written lies in a cache until it is synced, as with a real one. A power cut keeps what
 * was synced, and of the rest any part: some sectors of a file and not others, some changes of the
 * folder and not others, in no order. A call can fail, or never come back because the process or
 * the machine ends within it.
 */
#ifndef DISK_H
#define DISK_H

#include <dirent.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What happens at the call that disk_plan() names. */
enum disk_event {
    DISK_NOTHING,
    DISK_FAILS,         /* it returns -1 with EIO and does nothing */
    DISK_FULL,          /* a write takes half and the next one fails with ENOSPC */
    DISK_KILLED_BEFORE, /* the process ends; the machine runs on */
    DISK_KILLED_WITHIN, /* the same, and a write has been done in part */
    DISK_KILLED_AFTER,
    DISK_POWER_LOST,    /* nothing that was not synced is left */
    DISK_POWER_ORDERED, /* changes of the folder are kept up to some point */
    DISK_POWER_MIXED,   /* any of them, and any sector of a file */
    DISK_POWER_TORN,    /* the same, and sectors that were being written hold anything */
    DISK_EVENTS
};

typedef struct disk_list disk_list;

/* An empty disk without the folder. */
void disk_format(uint64_t seed);
/* Let `event` happen at the n-th call from now on, counted from 1. */
void disk_plan(uint32_t n, enum disk_event event);
/* Calls since disk_plan(). */
uint32_t disk_calls(void);
/* Whether the planned event happened. */
int disk_happened(void);
/* Where execution continues after a call that never returned. */
extern jmp_buf disk_end;
/* A process begins: `pid` makes the calls from here on. */
void disk_process(int pid);
/* A process ends: its files are closed. */
void disk_exit(int pid);
/* Flip one bit of the newest state there is, or flip it back. */
void disk_flip(uint32_t bit);
/* States in the folder. */
uint32_t disk_states(void);
/* Bytes of the newest one. */
uint32_t disk_newest_bytes(void);
/* A random number below n. */
uint32_t disk_draw(uint32_t n);

int disk_mkdir(const char *path, mode_t mode);
int disk_open(const char *path, int flags);
int disk_openat(int dir, const char *name, int flags);
ssize_t disk_pwrite(int file, const void *data, size_t bytes, off_t offset);
ssize_t disk_pread(int file, void *data, size_t bytes, off_t offset);
int disk_fsync(int file);
int disk_close(int file);
int disk_flock(int file, int operation);
int disk_ftruncate(int file, off_t bytes);
int disk_renameat(int dir, const char *from, int dir2, const char *to);
int disk_unlinkat(int dir, const char *name, int flags);
int disk_fstat(int file, struct stat *about);
disk_list *disk_fdopendir(int dir);
struct dirent *disk_readdir(disk_list *list);
int disk_closedir(disk_list *list);
pid_t disk_getpid(void);

#endif /* DISK_H */
