/* lanes_conv_bytes.h: convolutions of 8-bit samples; part of lanes.h.
 *
 * Such patches are short, so that no table pays: weights lie spread to bytes, negated, and are
 * multiplied with two inputs at a time for all rows of a register (kernels.h, mb_spread). The
 * smallest of a window of pooling are kept, and compared with limits.
 */
#ifndef MB_KERNELS_LANES_CONV_BYTES_H
#define MB_KERNELS_LANES_CONV_BYTES_H

#include "lanes_halves.h"

typedef v_halves v_dots_totals;

MB_INLINE v_halves v_dots_many(void) { return v_halves_most(); }
MB_INLINE v_halves v_dots_fewer(v_halves a, v_halves b) { return v_halves_min(a, b); }

MB_INLINE void v_dots_within(uint64_t *within, const v_halves *dots, const v_halves *limits) {
    within[0] = v_halves_within(*dots, *limits);
}

MB_INLINE void v_dots_count(v_halves dots[CONV_SEEN], const uint8_t *const *rows,
                            const uint8_t *const seen[CONV_SEEN], const mb_patches *patches) {
    vec even[CONV_SEEN], odd[CONV_SEEN];
    size_t at = 0;
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        even[p] = odd[p] = v_zero();
    }
    for (uint32_t run = 0; run < patches->n_runs; run++) {
        size_t x = (size_t)run * patches->run_step;
        for (size_t end = x + patches->run_bytes; x < end; x += 2u, at += 64u) {
            vec even_rows = v_rows(rows[0] + at, rows[1] + at);
            vec odd_rows = v_rows(rows[0] + 32 + at, rows[1] + 32 + at);
            for (uint32_t p = 0; p < CONV_SEEN; p++) {
                vec two = v_set16(seen[p] + x);
                even[p] = v_add_dots(even[p], two, even_rows);
                odd[p] = v_add_dots(odd[p], two, odd_rows);
            }
        }
    }
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        dots[p].even = even[p];
        dots[p].odd = odd[p];
    }
}

#define OF(name) v_dots_##name
#define OF_ROWS VEC_BYTES
#include "lanes_conv_tiles.h"

static MB_TARGET void v_convolve_bytes(uint32_t *bits, const mb_spread *weights,
                                       const mb_patches *patches) {
    uint32_t rows_there = (weights->n_out + 31u) / 32u * 32u;
    size_t panel_bytes = (size_t)64 * mb_spread_pairs(patches->n_runs, patches->run_bytes);
    for (uint32_t j = 0; j < rows_there; j += VEC_BYTES) {
        int32_t limits[VEC_BYTES];
        v_dots_channels channels;
        uint32_t next = j + 32u < rows_there ? j + 32u : j; /* in registers of 64 bytes */
        const uint8_t *at = (const uint8_t *)weights->bytes + j % 32u;
        const uint8_t *rows[2] = {at + j / 32u * panel_bytes, at + next / 32u * panel_bytes};
        for (uint32_t i = 0; i < VEC_BYTES; i++) {
            limits[i] = j + i < weights->n_out ? weights->limits[j + i] : INT16_MIN;
        }
        channels.limits = v_halves_of(limits);
        v_dots_choose(&channels, j, weights->flips, weights->n_out);
        v_dots_tile((uint8_t *)bits + j / 8u, rows_there / 8u, rows, &channels, patches);
    }
}

#endif /* MB_KERNELS_LANES_CONV_BYTES_H */
