/* hidden.h: read and move one hidden weight, inline because learning does so a few thousand times a step.
 */
#ifndef MB_HIDDEN_H
#define MB_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "internal.h"
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

/* What draws the moves of a layer. A copy of the generator, not a pointer to it: levels are bytes, so a
 * compiler would have to read it back after each of them. */
typedef struct mb_mover {
    const uint16_t *table; /* f_meta by magnitude */
    uint32_t rng[4];
    uint32_t writes, flips;
} mb_mover;

/* Begin with the model's generator; put it back, and count. */
static inline mb_mover mb_start_moving(const mb_model *model, const mb_layer *layer) {
    const mb_learnt *learnt = (const mb_learnt *)mb_at(model, model->learnt_at);
    mb_mover mover = {(const uint16_t *)mb_at(model, layer->table_at), {0}, 0, 0};
    mb_copy(mover.rng, learnt->rng, sizeof mover.rng);
    return mover;
}

static inline void mb_stop_moving(mb_model *model, const mb_mover *mover) {
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    mb_copy(learnt->rng, mover->rng, sizeof mover->rng);
    model->last_writes += mover->writes;
    model->last_flips += mover->flips;
}

#if defined(__GNUC__)
#define MB_HOT static inline __attribute__((always_inline))
#else
#define MB_HOT static inline
#endif

/* Move one candidate against its gradient, or leave it: it is kept with probability |gradient| / bound,
 * times f_meta where the move shrinks the hidden weight. `certain` is bound * 2^16; bound < 2^16.
 *
 * Whether it is kept cannot be foreseen, so no branch asks: a level that stays is written as it was. Whether a
 * number is drawn is a branch, though half of them are mispredicted in layers of bits: the generator must not
 * wait for the level, or every candidate waits for the one before. */
MB_HOT void mb_try_move(mb_mover *mover, const mb_row *row, uint32_t i, int32_t gradient,
                        uint32_t certain) {
    int32_t level = mb_get_level(row, i), limit = 1 << (row->bits - 1u);
    int32_t sign = level >> 31, by = gradient > 0 ? -1 : 1;
    bool shrinks = (sign ^ by) < 0;
    uint32_t size = (uint32_t)(level ^ sign);
    uint32_t share = shrinks ? (uint32_t)mover->table[size] + 1u : 65536u;
    uint32_t keep = share * (uint32_t)(gradient < 0 ? -gradient : gradient);
    uint32_t kept = 1;
    if (keep < certain) {
        kept = (uint32_t)(((uint64_t)mb_random(mover->rng) * certain) >> 32) < keep;
    }
    int32_t moved = level + by;
    kept &= (uint32_t)(moved >= -limit) & (uint32_t)(moved < limit);
    moved = level + (by & -(int32_t)kept);
    mb_set_level(row, i, moved);
    mover->writes += kept;
    if ((moved ^ level) < 0) {
        row->signs[mb_walk_to(&row->walk, i / 8u)] ^= (uint8_t)(1u << (i % 8u));
        mover->flips++;
    }
}

#endif /* MB_HIDDEN_H */
