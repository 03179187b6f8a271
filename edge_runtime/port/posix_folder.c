/* posix_folder.c: the storage port for POSIX file systems; see metabit_posix.h. */
#define _POSIX_C_SOURCE 200809L

#include "metabit_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH 20u /* state-NNNNNNNNNN.mbs */
#define MAX_NUMBER 9999999999ll

static int write_all(void *context, size_t offset, const void *data, size_t bytes) {
    int file = *(const int *)context;
    const char *at = (const char *)data;
    (void)offset; /* writes come in order */
    while (bytes > 0) {
        ssize_t n = write(file, at, bytes);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            at += n;
            bytes -= (size_t)n;
        }
    }
    return 0;
}

static int read_at(void *context, size_t offset, void *data, size_t bytes) {
    int file = *(const int *)context;
    char *at = (char *)data;
    while (bytes > 0) {
        ssize_t n = pread(file, at, bytes, (off_t)offset);
        if (n == 0) { /* shorter than it says */
            errno = 0;
            return -1;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            at += n;
            offset += (size_t)n;
            bytes -= (size_t)n;
        }
    }
    return 0;
}

/* The number in `state-NNNNNNNNNN.mbs`, or 0 for any other name. */
static int64_t number_of(const char *name) {
    if (strlen(name) != NAME_LENGTH || memcmp(name, "state-", 6) != 0 ||
        memcmp(name + 16, ".mbs", 4) != 0) {
        return 0;
    }
    int64_t number = 0;
    for (int i = 6; i < 16; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = 10 * number + (name[i] - '0');
    }
    return number;
}

/* The largest number in the folder that is below `below`; 0 if there is none, -1 on an error. */
static int64_t newest_below(const char *folder, int64_t below) {
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return errno == ENOENT ? 0 : -1;
    }
    int64_t newest = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int64_t number = number_of(entry->d_name);
        newest = number > newest && number < below ? number : newest;
    }
    closedir(dir);
    return newest;
}

static int path_of(char path[PATH_MAX], const char *folder, int64_t number) {
    int n = snprintf(path, PATH_MAX, "%s/state-%010" PRId64 ".mbs", folder, number);
    if (n < 0 || n >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int sync_folder(const char *folder) {
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    if (dir < 0) {
        return -1;
    }
    int result = fsync(dir);
    int saved = errno;
    close(dir);
    errno = saved;
    return result;
}

static int write_temporary(const mb_model *model, const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        return MB_ERR_STORAGE;
    }
    int error = mb_state_save(model, write_all, &file);
    if (error == MB_OK && fsync(file) != 0) {
        error = MB_ERR_STORAGE;
    }
    int saved = errno;
    if (close(file) != 0 && error == MB_OK) {
        error = MB_ERR_STORAGE;
        saved = errno;
    }
    if (error != MB_OK) {
        unlink(path);
    }
    errno = saved;
    return error;
}

static void remove_older(const char *folder, int64_t newest, uint32_t keep) {
    char path[PATH_MAX];
    int64_t number = newest;
    for (uint32_t kept = 1; kept < keep && number > 0; kept++) {
        number = newest_below(folder, number);
    }
    while (number > 0 && (number = newest_below(folder, number)) > 0) {
        if (path_of(path, folder, number) != 0 || unlink(path) != 0) {
            return; /* an old state too many does no harm */
        }
    }
}

int mb_folder_commit(const mb_model *model, const char *folder, uint32_t keep) {
    char temporary[PATH_MAX], path[PATH_MAX];
    if (model == NULL || folder == NULL || keep < 1) {
        return MB_ERR_INPUT;
    }
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return MB_ERR_STORAGE;
    }
    int64_t number = newest_below(folder, MAX_NUMBER) + 1;
    int n = snprintf(temporary, sizeof temporary, "%s/state.tmp", folder);
    if (number < 1 || n < 0 || n >= PATH_MAX || path_of(path, folder, number) != 0) {
        return MB_ERR_STORAGE;
    }
    int error = write_temporary(model, temporary);
    if (error != MB_OK) {
        return error;
    }
    if (rename(temporary, path) != 0) {
        int saved = errno;
        unlink(temporary);
        errno = saved;
        return MB_ERR_STORAGE;
    }
    if (sync_folder(folder) != 0) {
        return MB_ERR_STORAGE;
    }
    remove_older(folder, number, keep);
    return MB_OK;
}

static int load_file(mb_model *model, const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file < 0) {
        return MB_ERR_STORAGE;
    }
    int error = fstat(file, &about) != 0 ? MB_ERR_STORAGE : MB_OK;
    if (error == MB_OK && (size_t)about.st_size != mb_state_bytes(model)) {
        /* Another size: truncated, or another model's; the header decides which, if it is whole. */
        error = mb_state_load(model, read_at, &file);
        error = error == MB_ERR_MISMATCH ? MB_ERR_MISMATCH : MB_ERR_CORRUPT;
    } else if (error == MB_OK) {
        error = mb_state_load(model, read_at, &file);
    }
    int saved = errno;
    close(file);
    errno = saved;
    return error;
}

int64_t mb_folder_restore(mb_model *model, const char *folder, uint32_t *skipped) {
    char path[PATH_MAX];
    int first_error = MB_OK;
    uint32_t damaged = 0;
    if (model == NULL || folder == NULL) {
        return MB_ERR_INPUT;
    }
    if (mb_state_bytes(model) == 0) {
        return MB_ERR_NO_STATE;
    }
    int64_t number = MAX_NUMBER + 1;
    while ((number = newest_below(folder, number)) > 0) {
        int error = path_of(path, folder, number) != 0 ? MB_ERR_STORAGE : load_file(model, path);
        if (error == MB_OK || error == MB_ERR_MISMATCH) {
            if (skipped != NULL) {
                *skipped = damaged;
            }
            return error == MB_OK ? number : error;
        }
        first_error = first_error == MB_OK ? error : first_error;
        damaged++;
    }
    if (skipped != NULL) {
        *skipped = damaged;
    }
    return number < 0 ? MB_ERR_STORAGE : first_error;
}
