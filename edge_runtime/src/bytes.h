/* bytes.h: bits in words, and the three things of <string.h> that are needed, which freestanding
 * C99 does not have. */
#ifndef MB_BYTES_H
#define MB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the core reads .mbit files in place and needs a little-endian processor"
#endif

/* 32-bit words that hold a row of bits. */
static inline uint32_t mb_words(uint32_t n_bits) { return (n_bits + 31u) / 32u; }

/* A word whose lowest n bits are set; all of them from 32 on. */
static inline uint32_t mb_low_mask(uint32_t n) { return n < 32u ? (1u << n) - 1u : 0xffffffffu; }

/* Bits that hold n. */
static inline uint32_t mb_bit_length(uint32_t n) {
    uint32_t length = 0;
    for (; n != 0; n >>= 1) {
        length++;
    }
    return length;
}

static inline void mb_copy(void *to, const void *from, size_t bytes) {
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = f[i];
    }
}

static inline void mb_zero(void *to, size_t bytes) {
    uint8_t *t = (uint8_t *)to;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = 0;
    }
}

static inline bool mb_same(const void *one, const void *other, size_t bytes) {
    const uint8_t *a = (const uint8_t *)one, *b = (const uint8_t *)other;
    uint32_t differ = 0;
    for (size_t i = 0; i < bytes; i++) {
        differ |= (uint32_t)(a[i] ^ b[i]);
    }
    return differ == 0;
}

#endif /* MB_BYTES_H */
