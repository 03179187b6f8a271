/* metaplasticity.h: how hard a hidden weight resists, by its size. This is the method itself;
 * trainer/metaplasticity.py has it for floats, reference/metaplasticity.py has these functions in
 * NumPy.
 *
 * A hidden weight is kept as a level of 8 or 4 bits, and learning moves it by one level at a time,
 * at random. A move that would shrink it passes with probability f_meta, any other always.
 */
#ifndef MB_METAPLASTICITY_H
#define MB_METAPLASTICITY_H

#include "internal.h"
#include "levels.h"

#if defined(__GNUC__)
#define MB_HOT static inline __attribute__((always_inline))
#else
#define MB_HOT static inline
#endif

/* Share of shrinking moves that a hidden weight still takes: 1 - tanh(m * share)^2, where `share`
 * is its size as a share of the range that levels cover, 0 to 1, and m is at least 0. */
float mb_f_meta(float share, float m);

/* f_meta for each size of a level of `bits` bits, (2^(bits - 1)) uint16. An entry t stands for the
 * probability (t + 1) / 65536: 1 is exact, and nothing freezes for good. */
void mb_table(uint16_t *table, float m, uint32_t bits);

/* One row of hidden weights and its packed signs. */
typedef struct mb_row {
    uint8_t *levels;
    uint8_t *signs; /* of the whole matrix */
    uint32_t bits;  /* per level */
    mb_row_walk walk;
} mb_row;

/* What draws the moves of a layer in one step. */
typedef struct mb_mover {
    const uint16_t *table; /* of mb_table() */
    uint32_t counter;      /* of mb_count_on() */
    uint32_t writes, flips;
} mb_mover;

/* Move hidden weight i up (`rises` 1) or down (0) by one level, or leave it: the move happens with
 * probability f_meta where it shrinks the hidden weight, always where it does not, and never out of
 * the range. `chance` is 16 uniform bits. Inline, because learning tries a few thousand moves per
 * step.
 *
 * Seen from above or from below, so that each move is one down, levels of 0 and more shrink, and
 * the lowest level stays. Whether a weight moves cannot be foreseen, so no branch asks: a level
 * that stays is written as it was. */
MB_HOT void mb_try_move(mb_mover *mover, const mb_row *row, uint32_t i, uint32_t rises,
                        uint32_t chance) {
    uint32_t limit = 1u << (row->bits - 1u), seen_from = (0u - rises) & (2u * limit - 1u);
    /* `limit` and more: negative */
    uint32_t level = mb_level_bits(row->levels, row->bits, i) ^ seen_from;
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

/* Entries of the table below this one belong to consolidated weights: 2 % of 65,536. */
#define MB_CONSOLIDATED 1310u

/* Whether a hidden weight is consolidated: it takes less than 2 % of shrinking moves. `entry` is
 * the table's entry for its size. */
static inline bool mb_consolidated(uint16_t entry) { return entry < MB_CONSOLIDATED; }

/* How many hidden weights of a layer that learns are not consolidated. Reads all of them. */
uint32_t mb_plasticity(const mb_model *model, const mb_layer *layer);

#endif /* MB_METAPLASTICITY_H */
