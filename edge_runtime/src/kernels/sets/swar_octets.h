/* swar_octets.h: tables of the sums of subsets of 32 inputs, for processors to which a field of
 * bits is two instructions and a byte in memory one, such as RISC-V: four look-ups per word of
 * weights, of eight inputs. Part of swar.c.
 */
#ifndef MB_KERNELS_SWAR_OCTETS_H
#define MB_KERNELS_SWAR_OCTETS_H

#define N_ENTRIES 1024u

/* Sums of subsets of 8, 8, 8 and 8 inputs, one table after the other. */
typedef union table {
    uint32_t pairs[N_ENTRIES / 2u];
    uint16_t sums[N_ENTRIES];
} table;

/* Four pairs of entries: they stay in registers while inputs come and go. */
typedef struct four_pairs {
    uint32_t a, b, c, d;
} four_pairs;

/* Add an input to all of them, or take it away, and store them. */
INLINE four_pairs store_with(uint32_t *to, four_pairs p, uint32_t more) {
    four_pairs with = {p.a + more, p.b + more, p.c + more, p.d + more};
    to[0] = with.a;
    to[1] = with.b;
    to[2] = with.c;
    to[3] = with.d;
    return with;
}

/* Eight times four pairs, of which the first have what is left of `p` and `more`. From one four to
 * the next one of three inputs comes or goes, as in a Gray code; the last one stays. */
INLINE four_pairs store_eight(uint32_t *to, four_pairs p, uint32_t more, const uint32_t x[3]) {
    p = store_with(to, p, more);
    p = store_with(to + 4, p, x[0]);
    p = store_with(to + 12, p, x[1]);
    p = store_with(to + 8, p, 0u - x[0]);
    p = store_with(to + 24, p, x[2]);
    p = store_with(to + 28, p, x[0]);
    p = store_with(to + 20, p, 0u - x[1]);
    return store_with(to + 16, p, 0u - x[0]);
}

/* The table of 8 inputs: x where the bit is set, `zero` elsewhere. */
static __attribute__((noinline)) void make_table(uint32_t *to, const uint8_t *x, uint32_t zero) {
    uint32_t both[8]; /* what an input adds to both entries of a pair */
    for (uint32_t i = 1; i < 8u; i++) {
        both[i] = (x[i] - zero) * 0x10001u;
    }
    const uint32_t none = 8u * zero * 0x10001u + ((x[0] - zero) << 16);
    four_pairs p = {none, none + both[1], none + both[2], none + both[1] + both[2]};
    p = store_eight(to, p, 0, both + 3);
    p = store_eight(to + 32, p, both[6] - both[5], both + 3);
    p = store_eight(to + 96, p, both[7] - both[5], both + 3);
    store_eight(to + 64, p, 0u - both[6] - both[5], both + 3);
}

/* All tables of 32 inputs; returns the sum of the inputs. */
static uint32_t make_tables(table *t, const uint8_t *x, uint32_t zero) {
    uint32_t total = 0;
    for (uint32_t at = 0; at < N_ENTRIES; at += 256u, x += 8) {
        make_table(t->pairs + at / 2u, x, zero);
        total += t->sums[at + 255u];
    }
    return total;
}

/* What four bytes of weights look up. */
INLINE uint32_t look_up_4(const uint8_t *bytes, const table *t) {
    const uint16_t *sums = t->sums;
    uint32_t first = (uint32_t)sums[bytes[0]] + (sums + 256)[bytes[1]];
    return first + (sums + 512)[bytes[2]] + (sums + 768)[bytes[3]];
}

/* What word w of every row looks up. */
static __attribute__((noinline)) void add_looked_up(int32_t *sums, const mb_matrix *weights,
                                                    uint32_t w, const table *t) {
    const uint8_t *row = weights->bytes + 4u * w;
    const uint32_t step = 4u * weights->words;
    uint32_t n = weights->n_out;
    for (; n >= 4u; n -= 4u, sums += 4) {
        for (uint32_t i = 0; i < 4u; i++, row += step) {
            sums[i] += (int32_t)look_up_4(row, t);
        }
    }
    for (; n > 0; n--, sums++, row += step) {
        *sums += (int32_t)look_up_4(row, t);
    }
}

#endif /* MB_KERNELS_SWAR_OCTETS_H */
