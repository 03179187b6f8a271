/* lanes_conv.h: convolutions from bits to bits; part of lanes.h.
 *
 * Weights are loaded once for CONV_SEEN positions. Neither sums nor patches go through memory: ones
 * are counted where weight and activation differ, the fewest of a window of pooling are kept, and
 * compared with a limit, which is the threshold in other words: sum >= t where n_in - 2 ones >= t.
 * How a tile is counted is up to the set: lanes_conv_count.h or lanes_conv_look_up.h.
 */
#ifndef MB_KERNELS_LANES_CONV_H
#define MB_KERNELS_LANES_CONV_H

#define CONV_SEEN 4u

#ifdef CONV_LOOKS_UP
#include "lanes_conv_look_up.h"
#else
#include "lanes_conv_count.h"
#endif

#define OF(name) v_ones_##name
#define OF_ROWS CONV_ROWS
#include "lanes_conv_tiles.h"

/* The most ones with which a channel's sum reaches its threshold, and -1 for none and for no
 * channel. */
static int32_t most_ones(const mb_matrix *weights, const int32_t *thresholds, uint32_t row) {
    if (row >= weights->n_out || thresholds[row] > (int32_t)weights->n_in) {
        return -1;
    }
    int64_t ones = ((int64_t)weights->n_in - thresholds[row]) / 2;
    return ones < (int64_t)weights->n_in ? (int32_t)ones : (int32_t)weights->n_in;
}

static MB_TARGET void v_convolve_bits(uint32_t *bits, const mb_matrix *weights,
                                      const int32_t *thresholds, const mb_patches *patches) {
    if (weights->layout != CONV_LAYOUT) {
        mb_convolve_bits_scalar(bits, weights, thresholds, patches);
        return;
    }
    const uint32_t *flips = mb_flips(thresholds, weights->n_out);
    uint32_t bytes = (weights->n_out + 31u) / 32u * 4u;
    uint32_t panel_rows = mb_panel_rows(CONV_LAYOUT, weights->n_out);
    for (uint32_t j = 0; j < 8u * bytes; j += CONV_ROWS) {
        int32_t limits[CONV_ROWS];
        v_ones_channels channels;
        const uint8_t *rows[CONV_POINTERS];
        for (uint32_t i = 0; i < CONV_ROWS; i++) {
            limits[i] = most_ones(weights, thresholds, j + i);
        }
        v_ones_limit(&channels.limits, limits);
        v_ones_choose(&channels, j, flips, weights->n_out);
        for (uint32_t i = 0; i < CONV_POINTERS; i++) { /* rows that are missing: any others */
            uint32_t row = j + i * (CONV_ROWS / CONV_POINTERS);
            row = row < panel_rows ? row : 0;
            rows[i] = weights->bytes + mb_walk_row(CONV_LAYOUT, weights->words, row).start;
        }
        v_ones_tile((uint8_t *)bits + j / 8u, bytes, rows, &channels, patches);
    }
}

#endif /* MB_KERNELS_LANES_CONV_H */
