/* windows_calls.h: the calls of POSIX that posix_folder.c makes, for Windows.
 *
 * One storage port serves both, so that what its tests show about the order of writes, syncs and
 * renames holds here too. Paths are UTF-8. A descriptor is one of the C runtime.
 */
#ifndef MB_WINDOWS_CALLS_H
#define MB_WINDOWS_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <sys/stat.h>
#include <sys/types.h>

#define O_CLOEXEC _O_NOINHERIT
#define O_DIRECTORY 0x01000000
#define O_NOFOLLOW 0 /* links are never followed inside a folder */
#define O_NONBLOCK 0
#define LOCK_EX 0
#define LOCK_NB 0 /* the only kind of lock that is taken */
#define LOCK_UN 1

struct dirent {
    char d_name[1024];
};

typedef struct mb_windows_list mb_windows_list;

int mb_windows_mkdir(const char *path);
int mb_windows_open(const char *path);
int mb_windows_openat(int dir, const char *name, int flags, ...);
ssize_t mb_windows_pread(int file, void *data, size_t bytes, off_t offset);
ssize_t mb_windows_pwrite(int file, const void *data, size_t bytes, off_t offset);
int mb_windows_sync(int file);
int mb_windows_lock(int file, int how);
int mb_windows_rename(int dir, const char *from, const char *to);
int mb_windows_unlink(int dir, const char *name);
mb_windows_list *mb_windows_fdopendir(int dir);
struct dirent *mb_windows_readdir(mb_windows_list *list);
void mb_windows_closedir(mb_windows_list *list);

#define DIR mb_windows_list
#define mkdir(path, mode) mb_windows_mkdir(path)
#define open(path, flags) mb_windows_open(path)
#define openat mb_windows_openat
#define close _close
#define pread mb_windows_pread
#define pwrite mb_windows_pwrite
#define fsync mb_windows_sync
#define ftruncate(file, bytes) _chsize_s(file, bytes)
#define flock mb_windows_lock
#define getpid _getpid
#define renameat(from_dir, from, to_dir, to) mb_windows_rename(to_dir, from, to)
#define unlinkat(dir, name, flags) mb_windows_unlink(dir, name)
#define fdopendir mb_windows_fdopendir
#define readdir mb_windows_readdir
#define closedir mb_windows_closedir

#endif /* MB_WINDOWS_CALLS_H */
