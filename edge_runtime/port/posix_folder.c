/* posix_folder.c: the storage port for POSIX file systems, and for Windows by windows_calls.c; see
 * metabit_posix.h.
 *
 * Every call of the operating system is checked, and what it reports is told from damage: a file
 * that cannot be read ends a restore, a file whose bytes are wrong is skipped.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64 /* numbers of files need them, on 32-bit processors too */
#define _DARWIN_C_SOURCE 1   /* flock(); the next line is the same for glibc and musl */
#define _DEFAULT_SOURCE 1

#include "metabit_posix.h"
#include "state_names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#if defined(_WIN32)
#include "windows_calls.h"
#else
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#define LOCK_NAME "state.lock"
#define MODE 0644

/* ---- one file, as the callbacks of the core ------------------------------------------------- */

static int write_all(void *context, size_t offset, const void *data, size_t bytes) {
    int file = *(const int *)context;
    const char *at = (const char *)data;
    while (bytes > 0) {
        ssize_t n = pwrite(file, at, bytes, (off_t)offset);
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

static int read_at(void *context, size_t offset, void *data, size_t bytes) {
    int file = *(const int *)context;
    char *at = (char *)data;
    while (bytes > 0) {
        ssize_t n = pread(file, at, bytes, (off_t)offset);
        if (n == 0) { /* the file became shorter while it was read */
            errno = EIO;
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
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

/* Whether the file holds these bytes: a card that takes writes and drops them is found here. */
static int compare_with(void *context, size_t offset, const void *data, size_t bytes) {
    const char *at = (const char *)data;
    char there[256];
    while (bytes > 0) {
        size_t n = bytes < sizeof there ? bytes : sizeof there;
        if (read_at(context, offset, there, n) != 0) {
            return -1;
        }
        if (memcmp(there, at, n) != 0) {
            errno = EIO;
            return -1;
        }
        at += n;
        offset += n;
        bytes -= n;
    }
    return 0;
}

/* Close a file without losing the reason of an earlier failure. */
static void close_quietly(int file) {
    int saved = errno;
    close(file);
    errno = saved;
}

/* ---- what is in the folder ------------------------------------------------------------------ */

/* The folder as a list that starts at its beginning; NULL on an error. */
static DIR *list(int dir) {
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) {
        return NULL;
    }
    DIR *names = fdopendir(again);
    if (names == NULL) {
        close_quietly(again);
    }
    return names;
}

/* The largest number in the folder that is below `below`; 0 if there is none, -1 on an error. */
static int64_t newest_below(int dir, int64_t below) {
    DIR *names = list(dir);
    if (names == NULL) {
        return -1;
    }
    int64_t newest = 0;
    struct dirent *entry;
    for (errno = 0; (entry = readdir(names)) != NULL; errno = 0) {
        int64_t number = number_of(entry->d_name);
        newest = number > newest && number < below ? number : newest;
    }
    int failed = errno;
    closedir(names);
    errno = failed;
    return failed != 0 ? -1 : newest;
}

/* Remove what interrupted commits left. The lock is held, so nobody is writing these files. */
static int remove_temporary(int dir) {
    DIR *names = list(dir);
    if (names == NULL) {
        return -1;
    }
    struct dirent *entry;
    for (errno = 0; (entry = readdir(names)) != NULL; errno = 0) {
        if (is_temporary(entry->d_name)) {
            (void)unlinkat(dir, entry->d_name, 0); /* one file too many does no harm */
        }
    }
    int failed = errno;
    closedir(names);
    errno = failed;
    return failed != 0 ? -1 : 0;
}

/* ---- opening and closing -------------------------------------------------------------------- */

/* Make the folder, and sync its parent, so that it is still there after a power cut. A folder that
 * was there is synced too: whoever made it may have been killed in between. */
static int make_folder(const char *path) {
    int was_there = mkdir(path, 0755) != 0;
    if (was_there && errno != EEXIST) {
        return -1;
    }
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = dir < 0 ? -1 : openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = parent < 0 ? -1 : fsync(parent);
    if (was_there && dir >= 0 && parent < 0 && errno == EACCES) {
        result = 0; /* somebody else's folder, in which this one was made for us */
    }
    if (parent >= 0) {
        close_quietly(parent);
    }
    if (dir >= 0) {
        close_quietly(dir);
    }
    return result;
}

/* Take the lock, and write into it whose it is. */
static int take_lock(mb_folder *folder) {
    char text[24];
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    folder->lock = openat(folder->dir, LOCK_NAME, flags, MODE);
    if (folder->lock < 0) {
        return MB_ERR_STORAGE;
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? MB_ERR_BUSY : MB_ERR_STORAGE;
    }
    folder->owner = (int64_t)getpid();
    int n = snprintf(text, sizeof text, "%" PRId64 "\n", folder->owner);
    if (ftruncate(folder->lock, 0) != 0 || write_all(&folder->lock, 0, text, (size_t)n) != 0) {
        return MB_ERR_STORAGE;
    }
    return remove_temporary(folder->dir) == 0 ? MB_OK : MB_ERR_STORAGE;
}

int mb_folder_open(mb_folder *folder, const char *path) {
    if (folder == NULL || path == NULL) {
        return MB_ERR_INPUT;
    }
    *folder = (mb_folder){.dir = -1, .lock = -1};
    if (make_folder(path) != 0) {
        return MB_ERR_STORAGE;
    }
    folder->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = folder->dir < 0 ? MB_ERR_STORAGE : take_lock(folder);
    if (error != MB_OK) {
        int saved = errno;
        mb_folder_close(folder);
        errno = saved;
    }
    return error;
}

void mb_folder_close(mb_folder *folder) {
    if (folder == NULL) {
        return;
    }
    if (folder->lock >= 0) {
        if (folder->owner == (int64_t)getpid()) { /* forked processes have the descriptor too */
            (void)flock(folder->lock, LOCK_UN);
        }
        close(folder->lock);
    }
    if (folder->dir >= 0) {
        close(folder->dir);
    }
    *folder = (mb_folder){.dir = -1, .lock = -1};
}

/* ---- committing ----------------------------------------------------------------------------- */

/* A new file that nobody else can have made, nor a link that points elsewhere. */
static int write_temporary(int dir, const char *name, const mb_model *model) {
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int file = openat(dir, name, flags, MODE);
    if (file < 0) {
        return MB_ERR_STORAGE;
    }
    int error = mb_state_save(model, write_all, &file);
    if (error == MB_OK && fsync(file) != 0) {
        error = MB_ERR_STORAGE;
    }
    if (error == MB_OK) {
        error = mb_state_save(model, compare_with, &file);
    }
    int saved = errno;
    if (close(file) != 0 && error == MB_OK) {
        error = MB_ERR_STORAGE;
        saved = errno;
    }
    if (error != MB_OK) {
        unlinkat(dir, name, 0);
    }
    errno = saved;
    return error;
}

static void remove_older(int dir, int64_t newest, uint32_t keep) {
    char name[NAME_BYTES];
    int64_t number = newest;
    for (uint32_t kept = 1; kept < keep && number > 0; kept++) {
        number = newest_below(dir, number);
    }
    while (number > 0 && (number = newest_below(dir, number)) > 0) {
        name_of(name, number);
        if (unlinkat(dir, name, 0) != 0) {
            return; /* an old state too many does no harm */
        }
    }
}

int mb_folder_commit(mb_folder *folder, const mb_model *model, uint32_t keep) {
    char temporary[NAME_BYTES], name[NAME_BYTES];
    if (folder == NULL || model == NULL || keep < 1) {
        return MB_ERR_INPUT;
    }
    if (folder->lock < 0 || folder->owner != (int64_t)getpid()) {
        return MB_ERR_BUSY;
    }
    int64_t newest = newest_below(folder->dir, MAX_NUMBER + 1);
    if (newest < 0 || newest == MAX_NUMBER) {
        errno = newest < 0 ? errno : EOVERFLOW;
        return MB_ERR_STORAGE;
    }
    (void)snprintf(temporary, sizeof temporary, "state-%" PRId64 "-%" PRIu32 ".tmp", folder->owner,
                   folder->next_id++);
    name_of(name, newest + 1);
    int error = write_temporary(folder->dir, temporary, model);
    if (error != MB_OK) {
        return error;
    }
    if (renameat(folder->dir, temporary, folder->dir, name) != 0) {
        int saved = errno;
        unlinkat(folder->dir, temporary, 0);
        errno = saved;
        return MB_ERR_STORAGE;
    }
    if (fsync(folder->dir) != 0) {
        return MB_ERR_STORAGE;
    }
    remove_older(folder->dir, newest + 1, keep);
    return MB_OK;
}

/* ---- restoring ------------------------------------------------------------------------------ */

/* Whether the image in a file is as long as the file. */
static int check_length(int file, off_t bytes) {
    char first[MB_STATE_FIRST_BYTES];
    if (bytes < (off_t)sizeof first) {
        return MB_ERR_CORRUPT;
    }
    if (read_at(&file, 0, first, sizeof first) != 0) {
        return MB_ERR_STORAGE;
    }
    size_t image_bytes = mb_state_image_bytes(first);
    return image_bytes == (size_t)bytes ? MB_OK : image_bytes == 0 ? MB_ERR_FORMAT : MB_ERR_CORRUPT;
}

static int load_file(int dir, const char *name, mb_model *model) {
    struct stat about;
    int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno == ELOOP ? MB_ERR_FORMAT : MB_ERR_STORAGE; /* a link is not a state of ours */
    }
    int error = fstat(file, &about) != 0 ? MB_ERR_STORAGE : MB_OK;
    if (error == MB_OK && !S_ISREG(about.st_mode)) {
        error = MB_ERR_FORMAT;
    }
    if (error == MB_OK) {
        error = check_length(file, about.st_size);
    }
    if (error == MB_OK) {
        error = mb_state_load(model, read_at, &file);
    }
    close_quietly(file);
    return error;
}

/* The newest state of an open folder that is not damaged; see mb_folder_restore(). */
static int64_t load_newest(int dir, mb_model *model, uint32_t *skipped) {
    char name[NAME_BYTES];
    int first_error = MB_OK;
    int64_t number = MAX_NUMBER + 1;
    while ((number = newest_below(dir, number)) > 0) {
        name_of(name, number);
        int error = load_file(dir, name, model);
        if (error != MB_ERR_CORRUPT && error != MB_ERR_FORMAT) {
            return error == MB_OK ? number : error;
        }
        first_error = first_error == MB_OK ? error : first_error;
        *skipped += 1;
    }
    return number < 0 ? MB_ERR_STORAGE : first_error;
}

int64_t mb_folder_restore(mb_model *model, const char *path, uint32_t *skipped) {
    uint32_t damaged = 0;
    if (model == NULL || path == NULL) {
        return MB_ERR_INPUT;
    }
    if (mb_state_bytes(model) == 0) {
        return MB_ERR_NO_STATE;
    }
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && errno != ENOENT) {
        return MB_ERR_STORAGE;
    }
    int64_t number = dir < 0 ? 0 : load_newest(dir, model, &damaged);
    if (dir >= 0) {
        close_quietly(dir);
    }
    if (skipped != NULL) {
        *skipped = damaged;
    }
    return number;
}
