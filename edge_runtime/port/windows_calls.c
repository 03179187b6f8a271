/* windows_calls.c: see windows_calls.h.
 *
 * NTFS keeps changes of names in the order in which they were made, and MOVEFILE_WRITE_THROUGH
 * returns when the new name is on the disk. With it, so is the folder that was made before. There
 * is nothing to sync in a folder, then.
 */
#include "windows_calls.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define PATH_CHARS 1024
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

struct mb_windows_list {
    int dir;
    HANDLE search;
    bool has_next;
    WIN32_FIND_DATAW next;
    struct dirent entry;
};

/* ---- errors and paths ----------------------------------------------------------------------- */

/* Put the reason of a failure into errno; returns -1. */
static int failed(void) {
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        errno = ENOENT;
        break;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        errno = EACCES;
        break;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        errno = EEXIST;
        break;
    case ERROR_LOCK_VIOLATION:
    case ERROR_IO_PENDING:
        errno = EWOULDBLOCK;
        break;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        errno = ENOSPC;
        break;
    case ERROR_TOO_MANY_OPEN_FILES:
        errno = EMFILE;
        break;
    case ERROR_INSUFFICIENT_BUFFER:
        errno = ENAMETOOLONG;
        break;
    default:
        errno = EIO;
    }
    return -1;
}

static HANDLE handle_of(int file) { return (HANDLE)_get_osfhandle(file); }

/* The path as the system wants it; false where it is too long. */
static bool widen(const char *path, wchar_t *wide, int chars) {
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, chars) > 0;
}

/* The path of a name in an open folder; "." is the folder itself, ".." what it lies in. */
static bool path_in(int dir, const char *name, wchar_t path[PATH_CHARS]) {
    DWORD n = GetFinalPathNameByHandleW(handle_of(dir), path, PATH_CHARS - 2, 0);
    if (n == 0) {
        return false;
    }
    if (n >= PATH_CHARS - 2) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return false;
    }
    if (strcmp(name, ".") == 0) {
        return true;
    }
    if (strcmp(name, "..") == 0) {
        wchar_t *last = wcsrchr(path, L'\\');
        last[last != NULL ? 1 : 0] = L'\0'; /* the separator stays: C: alone is a device */
        return true;
    }
    if (path[n - 1] != L'\\') {
        path[n++] = L'\\';
    }
    return widen(name, path + n, PATH_CHARS - (int)n);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int descriptor(HANDLE handle, int flags) {
    if (handle == INVALID_HANDLE_VALUE) {
        return failed();
    }
    int file = _open_osfhandle((intptr_t)handle, flags | _O_BINARY);
    if (file < 0) {
        CloseHandle(handle);
    }
    return file;
}

static int open_folder(const wchar_t *path) {
    DWORD attributes = GetFileAttributesW(path);
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        return failed();
    }
    if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
        errno = ENOTDIR;
        return -1;
    }
    return descriptor(CreateFileW(path, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                                  FILE_FLAG_BACKUP_SEMANTICS, NULL),
                      _O_RDONLY);
}

