/* hidden.h: read and move one hidden weight, inline because learning does so a few thousand times a step.
 */
#ifndef MB_HIDDEN_H
#define MB_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* One row of hidden weights and its packed signs. */
typedef struct mb_row {
    uint8_t *levels;
    uint8_t *signs; /* of the whole matrix */
    uint32_t bits;  /* of a level */
    mb_row_walk walk;
} mb_row;

static inline int32_t mb_get_level(const mb_row *row, uint32_t i) {
    if (row->bits == 8) {
        return (int32_t)(row->levels[i] ^ 0x80u) - 128;
    }
    uint32_t nibble = (uint32_t)row->levels[i / 2] >> (4u * (i & 1u)) & 15u;
    return (int32_t)(nibble ^ 8u) - 8;
}

static inline void mb_set_level(const mb_row *row, uint32_t i, int32_t level) {
    if (row->bits == 8) {
        row->levels[i] = (uint8_t)level;
    } else {
        uint32_t shift = 4u * (i & 1u);
        uint32_t kept = row->levels[i / 2] & (0xf0u >> shift);
        row->levels[i / 2] = (uint8_t)(kept | ((uint32_t)level & 15u) << shift);
    }
}

/* Move one hidden weight by one level and keep its packed sign in step.
 * Returns whether the level changed (it may be saturated); counts a change of sign. */
static inline bool mb_move_level(const mb_row *row, uint32_t i, int32_t level, int32_t by,
                                 uint32_t *flips) {
    int32_t limit = 1 << (row->bits - 1u);
    int32_t moved = level + by;
    if (moved < -limit || moved >= limit) {
        return false;
    }
    mb_set_level(row, i, moved);
    if ((moved ^ level) < 0) {
        row->signs[mb_walk_to(&row->walk, i / 8u)] ^= (uint8_t)(1u << (i % 8u));
        ++*flips;
    }
    return true;
}

#endif /* MB_HIDDEN_H */
