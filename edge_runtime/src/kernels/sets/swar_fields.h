/* swar_fields.h: tables of the sums of subsets of 32 inputs, for processors that take a field of
 * bits out of a word in one instruction, such as Cortex-M4: five look-ups per word of weights, of
 * six or seven inputs. Part of swar.c.
 */
#ifndef MB_KERNELS_SWAR_FIELDS_H
#define MB_KERNELS_SWAR_FIELDS_H

INLINE const uint16_t *at_register(const uint16_t *at) {
    __asm__("" : "+r"(at));
    return at;
}

/* Sums of subsets of 7, 7, 6, 6 and 6 inputs, one table after the other. */
#define N_ENTRIES 448u

typedef union table {
    uint32_t pairs[N_ENTRIES / 2u];
    uint16_t sums[N_ENTRIES];
} table;

/* The table of `n` inputs in its entries from `at` on: x where the bit is set, `zero` elsewhere. */
static __attribute__((noinline)) void make_table(table *t, uint32_t at, const uint8_t *x,
                                                 uint32_t zero, uint32_t n) {
    uint32_t *pairs = t->pairs + at / 2u;
    const uint32_t second = (x[1] - zero) * 0x10001u, third = (x[2] - zero) * 0x10001u;
    pairs[0] = n * zero * 0x10001u + ((x[0] - zero) << 16);
    pairs[1] = pairs[0] + second;
    pairs[2] = pairs[0] + third;
    pairs[3] = pairs[1] + third;
    uint32_t *to = pairs + 4;
    for (uint32_t bit = 3; bit < n; bit++) {
        const uint32_t more = (x[bit] - zero) * 0x10001u, *from = pairs, *end = to;
        for (; from != end; from += 4, to += 4) {
            const uint32_t a = from[0], b = from[1], c = from[2], d = from[3];
            to[0] = a + more;
            to[1] = b + more;
            to[2] = c + more;
            to[3] = d + more;
        }
    }
}

/* All tables of 32 inputs; returns the sum of the inputs. */
static uint32_t make_tables(table *t, const uint8_t *x, uint32_t zero) {
    make_table(t, 0, x, zero, 7);
    make_table(t, 128, x + 7, zero, 7);
    make_table(t, 256, x + 14, zero, 6);
    make_table(t, 320, x + 20, zero, 6);
    make_table(t, 384, x + 26, zero, 6);
    return (uint32_t)t->sums[127] + t->sums[255] + t->sums[319] + t->sums[383] + t->sums[447];
}

/* What word w of every row looks up. */
static __attribute__((noinline)) void add_looked_up(int32_t *sums, const mb_matrix *weights,
                                                    uint32_t w, const table *t) {
    const uint32_t *row = (const uint32_t *)(const void *)weights->bytes + w;
    const uint32_t step = weights->words;
    const uint16_t *t0 = at_register(t->sums), *t1 = at_register(t->sums + 128);
    const uint16_t *t2 = at_register(t->sums + 256), *t3 = at_register(t->sums + 320);
    const uint16_t *t4 = at_register(t->sums + 384);
    for (int32_t *end = sums + weights->n_out; sums != end; sums++, row += step) {
        uint32_t bits = *row;
        uint32_t sum = (uint32_t)*sums + t0[bits & 127u] + t1[bits >> 7 & 127u];
        *sums = (int32_t)(sum + t2[bits >> 14 & 63u] + t3[bits >> 20 & 63u] + t4[bits >> 26]);
    }
}

#endif /* MB_KERNELS_SWAR_FIELDS_H */
