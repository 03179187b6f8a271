/* disk.c: see disk.h. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#define MOST_FILES 96
#define MOST_NAMES 48
#define MOST_CHANGES 256
#define MOST_OPEN 24
#define FILE_BYTES 16384u
#define SECTOR 512u
#define FOLDER (-2)
#define PARENT (-3)

typedef struct file {
    uint8_t cached[FILE_BYTES], kept[FILE_BYTES];
    uint32_t n_cached, n_kept;
    int lock; /* the descriptor that holds it, or -1 */
} file;

typedef struct folder {
    char name[MOST_NAMES][40];
    int at[MOST_NAMES]; /* of `files`, or -1 */
} folder;

/* A change of the folder that is not synced yet. */
typedef struct change {
    char name[40];
    int at; /* -1: the name goes */
} change;

struct disk_list {
    uint32_t next;
    int open;
    struct dirent entry;
};

static file files[MOST_FILES];
static folder cached, kept;
static int folder_cached, folder_kept;
static change changes[MOST_CHANGES];
static uint32_t n_changes;
static struct {
    int what, pid; /* of `files`, FOLDER or PARENT; -1 is free */
} open_files[MOST_OPEN];
static disk_list lists[4];
static uint64_t random_state;
static uint32_t calls, planned_call;
static enum disk_event planned;
static int happened, current, is_full;
jmp_buf disk_end;

