/* hidden.h: read and move one hidden weight, inline because learning does so a few thousand times a step.
 */
#ifndef MB_HIDDEN_H
#define MB_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "random.h"

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

/* What draws the moves of a layer. */
typedef struct mb_mover {
    const uint16_t *table; /* f_meta by magnitude */
    uint32_t *rng;
    uint32_t writes, flips;
} mb_mover;

/* Move one candidate against its gradient, or leave it: it is kept with probability |gradient| / bound,
 * times f_meta where the move shrinks the hidden weight. `certain` is bound * 2^16; bound < 2^16. */
static inline void mb_try_move(mb_mover *mover, const mb_row *row, uint32_t i, int32_t gradient,
                               uint32_t certain) {
    int32_t level = mb_get_level(row, i);
    bool falls = gradient > 0;
    bool shrinks = falls == (level >= 0);
    uint32_t size = level >= 0 ? (uint32_t)level : (uint32_t)~level;
    uint32_t share = shrinks ? (uint32_t)mover->table[size] + 1u : 65536u;
    uint32_t keep = share * (uint32_t)(gradient < 0 ? -gradient : gradient);
    if (keep >= certain || (uint32_t)(((uint64_t)mb_random(mover->rng) * certain) >> 32) < keep) {
        mover->writes += mb_move_level(row, i, level, falls ? -1 : 1, &mover->flips);
    }
}

#endif /* MB_HIDDEN_H */
