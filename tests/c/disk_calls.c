/* disk_calls.c: the calls of the operating system on a disk in memory; see disk.h. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1

#include "disk_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

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
    if (begin() != 0) {
        return -1;
    }
    file *f = &files[what_is(descriptor)];
    if (operation == LOCK_UN) {
        f->lock = f->lock == descriptor ? -1 : f->lock;
        done();
        return 0;
    }
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

pid_t disk_getpid(void) { return current_process(); }
