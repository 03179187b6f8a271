/* swar.c: kernels for 32-bit processors without vectors, such as Cortex-M: ones are counted in fields of a
 * word, and never through a call of the compiler's library.
 *
 * Three words are first added bit by bit: their sum is one word of ones and one of twos. Both are counted
 * into fields of four bits, which go together up to 4 + 2 * 4 = 12, and those into bytes, up to 24 a round.
 * Masks are kept in registers, because Thumb and Arm can shift an operand on its way to `and`, but not
 * together with a constant.
 */
#include "list.h"

#if defined(MB_KERNELS_SWAR)

#include "scalar.h"

#define ROUND_WORDS 3u
#define ROUNDS_A_FLUSH 9u /* of at most 24 a byte, and 16 of what is left */

#define INLINE static inline __attribute__((always_inline))

typedef struct masks {
    uint32_t pairs, nibbles, bytes;
} masks;

/* A constant that the compiler takes for a variable. */
INLINE uint32_t in_register(uint32_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
}

/* Ones of every four bits, in those four bits. */
INLINE uint32_t count_nibbles(uint32_t x, const masks *m) {
    x -= m->pairs & (x >> 1);
    return (x & m->nibbles) + (m->nibbles & (x >> 2));
}

/* Ones of three words, in the bytes of one. */
INLINE uint32_t count_three(uint32_t a, uint32_t b, uint32_t c, const masks *m) {
    uint32_t either = a ^ b;
    uint32_t ones = either ^ c, twos = (a & b) | (either & c);
    uint32_t nibbles = count_nibbles(ones, m) + 2u * count_nibbles(twos, m);
    return (nibbles & m->bytes) + (m->bytes & (nibbles >> 4));
}

INLINE uint32_t sum_bytes(uint32_t x) {
    x = (x & 0x00ff00ffu) + (x >> 8 & 0x00ff00ffu);
    return (x & 0xffffu) + (x >> 16);
}

/* Where a row and x differ: `rounds` of three words, then `tail` of 0...2, known to the compiler. */
INLINE uint32_t differences(const uint32_t *row, const uint32_t *x, uint32_t rounds, uint32_t tail,
                            const masks *m) {
    uint32_t total = 0;
    do {
        uint32_t here = rounds < ROUNDS_A_FLUSH ? rounds : ROUNDS_A_FLUSH, bytes = 0;
        rounds -= here;
        for (; here > 0; here--, row += ROUND_WORDS, x += ROUND_WORDS) {
            bytes += count_three(row[0] ^ x[0], row[1] ^ x[1], row[2] ^ x[2], m);
        }
        if (tail > 0 && rounds == 0) {
            uint32_t nibbles = count_nibbles(row[0] ^ x[0], m);
            nibbles += tail > 1u ? count_nibbles(row[1] ^ x[1], m) : 0;
            bytes += (nibbles & m->bytes) + (m->bytes & (nibbles >> 4));
        }
        total += sum_bytes(bytes);
    } while (rounds > 0);
    return total;
}

INLINE void dense_rows(int32_t *sums, const mb_matrix *weights, const uint32_t *x, uint32_t tail) {
    const masks m = {in_register(0x55555555u), in_register(0x33333333u), in_register(0x0f0f0f0fu)};
    const uint32_t *row = (const uint32_t *)(const void *)weights->at;
    const uint32_t words = weights->words, rounds = words / ROUND_WORDS;
    const int32_t n_in = (int32_t)weights->n_in;
    for (int32_t *end = sums + weights->n_out; sums != end; sums++, row += words) {
        *sums = n_in - 2 * (int32_t)differences(row, x, rounds, tail, &m);
    }
}

static void dense_bits(int32_t *sums, const mb_matrix *weights, const uint32_t *x) {
    if (weights->layout != MB_ROWS) {
        mb_dense_bits_scalar(sums, weights, x);
    } else if (weights->words % ROUND_WORDS == 0) {
        dense_rows(sums, weights, x, 0);
    } else if (weights->words % ROUND_WORDS == 1u) {
        dense_rows(sums, weights, x, 1);
    } else {
        dense_rows(sums, weights, x, 2);
    }
}

static bool runs(void) { return true; }

const mb_kernels mb_kernels_swar = {
    "swar",
    runs,
    dense_bits,
    mb_dense_bytes_scalar,
    mb_bits_by_threshold_scalar,
    mb_bits_by_norm_scalar,
    mb_back_scalar,
    mb_inverse_roots_scalar,
    mb_skip_scales_scalar,
};

#else
typedef int mb_no_swar; /* a file of ISO C is not empty */
#endif
