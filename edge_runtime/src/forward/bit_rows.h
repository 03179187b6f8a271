/* bit_rows.h: rows of bits that start anywhere, written from front to back. */
#ifndef MB_BIT_ROWS_H
#define MB_BIT_ROWS_H

#include <stdint.h>

#include "../bytes.h"

typedef struct mb_bit_writer {
    uint32_t *words;
    uint32_t n_bits; /* written; the rest of the last word is zero */
} mb_bit_writer;

/* Append n bits, 1 to 32; those above them are zero. */
static inline void mb_put_bits(mb_bit_writer *out, uint32_t bits, uint32_t n) {
    uint32_t shift = out->n_bits % 32u;
    uint32_t *word = &out->words[out->n_bits / 32u];
    *word = shift == 0 ? bits : *word | bits << shift;
    if (shift + n > 32u) {
        word[1] = bits >> (32u - shift);
    }
    out->n_bits += n;
}

static inline void mb_put_ones(mb_bit_writer *out, uint32_t n) {
    while (n > 0) {
        uint32_t here = n < 32u ? n : 32u;
        mb_put_bits(out, mb_low_mask(here), here);
        n -= here;
    }
}

/* Append n bits of a row, from its bit `at`. No word after the last of these bits is read. */
static inline void mb_put_copy(mb_bit_writer *out, const uint32_t *from, uint32_t at, uint32_t n) {
    if (at % 32u == 0 && out->n_bits % 32u == 0) { /* as with 32, 64, ... channels: word by word */
        uint32_t whole = n / 32u;
        mb_copy(&out->words[out->n_bits / 32u], &from[at / 32u], (size_t)4 * whole);
        out->n_bits += 32u * whole;
        at += 32u * whole;
        n -= 32u * whole;
    }
    while (n > 0) {
        uint32_t here = n < 32u ? n : 32u, shift = at % 32u;
        uint32_t bits = from[at / 32u] >> shift;
        if (shift + here > 32u) {
            bits |= from[at / 32u + 1u] << (32u - shift);
        }
        mb_put_bits(out, bits & mb_low_mask(here), here);
        at += here;
        n -= here;
    }
}

#endif /* MB_BIT_ROWS_H */
