/* lanes_conv_tiles.h: a tile of channels at every position of a convolution. Included once for each
 * kind of input, with OF(name) naming its parts:
 *
 *   OF(totals)              what is counted for OF_ROWS rows: the fewer, the larger the sums
 *   OF(count)               the totals of a tile at CONV_SEEN positions
 *   OF(many) OF(fewer)      more than any total; the smaller one, row by row
 *   OF(within)              one bit per row: the total is at most its limit
 */

#define OF_MASKS ((OF_ROWS + 63u) / 64u) /* of 64 rows */

/* Channels of a tile: when their bits are set, and how many bytes of the bits of an output they
 * are. */
typedef struct OF(channels) {
    OF(totals) limits;
    uint64_t flips[OF_MASKS];
    uint32_t bytes;
} OF(channels);

/* The tile that begins with row j; `flips` has the flips of all n_out rows. */
MB_INLINE void OF(choose)(OF(channels) * channels, uint32_t j, const uint32_t *flips,
                          uint32_t n_out) {
    uint32_t left = (n_out + 31u) / 32u * 4u - j / 8u;
    channels->bytes = left < OF_ROWS / 8u ? left : OF_ROWS / 8u;
    for (uint32_t i = 0; i < OF_MASKS; i++) {
        channels->flips[i] = 0;
    }
    __builtin_memcpy(channels->flips, (const uint8_t *)flips + j / 8u, channels->bytes);
}

/* The bits of a tile, from the smallest totals of each row. */
MB_INLINE void OF(put)(uint8_t *bits, const OF(totals) * totals, const OF(channels) * channels) {
    uint64_t within[OF_MASKS];
    OF(within)(within, totals, &channels->limits);
    for (uint32_t i = 0; i < OF_MASKS; i++) {
        within[i] ^= channels->flips[i];
    }
    if (channels->bytes == OF_ROWS / 8u) {
        __builtin_memcpy(bits, within, OF_ROWS / 8u);
    } else {
        __builtin_memcpy(bits, within, channels->bytes);
    }
}

/* Bits of a tile at all outputs. `bits` is where they lie in the first output; the next output is
 * `step` bytes later. */
MB_INLINE void OF(tile)(uint8_t *bits, size_t step, const uint8_t *const *rows,
                        const OF(channels) * channels, const mb_patches *patches) {
    const bool pools = patches->n_window > 1u;
    const uint32_t n = patches->n_outputs * patches->n_window;
    const uint32_t at_once = pools ? patches->n_window : CONV_SEEN;
    for (uint32_t start = 0; start < n; start += at_once) {
        OF(totals) totals[CONV_SEEN], fewest = OF(many)();
        uint32_t end = n - start < at_once ? n : start + at_once;
        for (uint32_t first = start; first < end; first += CONV_SEEN) {
            const uint8_t *seen[CONV_SEEN];
            for (uint32_t p = 0; p < CONV_SEEN; p++) { /* at the end, some twice */
                seen[p] = patches->starts[first + p < end ? first + p : end - 1u];
            }
            OF(count)(totals, rows, seen, patches);
            for (uint32_t p = 0; pools && p < CONV_SEEN; p++) {
                fewest = OF(fewer)(fewest, totals[p]);
            }
        }
        for (uint32_t p = 0; p < (pools ? 1u : end - start); p++, bits += step) {
            OF(put)(bits, pools ? &fewest : &totals[p], channels);
        }
    }
}

#undef OF_MASKS
#undef OF_ROWS
#undef OF
