/* arena.h: where everything of a model lies in the caller's memory. */
#ifndef MB_ARENA_H
#define MB_ARENA_H

#include "../rule/contexts.h"

/* Where the parts of a head lie, of either kind. */
typedef union mb_head_plan {
    mb_head counting;
    mb_tracker tracking;
} mb_head_plan;

/* What an arena may hold besides layers. */
typedef struct mb_parts {
    mb_head_plan head;
    mb_front front;
    mb_contexts contexts;
} mb_parts;

/* Lay the arena out for these options. `model`, `layers` (MB_MAX_LAYERS) of the first
 * context, and `parts`, as far as they are asked for, receive every offset, `plan` the sizes. */
int mb_lay_out(const mb_blob_view *view, const mb_options *options, mb_model *model,
               mb_layer *layers, mb_parts *parts, mb_plan *plan);

/* Only the sizes. */
int mb_measure(const mb_blob_view *view, const mb_options *options, mb_plan *plan);

#endif /* MB_ARENA_H */
