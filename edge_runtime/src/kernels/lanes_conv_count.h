/* lanes_conv_count.h: ones of a tile for sets that count ones in one instruction; part of lanes.h. Panels and
 * counting are those of lanes_bits.h.
 */
#ifndef MB_KERNELS_LANES_CONV_COUNT_H
#define MB_KERNELS_LANES_CONV_COUNT_H

#define CONV_LAYOUT MB_WORD_PANELS
#define CONV_REGISTERS 4u
#define CONV_REGISTER_ROWS LANES
#define CONV_POINTERS CONV_REGISTERS

typedef vec v_ones, v_limit; /* in 32-bit lanes */

MB_INLINE v_limit v_limit_of(const int32_t most[LANES]) { return v_load(most); }
MB_INLINE v_ones v_many(void) {
    static const uint32_t many = MB_PATCH_BITS;
    return v_set32(&many);
}

MB_INLINE v_ones v_fewer(v_ones a, v_ones b) { return v_min32(a, b); }
MB_INLINE uint64_t v_within(v_ones ones, v_limit limit) { return v_at_least(limit, ones); }

/* Add up to COUNT_WORDS words of every row and of every patch, from byte `at` of the rows and `x` of the
 * patches. */
MB_INLINE void v_count_words(vec sums[CONV_SEEN][CONV_REGISTERS], const uint8_t *const *rows,
                             size_t at, const uint8_t *const seen[CONV_SEEN], size_t x,
                             uint32_t n) {
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
            sums[p][c] = v_add32(sums[p][c], v_widen(ones[p][c]));
        }
    }
}

MB_INLINE void v_count_tile(v_ones ones[CONV_SEEN][CONV_REGISTERS], const uint8_t *const *rows,
                            const uint8_t *const seen[CONV_SEEN], const mb_patches *patches) {
    size_t at = 0;
    for (uint32_t p = 0; p < CONV_SEEN; p++) {
        for (uint32_t c = 0; c < CONV_REGISTERS; c++) {
            ones[p][c] = v_zero();
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
