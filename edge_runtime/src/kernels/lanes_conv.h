/* lanes_conv.h: convolutions from bits to bits; part of lanes.h.
 *
 * Weights are loaded once for CONV_SEEN positions. Neither sums nor patches go through memory: ones are
 * counted where weight and activation differ, the fewest of a window of pooling are kept, and compared with a
 * limit, which is the threshold in other words: sum >= t where n_in - 2 ones >= t. How a tile is counted
 * is up to the set: lanes_conv_count.h or lanes_conv_look_up.h.
 */
#ifndef MB_KERNELS_LANES_CONV_H
#define MB_KERNELS_LANES_CONV_H

#define CONV_SEEN 4u

#ifdef CONV_LOOKS_UP
#include "lanes_conv_look_up.h"
#else
#include "lanes_conv_count.h"
#endif

#define CONV_ROWS (CONV_REGISTERS * CONV_REGISTER_ROWS)

/* The most ones with which a channel's sum reaches its threshold, and -1 for none and for no channel. */
static int32_t most_ones(const mb_matrix *weights, const int32_t *thresholds, uint32_t row) {
    if (row >= weights->n_out || thresholds[row] > (int32_t)weights->n_in) {
        return -1;
    }
    int64_t ones = ((int64_t)weights->n_in - thresholds[row]) / 2;
    return ones < (int64_t)weights->n_in ? (int32_t)ones : (int32_t)weights->n_in;
}

#define CONV_MASKS ((CONV_ROWS + 63u) / 64u) /* of 64 rows */

/* Channels of a tile: when their bits are set, and how many bytes of the bits of an output they are. */
typedef struct v_channels {
    v_limit limits[CONV_REGISTERS];
    uint64_t flips[CONV_MASKS];
    uint32_t bytes;
} v_channels;

/* The bits of a tile, from the fewest ones of each row. */
MB_INLINE void v_put_tile(uint8_t *bits, const v_ones *ones, const v_channels *channels) {
    uint64_t within[CONV_MASKS];
    for (uint32_t i = 0; i < CONV_MASKS; i++) {
        within[i] = channels->flips[i];
    }
    for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
        uint32_t row = c * CONV_REGISTER_ROWS;
        within[row / 64u] ^= v_within(ones[c], channels->limits[c]) << row % 64u;
    }
    if (channels->bytes == CONV_ROWS / 8u) {
        __builtin_memcpy(bits, within, CONV_ROWS / 8u);
    } else {
        __builtin_memcpy(bits, within, channels->bytes);
    }
}

/* Keep the fewest ones of four positions and of those before. */
MB_INLINE void v_keep_fewest(v_ones *fewest, v_ones ones[CONV_SEEN][CONV_REGISTERS]) {
    for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
        v_ones two = v_fewer(ones[0][c], ones[1][c]), other = v_fewer(ones[2][c], ones[3][c]);
        fewest[c] = v_fewer(fewest[c], v_fewer(two, other));
    }
}

/* A tile of channels at every position. `bits` are those of the tile in the first output. */
MB_INLINE void v_convolve_tile(uint8_t *bits, size_t step, const uint8_t *const *rows,
                               const v_channels *channels, const mb_patches *patches) {
    const bool pools = patches->n_window > 1u;
    const uint32_t n = patches->n_outputs * patches->n_window;
    const uint32_t at_once = pools ? patches->n_window : CONV_SEEN;
    for (uint32_t start = 0; start < n; start += at_once) {
        v_ones ones[CONV_SEEN][CONV_REGISTERS], fewest[CONV_REGISTERS];
        uint32_t end = n - start < at_once ? n : start + at_once;
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            fewest[c] = v_many();
        }
        for (uint32_t first = start; first < end; first += CONV_SEEN) {
            const uint8_t *seen[CONV_SEEN];
            for (uint32_t p = 0; p < CONV_SEEN; p++) { /* what is missing of four, twice */
                seen[p] = patches->at[first + p < end ? first + p : end - 1u];
            }
            v_count_tile(ones, rows, seen, patches);
            if (pools) {
                v_keep_fewest(fewest, ones);
            }
        }
        for (uint32_t p = 0; p < (pools ? 1u : end - start); p++, bits += step) {
            v_put_tile(bits, pools ? fewest : ones[p], channels);
        }
    }
}

static MB_TARGET void v_convolve_bits(uint32_t *bits, const mb_matrix *weights,
                                      const int32_t *thresholds, const mb_patches *patches) {
    if (weights->layout != CONV_LAYOUT) {
        mb_convolve_bits_scalar(bits, weights, thresholds, patches);
        return;
    }
    const uint8_t *flips = (const uint8_t *)(thresholds + weights->n_out);
    uint32_t bytes = (weights->n_out + 31u) / 32u * 4u;
    uint32_t panel_rows = mb_panel_rows(CONV_LAYOUT, weights->n_out);
    for (uint32_t j = 0; j < 8u * bytes; j += CONV_ROWS) {
        int32_t most[CONV_ROWS];
        v_channels channels = {.flips = {0}, .bytes = bytes - j / 8u};
        const uint8_t *rows[CONV_POINTERS];
        channels.bytes = channels.bytes < CONV_ROWS / 8u ? channels.bytes : CONV_ROWS / 8u;
        __builtin_memcpy(channels.flips, flips + j / 8u, channels.bytes);
        for (uint32_t i = 0; i < CONV_ROWS; i++) {
            most[i] = most_ones(weights, thresholds, j + i);
        }
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            channels.limits[c] = v_limit_of(most + c * CONV_REGISTER_ROWS);
        }
        for (uint32_t i = 0; i < CONV_POINTERS; i++) { /* rows that are missing: any others */
            uint32_t row = j + i * (CONV_ROWS / CONV_POINTERS);
            row = row < panel_rows ? row : 0;
            rows[i] = weights->at + mb_walk_row(CONV_LAYOUT, weights->words, row).at;
        }
        v_convolve_tile((uint8_t *)bits + j / 8u, bytes, rows, &channels, patches);
    }
}

#endif /* MB_KERNELS_LANES_CONV_H */
