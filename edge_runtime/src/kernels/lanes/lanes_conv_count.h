/* lanes_conv_count.h: ones of a tile for sets that count ones in one instruction; part of lanes.h.
 * Panels and counting are the same as in lanes_bits.h.
 */
#ifndef MB_KERNELS_LANES_CONV_COUNT_H
#define MB_KERNELS_LANES_CONV_COUNT_H

#define CONV_LAYOUT MB_WORD_PANELS
#define CONV_REGISTERS 4u
#define CONV_ROWS (CONV_REGISTERS * LANES)
#define CONV_POINTERS CONV_REGISTERS

/* Ones in 32-bit lanes. */
typedef struct v_ones_totals {
    vec rows[CONV_REGISTERS];
} v_ones_totals;

MB_INLINE void v_ones_limit(v_ones_totals *limits, const int32_t limit[CONV_ROWS]) {
    for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
        limits->rows[c] = v_load(limit + c * LANES);
    }
}

MB_INLINE v_ones_totals v_ones_many(void) {
    static const uint32_t many_ones = MB_PATCH_BITS;
    vec each = v_set32(&many_ones);
    v_ones_totals many = {{each, each, each, each}};
    return many;
}

MB_INLINE v_ones_totals v_ones_fewer(v_ones_totals a, v_ones_totals b) {
    for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
        a.rows[c] = v_min32(a.rows[c], b.rows[c]);
    }
    return a;
}

MB_INLINE void v_ones_within(uint64_t *within, const v_ones_totals *ones,
                             const v_ones_totals *limits) {
    within[0] = 0;
    for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
        within[0] |= (uint64_t)v_at_least(limits->rows[c], ones->rows[c]) << c * LANES;
    }
}

/* Add up to COUNT_WORDS words of every row and of every patch, from byte `at` of the rows and `x`
 * of the patches. */
MB_INLINE void v_count_words(v_ones_totals sums[CONV_SEEN], const uint8_t *const *rows, size_t at,
                             const uint8_t *const seen[CONV_SEEN], size_t x, uint32_t n) {
    vec ones[CONV_SEEN][CONV_REGISTERS];
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            ones[p][c] = v_zero();
        }
    }
    for (; n > 0; n--, x += 4u, at += 64u) {
        const vec row[CONV_REGISTERS] = {v_load(rows[0] + at), v_load(rows[1] + at),
                                         v_load(rows[2] + at), v_load(rows[3] + at)};
        for (uint32_t p = 0; p < CONV_SEEN; p++) {
            vec word = v_set32((const uint32_t *)(const void *)(seen[p] + x));
            for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
                ones[p][c] = v_add_count(ones[p][c], v_count(v_xor(word, row[c])));
            }
        }
    }
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            sums[p].rows[c] = v_add32(sums[p].rows[c], v_widen(ones[p][c]));
        }
    }
}

MB_INLINE void v_ones_count(v_ones_totals ones[CONV_SEEN], const uint8_t *const *rows,
                            const uint8_t *const seen[CONV_SEEN], const mb_patches *patches) {
    size_t at = 0;
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            ones[p].rows[c] = v_zero();
        }
    }
    for (uint32_t run = 0; run < patches->n_runs; run++) {
        for (uint32_t done = 0; done < patches->run_bytes / 4u;) {
            uint32_t left = patches->run_bytes / 4u - done;
            uint32_t n = left < COUNT_WORDS ? left : COUNT_WORDS;
            v_count_words(ones, rows, at, seen, (size_t)run * patches->run_step + 4u * done, n);
            done += n;
            at += (size_t)64 * n;
        }
    }
}

#endif /* MB_KERNELS_LANES_CONV_COUNT_H */
