/* levels.h: hidden weights as they are kept, as levels of 8 or 4 bits in two's complement.
 *
 * Levels of a row lie one after the other; of two 4-bit levels in a byte the first is in the low
 * half. The sign bit of a level is the binary weight: set, the weight is -1. */
#ifndef MB_LEVELS_H
#define MB_LEVELS_H

#include <stdint.h>

#include "bytes.h"

/* Bytes of a row of n_in levels. */
static inline uint32_t mb_level_row_bytes(uint32_t n_in, uint32_t bits) {
    return (n_in * bits + 7u) / 8u;
}

/* The bits of level i of a row, in two's complement. */
static inline uint32_t mb_level_bits(const uint8_t *levels, uint32_t bits, uint32_t i) {
    return bits == 8 ? levels[i] : (uint32_t)levels[i / 2] >> (4u * (i & 1u)) & 15u;
}

static inline void mb_set_level_bits(uint8_t *levels, uint32_t bits, uint32_t i, uint32_t level) {
    if (bits == 8) {
        levels[i] = (uint8_t)level;
    } else {
        uint32_t shift = 4u * (i & 1u);
        uint32_t kept = levels[i / 2] & (0xf0u >> shift);
        levels[i / 2] = (uint8_t)(kept | (level & 15u) << shift);
    }
}

/* The size of level i: 0 for 0 and -1, the smallest of both signs. */
static inline uint32_t mb_level_size(const uint8_t *levels, uint32_t bits, uint32_t i) {
    uint32_t level = mb_level_bits(levels, bits, i), negative = level >> (bits - 1u);
    return negative ? ~level & ((1u << bits) - 1u) : level;
}

/* Word w of a row of packed signs: bit 1 where the hidden weight is not negative. */
static inline uint32_t mb_sign_word(const uint8_t *levels, uint32_t w, uint32_t n_in,
                                    uint32_t bits) {
    uint32_t n = n_in - 32u * w < 32u ? n_in - 32u * w : 32u;
    uint32_t negative = 0;
    if (bits == 8) {
        const uint8_t *at = levels + 32u * (size_t)w;
        for (uint32_t i = 0; i < n; i++) {
            negative |= (uint32_t)(at[i] >> 7) << i;
        }
    } else {
        const uint8_t *at = levels + 16u * (size_t)w;
        for (uint32_t i = 0; i < n; i++) {
            negative |= ((uint32_t)at[i / 2] >> (3u + 4u * (i & 1u)) & 1u) << i;
        }
    }
    return ~negative & mb_low_mask(n);
}

#endif /* MB_LEVELS_H */
