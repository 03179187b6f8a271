/* swar.c: kernels for 32-bit processors without vectors, such as Cortex-M and RISC-V: ones are
 * counted in fields of a word, or by an instruction, and never through the compiler's library.
 *
 * Bits: rows are walked in columns of 16, 8, 4, 2 or 1 words, so that the overhead of a column is
 * paid once and not once per row. Within a column words are first added bit by bit, with full
 * adders of five operations: fifteen words become one word each of ones, twos, fours and eights,
 * and only those are counted.
 *
 * Bytes: for a few inputs a table has the sums of all subsets, as in scalar.c, but of six to eight
 * inputs: four or five look-ups per word of weights. With z the zero point, an entry is the sum of
 * x over the subset and of z over the other inputs. It is never negative, so that two entries are
 * made by one addition.
 */
#include "../list.h"

#if defined(MB_KERNELS_SWAR)

#include "../scalar.h"
#include "swar.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- bits ------------------------------------------------------------------------------------ */

/* A constant that the compiler takes for a variable: it stays in a register, because Thumb and Arm
 * can shift an operand on its way to `and`, but not together with a constant. */
INLINE uint32_t in_register(uint32_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
}

/* Ones of every four bits, in those four bits. */
INLINE uint32_t count_nibbles(uint32_t x) {
    const uint32_t pairs = in_register(0x55555555u), nibbles = in_register(0x33333333u);
    x -= pairs & (x >> 1);
    return (x & nibbles) + (nibbles & (x >> 2));
}

/* The sum of both nibbles of a byte, in that byte. */
INLINE uint32_t add_nibbles(uint32_t x) {
    const uint32_t bytes = in_register(0x0f0f0f0fu);
    return (x & bytes) + (bytes & (x >> 4));
}

/* The sum of four bytes, which count the ones of `words` words. */
INLINE uint32_t sum_bytes(uint32_t x, uint32_t words) {
#if defined(__ARM_FEATURE_SIMD32)
    uint32_t sum;
    (void)words;
    __asm__("usad8 %0, %1, %2" : "=r"(sum) : "r"(x), "r"(0));
    return sum;
#else
    if (words < 8u) { /* the sum fits a byte */
        return x * 0x01010101u >> 24;
    }
    x = (x & 0x00ff00ffu) + (x >> 8 & 0x00ff00ffu);
    return x * 0x00010001u >> 16;
#endif
}

/* Bit by bit a + b + c = *a + 2 * the result. */
INLINE uint32_t full_add(uint32_t *a, uint32_t b, uint32_t c) {
    uint32_t either = *a ^ b, both = *a & b;
    *a = either ^ c;
    return both | (either & c);
}

typedef struct planes {
    uint32_t ones, twos, fours, eights;
} planes;

/* Where two words differ. */
typedef struct two {
    uint32_t a, b;
} two;

INLINE two differ_2(const uint32_t *row, const uint32_t *x) {
    const uint32_t row0 = row[0], row1 = row[1], x0 = x[0], x1 = x[1]; /* this order becomes ldrd */
    two d = {row0 ^ x0, row1 ^ x1};
    return d;
}

/* Bit by bit the sum of 3, 7 or 15 words. */
INLINE planes add_3(const uint32_t *row, const uint32_t *x) {
    two d = differ_2(row + 1, x + 1);
    planes p = {row[0] ^ x[0], 0, 0, 0};
    p.twos = full_add(&p.ones, d.a, d.b);
    return p;
}

/* Four words more onto ones and twos; the fours that come out. */
INLINE uint32_t add_4(planes *p, const uint32_t *row, const uint32_t *x) {
    two d = differ_2(row, x);
    uint32_t first = full_add(&p->ones, d.a, d.b);
    d = differ_2(row + 2, x + 2);
    uint32_t second = full_add(&p->ones, d.a, d.b);
    return full_add(&p->twos, first, second);
}

INLINE planes add_7(const uint32_t *row, const uint32_t *x) {
    planes p = add_3(row, x);
    p.fours = add_4(&p, row + 3, x + 3);
    return p;
}