uint32_t disk_draw(uint32_t n) { /* a linear congruential generator, Knuth's constants */
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static void impossible(const char *what) {
    fprintf(stderr, "disk: %s\n", what);
    abort();
}

/* ---- names and files ------------------------------------------------------------------------ */

static void no_names(folder *in) {
    for (int i = 0; i < MOST_NAMES; i++) {
        in->at[i] = -1;
    }
}

static int *place(folder *in, const char *name) {
    for (int i = 0; i < MOST_NAMES; i++) {
        if (in->at[i] >= 0 && strcmp(in->name[i], name) == 0) {
            return &in->at[i];
        }
    }
    return NULL;
}

static void set_name(folder *in, const char *name, int at) {
    int *there = place(in, name);
    for (int i = 0; there == NULL && at >= 0 && i < MOST_NAMES; i++) {
        if (in->at[i] < 0) {
            there = &in->at[i];
            strcpy(in->name[i], name);
        }
    }
    if (there != NULL) {
        *there = at;
    } else if (at >= 0) {
        impossible("too many names");
    }
}

static void change_name(const char *name, int at) {
    set_name(&cached, name, at);
    if (n_changes == MOST_CHANGES) {
        impossible("too many changes");
    }
    strcpy(changes[n_changes].name, name);
    changes[n_changes++].at = at;
}

static int is_used(int at) {
    for (int i = 0; i < MOST_NAMES; i++) {
        if (cached.at[i] == at || kept.at[i] == at) {
            return 1;
        }
    }
    for (uint32_t i = 0; i < n_changes; i++) {
        if (changes[i].at == at) {
            return 1;
        }
    }
    for (int i = 0; i < MOST_OPEN; i++) {
        if (open_files[i].what == at) {
            return 1;
        }
    }
    return 0;
}

static int new_file(void) {
    for (int at = 0; at < MOST_FILES; at++) {
        if (!is_used(at)) {
            files[at].n_cached = files[at].n_kept = 0;
            files[at].lock = -1;
            return at;
        }
    }
    impossible("too many files");
    return -1;
}

static int new_descriptor(int what) {
    for (int i = 0; i < MOST_OPEN; i++) {
        if (open_files[i].what == -1) {
            open_files[i].what = what;
            open_files[i].pid = current;
            return i + 3;
        }
    }
    impossible("too many open files: one is not closed");
    return -1;
}

static int what_is(int descriptor) { return open_files[descriptor - 3].what; }

/* ---- what happens to calls ------------------------------------------------------------------ */

static void lose_power(enum disk_event event) {
    uint32_t until = event == DISK_POWER_ORDERED ? disk_draw(n_changes + 1u) : n_changes;
    for (uint32_t i = 0; i < until && event != DISK_POWER_LOST; i++) {
        if (event == DISK_POWER_ORDERED || disk_draw(2)) {
            set_name(&kept, changes[i].name, changes[i].at);
        }
    }
    for (int at = 0; at < MOST_FILES; at++) {
        file *f = &files[at];
        uint32_t longest = f->n_cached > f->n_kept ? f->n_cached : f->n_kept;
        for (uint32_t sector = 0; sector < longest && event >= DISK_POWER_MIXED; sector += SECTOR) {
            uint32_t n = longest - sector < SECTOR ? longest - sector : SECTOR;
            if (memcmp(f->kept + sector, f->cached + sector, n) == 0 && f->n_kept == f->n_cached) {
                continue; /* synced */
            }
            if (disk_draw(2)) {
                memcpy(f->kept + sector, f->cached + sector, n);
                f->n_kept = f->n_kept > sector + n ? f->n_kept : sector + n;
            } else if (event == DISK_POWER_TORN) {
                for (uint32_t i = 0; i < n; i++) {
                    f->kept[sector + i] = (uint8_t)disk_draw(256);
                }
            }
        }
        memcpy(f->cached, f->kept, f->n_kept);
        f->n_cached = f->n_kept;
        f->lock = -1;
    }
    if (!folder_kept) { /* and everything in it goes with the folder */
        no_names(&kept);
    }
    folder_cached = folder_kept;
    cached = kept;
    n_changes = 0;
    for (int i = 0; i < MOST_OPEN; i++) {
        open_files[i].what = -1;
    }
    memset(lists, 0, sizeof lists);
    is_full = 0;
}

static void end(enum disk_event event) {
    if (event >= DISK_POWER_LOST) {
        lose_power(event);
    } else {
        disk_exit(current);
    }
    longjmp(disk_end, 1);
}

/* At the start of every call: 0, or -1 if it fails. */
static int begin(void) {
    calls++;
    if (calls != planned_call || planned == DISK_KILLED_AFTER || planned == DISK_KILLED_WITHIN) {
        return 0;
    }
    happened = planned != DISK_NOTHING;
    if (planned == DISK_FULL) {
        is_full = 1;
    } else if (planned == DISK_FAILS) {
        errno = EIO;
        return -1;
    } else if (planned != DISK_NOTHING) {
        end(planned);
    }
    return 0;
}

/* At the end of every call. */
static void done(void) {
    if (calls == planned_call && (planned == DISK_KILLED_AFTER || planned == DISK_KILLED_WITHIN)) {
        happened = 1;
        end(planned);
    }
}

void disk_plan(uint32_t n, enum disk_event event) {
    calls = 0;
    planned_call = n;
    planned = event;
    happened = is_full = 0;
}

uint32_t disk_calls(void) { return calls; }

int disk_happened(void) { return happened; }

void disk_format(uint64_t seed) {
    memset(files, 0, sizeof files);
    no_names(&cached);
    no_names(&kept);
    for (int i = 0; i < MOST_OPEN; i++) {
        open_files[i].what = -1;
    }
    memset(lists, 0, sizeof lists);
    folder_cached = folder_kept = 0;
    n_changes = 0;
    random_state = seed;
    disk_plan(0, DISK_NOTHING);
}

void disk_process(int pid) { current = pid; }

void disk_exit(int pid) {
    for (int i = 0; i < MOST_OPEN; i++) {
        if (open_files[i].what != -1 && open_files[i].pid == pid) {
            current = pid;
            if (open_files[i].what >= 0 && files[open_files[i].what].lock == i + 3) {
                files[open_files[i].what].lock = -1;
            }
            open_files[i].what = -1;
        }
    }
    memset(lists, 0, sizeof lists);
}

static int is_state(int i) { return cached.at[i] >= 0 && strstr(cached.name[i], ".mbs") != NULL; }

uint32_t disk_states(void) {
    uint32_t n = 0;
    for (int i = 0; i < MOST_NAMES; i++) {
        n += (uint32_t)is_state(i);
    }
    return n;
}

static file *newest(void) {
    int best = -1;
    for (int i = 0; i < MOST_NAMES; i++) {
        if (is_state(i) && (best < 0 || strcmp(cached.name[i], cached.name[best]) > 0)) {
            best = i;
        }
    }
    return best < 0 ? NULL : &files[cached.at[best]];
}

uint32_t disk_newest_bytes(void) { return newest() == NULL ? 0 : newest()->n_cached; }

void disk_flip(uint32_t bit) { newest()->cached[bit / 8u] ^= (uint8_t)(1u << bit % 8u); }

/* ---- the calls ------------------------------------------------------------------------------ */

int disk_mkdir(const char *path, mode_t mode) {
    (void)path;
    (void)mode;
    if (begin() != 0) {
        return -1;
    }
    int there = folder_cached;
    folder_cached = 1;
    done();
    errno = EEXIST;
    return there ? -1 : 0;
}

int disk_open(const char *path, int flags) {
    (void)path;
    (void)flags;
    if (begin() != 0) {
        return -1;
    }
    done();
    if (!folder_cached) {
        errno = ENOENT;
        return -1;
    }
    return new_descriptor(FOLDER);
}

int disk_openat(int dir, const char *name, int flags) {
    if (begin() != 0) {
        return -1;
    }
    if (what_is(dir) != FOLDER) {
        impossible("openat() in a file");
    }
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        done();
        return new_descriptor(name[1] == '.' ? PARENT : FOLDER);
    }
    int *there = place(&cached, name), at = there == NULL ? -1 : *there;
    if ((there == NULL && !(flags & O_CREAT)) || (there != NULL && (flags & O_EXCL))) {
        errno = there == NULL ? ENOENT : EEXIST;
        return -1;
    }
    if (there == NULL) {
        at = new_file();
        change_name(name, at);
    }
    done();
    return new_descriptor(at);
}

