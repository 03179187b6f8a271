/* metabit_posix.h: keep learnt state in a folder of a POSIX file system (Linux, Raspberry Pi).
 *
 * A commit writes a temporary file, syncs it, renames it to `state-NNNNNNNNNN.mbs` with the next
 * number, and syncs the folder: whenever the power goes, the folder holds the state before the
 * commit or the state after it. The last `keep` states are kept, so that a file that a bad card
 * damaged later does not lose everything.
 *
 * One process at a time may use a folder, and one thread at a time a model. Both calls may fail
 * with MB_ERR_STORAGE; errno then says why.
 */
#ifndef METABIT_POSIX_H
#define METABIT_POSIX_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Save the learnt state into a folder, which is made if it is missing (its parent must exist).
 *   keep  how many states stay in the folder, this one counted: 1 or more
 * Errors: MB_ERR_INPUT (NULL, or keep 0), MB_ERR_NO_STATE (nothing learns), MB_ERR_STORAGE (the
 * states that were there are untouched). */
MB_API int mb_folder_commit(const mb_model *model, const char *folder, uint32_t keep);

/* Load the newest state that is not damaged. Returns its number, which is above 0; 0 if the folder
 * holds no state or does not exist; or a negative error.
 *   skipped  out, may be NULL: how many newer states were damaged
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (nothing learns), MB_ERR_MISMATCH (the newest
 * undamaged state belongs to another model or other options), MB_ERR_STORAGE (the folder cannot be
 * read), and the error of the newest state if all of them are damaged. */
MB_API int64_t mb_folder_restore(mb_model *model, const char *folder, uint32_t *skipped);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_POSIX_H */
