/* disk.c: what lies on the disk, and what happens to calls; see disk.h. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1

#include "disk_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

file files[MOST_FILES];
folder cached, kept;
int folder_cached, folder_kept;
change changes[MOST_CHANGES];
uint32_t n_changes;
open_file open_files[MOST_OPEN];
disk_list lists[4];
static uint64_t random_state;
uint32_t calls, planned_call;
enum disk_event planned;
int is_full;
static int happened, current;
jmp_buf disk_end;

uint32_t disk_draw(uint32_t n) { /* a linear congruential generator, Knuth's constants */
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

void impossible(const char *what) {
    fprintf(stderr, "disk: %s\n", what);
    abort();
}

/* ---- names and files ------------------------------------------------------------------------ */

static void no_names(folder *in) {
    for (int i = 0; i < MOST_NAMES; i++) {
        in->at[i] = -1;
    }
}

int *place(folder *in, const char *name) {
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

void change_name(const char *name, int at) {
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

int new_file(void) {
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

int new_descriptor(int what) {
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

int what_is(int descriptor) { return open_files[descriptor - 3].what; }

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

int begin(void) {
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

void done(void) {
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

int current_process(void) { return current; }

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
