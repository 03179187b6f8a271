/* kept.h: what a device keeps over a reset: the state image, and how far its session has come. */
#ifndef MB_KEPT_H
#define MB_KEPT_H

#include <stdbool.h>

#include "metabit_link.h"

/* Samples of a session that are learnt. */
typedef struct mb_progress {
    uint64_t session;
    uint32_t n_learnt;
} mb_progress;

/* Whether the port has storage. */
bool mb_has_storage(const mb_link_port *port);

/* Keep what a model has learnt, and how far its session has come, by the port's storage.
 * Errors: as mb_state_save(). */
int mb_kept_save(const mb_link_port *port, const mb_model *model, const mb_progress *progress);

/* Load what was kept. Returns 1; 0 if nothing was kept, or there is no storage; or an error, as
 * mb_state_load(), and then the model must be opened again. */
int mb_kept_load(const mb_link_port *port, mb_model *model, mb_progress *progress);

#endif /* MB_KEPT_H */