/* A link is opened itself, not what it points to, and then refused. */
static int open_file(const wchar_t *path, int flags) {
    DWORD access = (flags & _O_RDWR) != 0 ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ;
    DWORD how = (flags & _O_CREAT) == 0  ? OPEN_EXISTING
                : (flags & _O_EXCL) != 0 ? CREATE_NEW
                                         : OPEN_ALWAYS;
    HANDLE handle = CreateFileW(path, access, SHARE_ALL, NULL, how,
                                FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    BY_HANDLE_FILE_INFORMATION about;
    if (handle != INVALID_HANDLE_VALUE && GetFileInformationByHandle(handle, &about) &&
        (about.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        CloseHandle(handle);
        errno = ELOOP;
        return -1;
    }
    return descriptor(handle, flags & (_O_RDWR | _O_NOINHERIT));
}

int mb_windows_mkdir(const char *path) {
    wchar_t wide[PATH_CHARS];
    return widen(path, wide, PATH_CHARS) && CreateDirectoryW(wide, NULL) ? 0 : failed();
}

int mb_windows_open(const char *path) {
    wchar_t wide[PATH_CHARS];
    return widen(path, wide, PATH_CHARS) ? open_folder(wide) : failed();
}

int mb_windows_openat(int dir, const char *name, int flags, ...) {
    wchar_t path[PATH_CHARS];
    if (!path_in(dir, name, path)) {
        return failed();
    }
    return (flags & O_DIRECTORY) != 0 ? open_folder(path) : open_file(path, flags);
}

/* ---- reading, writing, syncing, locking ----------------------------------------------------- */

static OVERLAPPED at_offset(uint64_t offset) {
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

ssize_t mb_windows_pread(int file, void *data, size_t bytes, off_t offset) {
    OVERLAPPED at = at_offset((uint64_t)offset);
    DWORD n = 0, wanted = bytes > INT32_MAX ? INT32_MAX : (DWORD)bytes;
    if (!ReadFile(handle_of(file), data, wanted, &n, &at) && GetLastError() != ERROR_HANDLE_EOF) {
        return failed();
    }
    return (ssize_t)n;
}

ssize_t mb_windows_pwrite(int file, const void *data, size_t bytes, off_t offset) {
    OVERLAPPED at = at_offset((uint64_t)offset);
    DWORD n = 0, wanted = bytes > INT32_MAX ? INT32_MAX : (DWORD)bytes;
    return WriteFile(handle_of(file), data, wanted, &n, &at) ? (ssize_t)n : failed();
}

int mb_windows_sync(int file) {
    BY_HANDLE_FILE_INFORMATION about;
    if (!GetFileInformationByHandle(handle_of(file), &about)) {
        return failed();
    }
    if ((about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return 0; /* see above */
    }
    return FlushFileBuffers(handle_of(file)) ? 0 : failed();
}

/* A byte that no file reaches is locked, so that others can read who holds the lock. */
int mb_windows_lock(int file, int how) {
    OVERLAPPED at = at_offset(UINT64_C(1) << 62);
    DWORD alone = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    BOOL done = how == LOCK_UN ? UnlockFileEx(handle_of(file), 0, 1, 0, &at)
                               : LockFileEx(handle_of(file), alone, 0, 1, 0, &at);
    return done ? 0 : failed();
}

/* ---- names ---------------------------------------------------------------------------------- */

int mb_windows_rename(int dir, const char *from, const char *to) {
    wchar_t old[PATH_CHARS], new[PATH_CHARS];
    if (!path_in(dir, from, old) || !path_in(dir, to, new)) {
        return failed();
    }
    return MoveFileExW(old, new, MOVEFILE_WRITE_THROUGH) ? 0 : failed();
}

int mb_windows_unlink(int dir, const char *name) {
    wchar_t path[PATH_CHARS];
    return path_in(dir, name, path) && DeleteFileW(path) ? 0 : failed();
}

mb_windows_list *mb_windows_fdopendir(int dir) {
    wchar_t pattern[PATH_CHARS];
    mb_windows_list *list = (mb_windows_list *)calloc(1, sizeof *list);
    if (list == NULL || !path_in(dir, "*", pattern)) {
        if (list != NULL) {
            failed();
        }
        free(list);
        return NULL;
    }
    list->search = FindFirstFileW(pattern, &list->next);
    list->has_next = list->search != INVALID_HANDLE_VALUE;
    if (!list->has_next && GetLastError() != ERROR_FILE_NOT_FOUND) {
        failed();
        free(list);
        return NULL;
    }
    list->dir = dir;
    return list;
}

/* NULL at the end, with errno as it was, and on an error, with the reason there. */
struct dirent *mb_windows_readdir(mb_windows_list *list) {
    if (!list->has_next) {
        return NULL;
    }
    int n = WideCharToMultiByte(CP_UTF8, 0, list->next.cFileName, -1, list->entry.d_name,
                                sizeof list->entry.d_name, NULL, NULL);
    list->has_next = FindNextFileW(list->search, &list->next);
    if (n == 0 || (!list->has_next && GetLastError() != ERROR_NO_MORE_FILES)) {
        failed();
        return NULL;
    }
    return &list->entry;
}

void mb_windows_closedir(mb_windows_list *list) {
    if (list->search != INVALID_HANDLE_VALUE) {
        FindClose(list->search);
    }
    _close(list->dir);
    free(list);
}
