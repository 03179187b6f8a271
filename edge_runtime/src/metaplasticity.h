/* metaplasticity.h: how hard a hidden weight resists, by its size. This is the method itself;
 * trainer/metaplasticity.py has it for floats, reference/metaplasticity.py has these functions in
 * NumPy.
 *
 * A hidden weight is kept as a level of 8 or 4 bits, and learning moves it by one level at a time,
 * at random. A move that would shrink it passes with probability f_meta. A move that lets it grow
 * passes always at first, and more seldom when the layer's hidden weights have become large.
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

/* The probability of a move by level, (2^bits) uint16 in 1/65536, for levels as mb_try_move() sees
 * them. This fills the half of the moves that shrink a hidden weight, by size: f_meta, but at least
 * 1, so that nothing freezes for good. mb_grow() fills the half after it. */
void mb_table(uint16_t *table, float m, uint32_t bits);

#define MB_GROWTH_ONE 64u /* k = 1 */

/* Sizes that hidden weights of so many bits have. A build may define fewer, to find out how few are
 * enough (benchmarks/learning/state_bits.py). */
#ifndef MB_SIZES
#define MB_SIZES(bits) (1u << ((bits) - 1u))
#endif

/* The other half, of moves that let a hidden weight grow, with k in 64ths: 1 - k + k (1 - 1/16)
 * f_meta, and 0 at the end of the range. rule/growth.h says why. */
void mb_grow(uint16_t *table, uint32_t k, uint32_t bits);

/* One row of hidden weights and its packed signs. */
typedef struct mb_row {
    uint8_t *levels;
    uint8_t *signs; /* of the whole matrix */
    uint32_t bits;  /* per level */
    mb_row_walk walk;
} mb_row;

/* What draws the moves of a layer in one step. */
typedef struct mb_mover {
    const uint16_t *table; /* of mb_table() and mb_grow() */
    uint32_t counter;      /* of mb_count_on() */
    uint32_t writes, grown, flips;
} mb_mover;

/* Move hidden weight i up (`rises` 1) or down (0) by one level, or leave it, as the table says;
 * `chance` is 16 uniform bits. Returns whether its sign changed. Inline, because learning tries a
 * few thousand moves per step.
 *
 * Seen from above or from below, so that each move is one down, levels of 0 and more shrink, those
 * below 0 grow, and the lowest level stays. Whether a weight moves cannot be foreseen, so no branch
 * asks: a level that stays is written as it was. */
MB_HOT bool mb_try_move(mb_mover *mover, const mb_row *row, uint32_t i, uint32_t rises,
                        uint32_t chance) {
    uint32_t seen_from = (0u - rises) & ((1u << row->bits) - 1u);
    /* The highest bit: negative. */
    uint32_t level = mb_level_bits(row->levels, row->bits, i) ^ seen_from;
    uint32_t moves = (chance - mover->table[level]) >> 31; /* 1 if it is less: both have 16 bits */
    mb_set_level_bits(row->levels, row->bits, i, (level - moves) ^ seen_from);
    mover->writes += moves;
    mover->grown += moves & (level >> (row->bits - 1u));
    if (level >= moves) {
        return false;
    }
    row->signs[mb_walk_to(&row->walk, i / 8u)] ^= (uint8_t)(1u << (i % 8u)); /* from 0 down */
    mover->flips++;
    return true;
}

/* Entries of the table below this one belong to consolidated weights: 2 % of 65,536. */
#define MB_CONSOLIDATED 1311u

/* Whether a hidden weight is consolidated: it takes less than 2 % of shrinking moves. `entry` is
 * the table's entry for its size. */
static inline bool mb_consolidated(uint16_t entry) { return entry < MB_CONSOLIDATED; }

/* What the hidden weights of a layer have become. */
typedef struct mb_gauge {
    uint64_t open; /* f_meta of all of them, in 1/65536 */
    uint32_t n_consolidated;
    uint32_t n_at_end; /* how many stand at the end of the range */
} mb_gauge;

/* Plasticity, the mean of f_meta, is `open` per weight. Reads all hidden weights of a layer that
 * learns. */
mb_gauge mb_plasticity(const mb_model *model, const mb_layer *layer);

#endif /* MB_METAPLASTICITY_H */
