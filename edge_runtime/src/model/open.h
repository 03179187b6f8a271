/* open.h: what an open model starts with. */
#ifndef MB_OPEN_H
#define MB_OPEN_H

#include "../internal.h"

/* mb_open() for a blob that has been checked already. */
int mb_open_view(mb_model **model, void *arena, size_t arena_bytes, const mb_blob_view *view,
                 const mb_options *options);

/* Compute anew what is derived from the learnt block: packed signs, sizes of hidden
 * weights and 1/std. */
void mb_refresh(mb_model *model);

#endif /* MB_OPEN_H */
