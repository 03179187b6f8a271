/* take.h: pieces of the arena, handed out one after the other. */
#ifndef MB_TAKE_H
#define MB_TAKE_H

#include "../layer.h"
#include "fused_layout.h"

typedef struct mb_cursor {
    uint64_t end; /* of what has been handed out */
} mb_cursor;

/* Take a piece, which belongs to a part of the plan. Returns where it starts. */
static inline uint32_t mb_take(mb_cursor *c, uint64_t bytes, uint32_t alignment, uint32_t *part) {
    uint64_t start = (c->end + alignment - 1u) & ~(uint64_t)(alignment - 1u);
    uint64_t end = start + bytes;
    uint64_t grown = (uint64_t)*part + (end - c->end);
    *part = grown > UINT32_MAX ? UINT32_MAX : (uint32_t)grown;
    c->end = end;
    return start > UINT32_MAX ? UINT32_MAX : (uint32_t)start;
}

/* Sums that kernels write for one position: one for each row of whole panels. Convolutions that do
 * not learn may lie in panels of either kind, and take the same room in both, so that a plan does
 * not depend on the kernel set. */
static inline uint32_t mb_panel_slots(const mb_layer *layer) {
    bool either = mb_convolves(layer) && !layer->learns && layer->layout != MB_ROWS;
    return mb_panel_rows(either ? MB_BYTE_PANELS : layer->layout, layer->n_out);
}

/* Take room for a layer's packed signs: in panels, or in rows as in the blob. */
static inline uint32_t mb_take_signs(const mb_layer *layer, mb_cursor *c, uint32_t *part) {
    uint64_t bytes = (uint64_t)4 * layer->words * mb_panel_slots(layer);
    uint32_t alignment = layer->layout == MB_ROWS ? 4u : MB_PANEL_ALIGNMENT;
    return mb_take(c, layer->layout == MB_SPREAD ? mb_spread_bytes(layer) : bytes, alignment, part);
}

#endif /* MB_TAKE_H */
