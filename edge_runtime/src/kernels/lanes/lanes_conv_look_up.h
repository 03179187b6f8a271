/* lanes_conv_look_up.h: ones of a tile for sets that cannot count ones in one instruction; part of
 * lanes.h.
 *
 * Half a byte of an activation chooses a table with the differences to each half byte of weights,
 * so that one look-up does what xor and counting would, and what weights need for it is done once
 * for all positions. A panel holds 32 rows byte by byte: a byte of a register belongs to one row.
 */
#ifndef MB_KERNELS_LANES_CONV_LOOK_UP_H
#define MB_KERNELS_LANES_CONV_LOOK_UP_H

#include "differences.h"
#include "lanes_halves.h"

#define CONV_LAYOUT MB_BYTE_PANELS
#define CONV_ROWS (2u * VEC_BYTES)
#define CONV_POINTERS (VEC_BYTES == 64u ? 4u : 2u)
#define COUNT_BYTES 31u /* of at most 8 ones, in a byte */

/* Ones of two registers of rows. */
typedef struct v_ones_totals {
    v_halves one, other;
} v_ones_totals;

MB_INLINE void v_ones_limit(v_ones_totals *limits, const int32_t limit[CONV_ROWS]) {
    limits->one = v_halves_of(limit);
    limits->other = v_halves_of(limit + VEC_BYTES);
}

MB_INLINE v_ones_totals v_ones_many(void) {
    v_ones_totals many = {v_halves_most(), v_halves_most()};
    return many;
}

MB_INLINE v_ones_totals v_ones_fewer(v_ones_totals a, v_ones_totals b) {
    v_ones_totals fewer = {v_halves_min(a.one, b.one), v_halves_min(a.other, b.other)};
    return fewer;
}

MB_INLINE void v_ones_within(uint64_t *within, const v_ones_totals *ones,
                             const v_ones_totals *limits) {
    uint64_t one = v_halves_within(ones->one, limits->one);
    uint64_t other = v_halves_within(ones->other, limits->other);
    if (VEC_BYTES == 64u) {
        within[0] = one;
        within[CONV_ROWS / 64u - 1u] = other;
    } else {
        within[0] = one | other << VEC_BYTES % 64u;
    }
}

/* Where two registers of rows begin: a register of 64 bytes is in two panels. */
typedef struct v_two_places {
    const uint8_t *one[2], *other[2];
} v_two_places;

/* Add up to COUNT_BYTES bytes of every row and of every patch, from `at` of the rows and `x` of the
 * patches. */
MB_INLINE void v_count_bytes(v_split sums[CONV_SEEN][2], const v_two_places *rows, size_t at,
                             const uint8_t *const seen[CONV_SEEN], size_t x, uint32_t n) {
    static const uint32_t low_halves = 0x0f0f0f0fu;
    const vec nibble = v_set32(&low_halves);
    vec ones[CONV_SEEN][2];
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        ones[p][0] = ones[p][1] = v_zero();
    }
    for (size_t end = x + n; x < end; x++, at += 32u) {
        vec one = v_rows(rows->one[0] + at, rows->one[1] + at);
        vec other = v_rows(rows->other[0] + at, rows->other[1] + at);
        vec low0 = v_and(one, nibble), high0 = v_and(v_shr16(one, 4), nibble);
        vec low1 = v_and(other, nibble), high1 = v_and(v_shr16(other, 4), nibble);
        for (uint32_t p = 0; p < CONV_SEEN; p++) {
            const uint8_t (*tables)[16] = mb_differences[seen[p][x]];
            vec low = v_table(tables[0]), high = v_table(tables[1]);
            ones[p][0] = v_add8(ones[p][0], v_look_up(low, low0));
            ones[p][1] = v_add8(ones[p][1], v_look_up(low, low1));
            ones[p][0] = v_add8(ones[p][0], v_look_up(high, high0));
            ones[p][1] = v_add8(ones[p][1], v_look_up(high, high1));
            v_keep(ones[p][0]);
            v_keep(ones[p][1]);
        }
    }
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        sums[p][0] = v_split_add(sums[p][0], ones[p][0]);
        sums[p][1] = v_split_add(sums[p][1], ones[p][1]);
    }
}

MB_INLINE void v_ones_count(v_ones_totals ones[CONV_SEEN], const uint8_t *const *rows,
                            const uint8_t *const seen[CONV_SEEN], const mb_patches *patches) {
    const v_two_places places = {{rows[0], rows[CONV_POINTERS / 2u - 1u]},
                                 {rows[CONV_POINTERS / 2u], rows[CONV_POINTERS - 1u]}};
    v_split sums[CONV_SEEN][2];
    size_t at = 0;
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        sums[p][0].all = sums[p][0].odd = sums[p][1].all = sums[p][1].odd = v_zero();
    }
    for (uint32_t run = 0; run < patches->n_runs; run++) {
        for (uint32_t done = 0; done < patches->run_bytes;) {
            uint32_t left = patches->run_bytes - done, n = left < COUNT_BYTES ? left : COUNT_BYTES;
            v_count_bytes(sums, &places, at, seen, (size_t)run * patches->run_step + done, n);
            done += n;
            at += (size_t)32 * n;
        }
    }
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        v_halves one = {v_split_even(sums[p][0]), sums[p][0].odd};
        v_halves other = {v_split_even(sums[p][1]), sums[p][1].odd};
        ones[p].one = one;
        ones[p].other = other;
    }
}

#endif /* MB_KERNELS_LANES_CONV_LOOK_UP_H */
