/* metabit_posix.h: keep learnt state in a folder of a POSIX file system (Linux, Raspberry Pi).
 *
 * A commit writes a temporary file, syncs it, renames it to `state-NNNNNNNNNN.mbs` with the next
 * number, and syncs the folder: whenever the power goes, the folder holds the state before the commit
 * or the state after it. The last `keep` states are kept, so that a file that a bad card damaged later
 * does not lose everything. One process at a time may use a folder.
 */
#ifndef METABIT_POSIX_H
#define METABIT_POSIX_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Save the learnt state into `folder`, which is made if it is missing (its parent must exist).
 * keep >= 1. MB_ERR_STORAGE leaves errno set and the states that were there untouched. */
MB_API int mb_folder_commit(const mb_model *model, const char *folder, uint32_t keep);

/* Load the newest valid state. Returns the number of the state (> 0), 0 if the folder holds none or
 * does not exist, or a negative error: MB_ERR_MISMATCH if the newest belongs to another model or
 * options; the error of the newest one if none of them is valid. Damaged states are skipped; `skipped`
 * (may be NULL) counts them. */
MB_API int64_t mb_folder_restore(mb_model *model, const char *folder, uint32_t *skipped);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_POSIX_H */
