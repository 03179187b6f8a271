/* metabit_posix.h: keep learnt state in a folder of a POSIX file system (Linux, Raspberry Pi).
 *
 *     mb_folder folder;
 *     mb_folder_open(&folder, "state");          // from here on nobody else may keep states there
 *     mb_folder_restore(model, "state", NULL);   // what was kept last, if anything was
 *     ...
 *     mb_folder_commit(&folder, model, 3);       // the last three states stay
 *     mb_folder_close(&folder);
 *
 * A commit writes a new file, reads it back, syncs it, renames it to `state-NNNNNNNNNN.mbs` with
 * the next number, and syncs the folder. Whenever the power goes, the folder holds the state before
 * the commit or the state after it. Several states are kept, so that a file that a bad card damaged
 * later does not lose everything.
 *
 * Whoever writes holds a lock (flock on the file `state.lock`) from opening to closing, so that no
 * second process can overwrite what the first one kept. A process that is killed leaves no lock.
 * Who only reads calls mb_folder_restore() alone, and gets the newest state that is whole.
 *
 * A call that fails with MB_ERR_STORAGE leaves the reason in errno.
 */
#ifndef METABIT_POSIX_H
#define METABIT_POSIX_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A folder that this process may keep states in. Its fields belong to the calls below. */
typedef struct mb_folder {
    int dir;          /* of the folder, or -1 */
    int lock;         /* of its lock, or -1 */
    int64_t owner;    /* the process that holds the lock */
    uint32_t next_id; /* makes names of temporary files differ */
} mb_folder;

/* Open a folder to keep states in: it is made if it is missing (its parent must exist), it is
 * locked, and files that interrupted commits left are removed.
 *   folder  out
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_BUSY (somebody else writes there; the file `state.lock` holds
 * the number of that process), MB_ERR_STORAGE. Where it fails there is nothing to close. */
MB_API int mb_folder_open(mb_folder *folder, const char *path);

/* Save the learnt state.
 *   keep  how many states stay in the folder, this one counted: 1 or more
 * Errors: MB_ERR_INPUT (NULL, or keep 0), MB_ERR_NO_STATE (nothing learns), MB_ERR_BUSY (closed, or
 * opened by the process that this one was forked from), MB_ERR_STORAGE (the states that were there
 * are untouched; errno is EOVERFLOW where the folder holds the largest number there is). */
MB_API int mb_folder_commit(mb_folder *folder, const mb_model *model, uint32_t keep);

/* Load the newest state that is not damaged. Returns its number, which is above 0; 0 if the folder
 * holds no state or does not exist; or a negative error, and then the model is as it was.
 *   skipped  out, may be NULL: how many newer states were damaged
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (nothing learns), MB_ERR_MISMATCH (the newest
 * undamaged state belongs to another model or other options), MB_ERR_STORAGE (the folder or a file
 * cannot be read), and the error of the newest state if all of them are damaged. */
MB_API int64_t mb_folder_restore(mb_model *model, const char *path, uint32_t *skipped);

/* Close the folder and let the lock go, whoever was forked meanwhile. A forked process that closes
 * its copy leaves the lock to its parent. A parent that is killed leaves a lock only as long as a
 * forked process has not closed its copy. NULL, and a folder that was closed before, do no harm. */
MB_API void mb_folder_close(mb_folder *folder);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_POSIX_H */