INLINE planes add_15(const uint32_t *row, const uint32_t *x) {
    planes p = add_7(row, x);
    uint32_t first = add_4(&p, row + 7, x + 7), second = add_4(&p, row + 11, x + 11);
    p.eights = full_add(&p.fours, first, second);
    return p;
}

/* Where `words` words differ: 1, 2, 4, 8 or 16, known to the compiler. */
INLINE uint32_t differences(const uint32_t *row, const uint32_t *x, uint32_t words) {
#if defined(__riscv_zbb) /* an instruction counts ones */
    uint32_t ones = 0;
    for (uint32_t w = 0; w < words; w++) {
        ones += (uint32_t)__builtin_popcount(row[w] ^ x[w]);
    }
    return ones;
#else
    uint32_t bytes = 0;
    if (words == 2u) {
        bytes = add_nibbles(count_nibbles(row[0] ^ x[0]));
    } else if (words > 2u) {
        planes p = words == 4u ? add_3(row, x) : words == 8u ? add_7(row, x) : add_15(row, x);
        bytes = add_nibbles(count_nibbles(p.ones) + 2u * count_nibbles(p.twos));
        if (words == 8u) {
            bytes += 4u * add_nibbles(count_nibbles(p.fours));
        } else if (words == 16u) {
            bytes += 4u * add_nibbles(count_nibbles(p.fours) + 2u * count_nibbles(p.eights));
        }
    }
    bytes += add_nibbles(count_nibbles(row[words - 1u] ^ x[words - 1u]));
    return sum_bytes(bytes, words);
#endif
}

/* The column of `words` words that begins at word `from`; returns where it ends. */
INLINE uint32_t add_column(int32_t *sums, const mb_matrix *weights, const uint32_t *x,
                           uint32_t from, uint32_t words) {
    const uint32_t *row = (const uint32_t *)(const void *)weights->bytes + from;
    const uint32_t step = weights->words;
    for (int32_t *end = sums + weights->n_out; sums != end; sums++, row += step) {
        *sums -= 2 * (int32_t)differences(row, x + from, words);
    }
    return from + words;
}

/* Rows of four words: nothing is added to the sums, so that they need not be filled, and the inputs
 * stay in registers. */
static void set_rows_of_4(int32_t *sums, const mb_matrix *weights, const uint32_t *x) {
    const uint32_t own[4] = {x[0], x[1], x[2], x[3]};
    const uint32_t *row = (const uint32_t *)(const void *)weights->bytes;
    const int32_t n_in = (int32_t)weights->n_in;
    for (int32_t *end = sums + weights->n_out; sums != end; sums++, row += 4) {
        *sums = n_in - 2 * (int32_t)differences(row, own, 4);
    }
}

static void fill(int32_t *sums, uint32_t n, int32_t value) {
    for (uint32_t j = 0; j < n; j++) {
        sums[j] = value;
    }
}