ssize_t disk_pwrite(int descriptor, const void *data, size_t bytes, off_t offset) {
    file *f = &files[what_is(descriptor)];
    if (is_full) { /* the half that fits has been taken */
        errno = ENOSPC;
        return -1;
    }
    if (begin() != 0) {
        return -1;
    }
    int in_part = calls == planned_call && (planned == DISK_KILLED_WITHIN || is_full);
    size_t n = in_part ? disk_draw((uint32_t)bytes + 1u) : bytes;
    if ((size_t)offset + n > FILE_BYTES) {
        impossible("a file too long");
    }
    memcpy(f->cached + offset, data, n);
    f->n_cached = f->n_cached > offset + n ? f->n_cached : (uint32_t)(offset + (off_t)n);
    done();
    return (ssize_t)n;
}

ssize_t disk_pread(int descriptor, void *data, size_t bytes, off_t offset) {
    const file *f = &files[what_is(descriptor)];
    if (begin() != 0) {
        return -1;
    }
    size_t left = (size_t)offset < f->n_cached ? f->n_cached - (size_t)offset : 0;
    size_t n = bytes < left ? bytes : left;
    memcpy(data, f->cached + offset, n);
    done();
    return (ssize_t)n;
}

int disk_fsync(int descriptor) {
    if (begin() != 0) {
        return -1;
    }
    int what = what_is(descriptor);
    if (what == PARENT) {
        folder_kept = folder_cached;
    } else if (what == FOLDER) {
        kept = cached;
        n_changes = 0;
    } else {
        memcpy(files[what].kept, files[what].cached, FILE_BYTES);
        files[what].n_kept = files[what].n_cached;
    }
    done();
    return 0;
}

int disk_close(int descriptor) {
    int failed = begin(), what = what_is(descriptor);
    if (what == -1) {
        impossible("closed twice");
    }
    if (what >= 0 && files[what].lock == descriptor) {
        files[what].lock = -1;
    }
    open_files[descriptor - 3].what = -1; /* closed even where it fails, as Linux does */
    done();
    return failed;
}

int disk_flock(int descriptor, int operation) {
    (void)operation;
    if (begin() != 0) {
        return -1;
    }
    file *f = &files[what_is(descriptor)];
    if (f->lock >= 0 && f->lock != descriptor) {
        errno = EWOULDBLOCK;
        return -1;
    }
    f->lock = descriptor;
    done();
    return 0;
}

int disk_ftruncate(int descriptor, off_t bytes) {
    if (begin() != 0) {
        return -1;
    }
    files[what_is(descriptor)].n_cached = (uint32_t)bytes;
    done();
    return 0;
}

int disk_renameat(int dir, const char *from, int dir2, const char *to) {
    (void)dir;
    (void)dir2;
    if (begin() != 0) {
        return -1;
    }
    int *there = place(&cached, from);
    if (there == NULL) {
        errno = ENOENT;
        return -1;
    }
    int at = *there;
    change_name(to, at);
    change_name(from, -1);
    done();
    return 0;
}

int disk_unlinkat(int dir, const char *name, int flags) {
    (void)dir;
    (void)flags;
    if (begin() != 0) {
        return -1;
    }
    if (place(&cached, name) == NULL) {
        errno = ENOENT;
        return -1;
    }
    change_name(name, -1);
    done();
    return 0;
}

int disk_fstat(int descriptor, struct stat *about) {
    if (begin() != 0) {
        return -1;
    }
    memset(about, 0, sizeof *about);
    about->st_mode = S_IFREG;
    about->st_size = (off_t)files[what_is(descriptor)].n_cached;
    done();
    return 0;
}

disk_list *disk_fdopendir(int dir) {
    if (begin() != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i].open == 0) {
            lists[i].open = dir;
            lists[i].next = 0;
            done();
            return &lists[i];
        }
    }
    impossible("too many lists: one is not closed");
    return NULL;
}

struct dirent *disk_readdir(disk_list *list) {
    if (begin() != 0) {
        return NULL;
    }
    done();
    for (; list->next < MOST_NAMES; list->next++) {
        if (cached.at[list->next] >= 0) {
            strcpy(list->entry.d_name, cached.name[list->next++]);
            return &list->entry;
        }
    }
    return NULL;
}

int disk_closedir(disk_list *list) {
    int dir = list->open;
    list->open = 0;
    return disk_close(dir);
}

pid_t disk_getpid(void) { return current; }
