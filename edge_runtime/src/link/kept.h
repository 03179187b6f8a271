/* kept.h: what a device keeps over a reset: the state image, and how far its session has come. */
#ifndef MB_KEPT_H
#define MB_KEPT_H

#include <stdbool.h>

#include "metabit_link.h"

/* Whether the port has storage. */
bool mb_kept_has_storage(const mb_link *link);

/* Keep what was learnt, with the session and its number of samples.
 * Errors: as mb_state_save(). */
int mb_kept_save(mb_link *link);

/* Load what was kept. Returns 1; 0 if nothing was kept, or there is no storage; or an error, as
 * mb_state_load(), and then the model must be opened again. */
int mb_kept_load(mb_link *link);

#endif /* MB_KEPT_H */