void mb_dense_bits_swar(int32_t *sums, const mb_matrix *weights, const uint32_t *x) {
    const uint32_t words = weights->words;
    uint32_t w = 0;
    if (weights->layout != MB_ROWS) {
        mb_dense_bits_scalar(sums, weights, x);
        return;
    }
    if (words == 4u) {
        set_rows_of_4(sums, weights, x);
        return;
    }
    fill(sums, weights->n_out, (int32_t)weights->n_in);
    while (words - w >= 16u) {
        w = add_column(sums, weights, x, w, 16);
    }
    w = words & 8u ? add_column(sums, weights, x, w, 8) : w;
    w = words & 4u ? add_column(sums, weights, x, w, 4) : w;
    w = words & 2u ? add_column(sums, weights, x, w, 2) : w;
    if (words & 1u) {
        add_column(sums, weights, x, w, 1);
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

#define FEW_ROWS 32u /* below, tables of that size cost more than they save */

#if defined(__riscv)
#include "swar_octets.h"
#else
#include "swar_fields.h"
#endif

/* 32 inputs as uint8, zeros after the last. */
static __attribute__((noinline)) void take_inputs(uint8_t to[32], const uint8_t *x, uint32_t n,
                                                  mb_as_uint8 type) {
    for (uint32_t i = 0; i < 32u; i++) {
        to[i] = (uint8_t)(i < n ? x[i] ^ type.flip : type.zero);
    }
}

void mb_dense_bytes_swar(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                         mb_as_uint8 type) {
    const uint32_t n_in = weights->n_in, words = weights->words, zero = type.zero;
    table tables;
    uint32_t total = 0;
    if (weights->layout != MB_ROWS || weights->n_out < FEW_ROWS) {
        mb_dense_bytes_scalar(sums, weights, x, type);
        return;
    }
    fill(sums, weights->n_out, 0);
    for (uint32_t w = 0; w < words; w++, x += 32) {
        uint8_t copy[32];
        const uint32_t left = n_in - 32u * w;
        const bool copies = left < 32u || type.flip != 0;
        if (copies) {
            take_inputs(copy, x, left, type);
        }
        total += make_tables(&tables, copies ? copy : x, zero);
        add_looked_up(sums, weights, w, &tables);
    }
    /* With P the sum of x - zero where the weight is +1 and T the sum of all, the result is
     * P - (T - P) = 2 P - T. */
    const uint32_t zeros = 32u * words * zero, shift = 2u * zeros + (total - zeros);
    for (int32_t *end = sums + weights->n_out; sums != end; sums++) {
        *sums = (int32_t)(2u * (uint32_t)*sums - shift);
    }
}

/* ---- from sums to bits ----------------------------------------------------------------------- */

/* The highest bit of sum - threshold, as if there were more than 32 bits: the sum is below. */
INLINE uint32_t below(int32_t sum, int32_t threshold) {
#if defined(__ARM_FEATURE_SIMD32)
    int32_t difference;
    __asm__("qsub %0, %1, %2" : "=r"(difference) : "r"(sum), "r"(threshold));
    return (uint32_t)difference >> 31;
#else
    return sum < threshold;
#endif
}

/* Shift in two bits more, from the last sum to the first. */
INLINE uint32_t two_below(uint32_t word, const int32_t *sums, const int32_t *thresholds) {
    const int32_t s0 = sums[0], s1 = sums[1], t0 = thresholds[0], t1 = thresholds[1];
    word = 2u * word + below(s1, t1);
    return 2u * word + below(s0, t0);
}

void mb_bits_by_threshold_swar(uint32_t *bits, const int32_t *sums, const int32_t *thresholds,
                               uint32_t n) {
    const uint32_t *flips = mb_flips(thresholds, n);
    for (; n >= 32u; n -= 32u, sums += 32, thresholds += 32) {
        uint32_t word = 0;
        for (uint32_t i = 32; i > 0; i -= 8u) {
            word = two_below(word, sums + i - 2, thresholds + i - 2);
            word = two_below(word, sums + i - 4, thresholds + i - 4);
            word = two_below(word, sums + i - 6, thresholds + i - 6);
            word = two_below(word, sums + i - 8, thresholds + i - 8);
        }
        *bits++ = ~(word ^ *flips++);
    }
    if (n > 0) {
        uint32_t word = 0;
        for (uint32_t i = n; i > 0; i--) {
            word = 2u * word + below(sums[i - 1u], thresholds[i - 1u]);
        }
        *bits = word ^ ((1u << n) - 1u) ^ *flips;
    }
}

static bool runs(void) { return true; }

const mb_kernels mb_kernels_swar = {
    .name = "swar",
    .runs = runs,
    .dense_bits = mb_dense_bits_swar,
    .dense_bytes = mb_dense_bytes_swar,
    .bits_by_threshold = mb_bits_by_threshold_swar,
    .bits_by_norm = mb_bits_by_norm_scalar,
    .back = mb_back_scalar,
    .pass_norm = mb_pass_norm_scalar,
    .inverse_roots = mb_inverse_roots_scalar,
    .draw = mb_draw_scalar,
};

#else
typedef int mb_no_swar; /* a file of ISO C is not empty */
#endif
