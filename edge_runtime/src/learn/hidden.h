/* hidden.h: read and move one hidden weight, inline because learning does so a few thousand times a step.
 */
#ifndef MB_HIDDEN_H
#define MB_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "../internal.h"
#include "../levels.h"
#include "../random.h"

/* One row of hidden weights and its packed signs. */
typedef struct mb_row {
    uint8_t *levels;
    uint8_t *signs; /* of the whole matrix */
    uint32_t bits;  /* of a level */
    mb_row_walk walk;
} mb_row;

/* What draws the moves of a layer in one step. */
typedef struct mb_mover {
    const uint16_t *table; /* f_meta by magnitude */
    uint32_t counter;      /* of mb_count_on() */
    uint32_t writes, flips;
} mb_mover;

/* Begin with a number of the model's generator; count at the end. */
static inline mb_mover mb_start_moving(const mb_model *model, const mb_layer *layer) {
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    mb_mover mover = {(const uint16_t *)mb_at(model, layer->table_at), 0, 0, 0};
    mover.counter = mb_random(learnt->rng);
    return mover;
}

static inline void mb_stop_moving(mb_model *model, const mb_mover *mover) {
    model->last_writes += mover->writes;
    model->last_flips += mover->flips;
}

#if defined(__GNUC__)
#define MB_HOT static inline __attribute__((always_inline))
#else
#define MB_HOT static inline
#endif

/* Move candidate i up (`rises` 1) or down (0) by one level, or leave it: the move happens with probability
 * f_meta where it shrinks the hidden weight, always where it does not, and never out of the range. `chance`
 * is 16 uniform bits.
 *
 * Seen from above or from below, so that each move is one down, levels of 0 and more shrink, and the lowest
 * of all stays. Whether a candidate moves cannot be foreseen, so no branch asks: a level that stays is written
 * as it was. */
MB_HOT void mb_try_move(mb_mover *mover, const mb_row *row, uint32_t i, uint32_t rises,
                        uint32_t chance) {
    uint32_t limit = 1u << (row->bits - 1u), seen_from = (0u - rises) & (2u * limit - 1u);
    uint32_t level =
        mb_level_bits(row->levels, row->bits, i) ^ seen_from; /* `limit` and more: negative */
    uint32_t damped = mover->table[level & (limit - 1u)];
    uint32_t share = level < limit ? damped : 65535u;
    uint32_t moves = (uint32_t)(chance <= share) & (uint32_t)(level != limit);
    mb_set_level_bits(row->levels, row->bits, i, (level - moves) ^ seen_from);
    mover->writes += moves;
    if (level < moves) { /* from 0 down: the sign changes */
        row->signs[mb_walk_to(&row->walk, i / 8u)] ^= (uint8_t)(1u << (i % 8u));
        mover->flips++;
    }
}

#endif /* MB_HIDDEN_H */
