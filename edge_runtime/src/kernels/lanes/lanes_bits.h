/* lanes_bits.h: sums of one-bit weights and one-bit activations; part of lanes.h.
 *
 * A panel holds 16 rows word by word: a 32-bit lane belongs to one row, a word of x goes to all
 * lanes, and no sum is ever taken across lanes.
 */
#ifndef MB_KERNELS_LANES_BITS_H
#define MB_KERNELS_LANES_BITS_H

/* Sums of four registers of rows; `panels` is where each begins, words are 64 bytes apart. */
MB_INLINE void v_bits_tile(int32_t *sums, const uint8_t *const panels[4], const uint32_t *x,
                           uint32_t n_in, uint32_t words) {
    const uint8_t *p0 = panels[0], *p1 = panels[1], *p2 = panels[2], *p3 = panels[3];
    vec total0 = v_zero(), total1 = v_zero(), total2 = v_zero(), total3 = v_zero();
    size_t at = 0;
    for (uint32_t w = 0; w < words;) {
        uint32_t end = words - w > COUNT_WORDS ? w + COUNT_WORDS : words;
        vec ones0 = v_zero(), ones1 = v_zero(), ones2 = v_zero(), ones3 = v_zero();
        for (; w < end; w++, at += 64) {
            vec word = v_set32(x + w);
            ones0 = v_add_count(ones0, v_count(v_xor(word, v_load(p0 + at))));
            ones1 = v_add_count(ones1, v_count(v_xor(word, v_load(p1 + at))));
            ones2 = v_add_count(ones2, v_count(v_xor(word, v_load(p2 + at))));
            ones3 = v_add_count(ones3, v_count(v_xor(word, v_load(p3 + at))));
        }
        total0 = v_add32(total0, v_widen(ones0));
        total1 = v_add32(total1, v_widen(ones1));
        total2 = v_add32(total2, v_widen(ones2));
        total3 = v_add32(total3, v_widen(ones3));
    }
    vec all = v_set32(&n_in);
    v_store(sums, v_sub32(all, v_add32(total0, total0)));
    v_store(sums + LANES, v_sub32(all, v_add32(total1, total1)));
    v_store(sums + 2u * LANES, v_sub32(all, v_add32(total2, total2)));
    v_store(sums + 3u * LANES, v_sub32(all, v_add32(total3, total3)));
}

static MB_TARGET void v_dense_bits(int32_t *sums, const mb_matrix *weights, const uint32_t *x) {
    if (weights->layout != MB_WORD_PANELS) {
        IN_ROWS(dense_bits)(sums, weights, x);
        return;
    }
    uint32_t rows = mb_panel_rows(MB_WORD_PANELS, weights->n_out);
    size_t panel_bytes = (size_t)64 * weights->words;
    for (uint32_t j = 0; j < rows; j += 4u * LANES) {
        int32_t spare[4u * LANES];
        const uint8_t *panels[4];
        for (uint32_t i = 0; i < 4u; i++) { /* what is missing of a last tile is computed twice */
            uint32_t row = j + i * LANES < rows ? j + i * LANES : j;
            panels[i] = weights->bytes + row / 16u * panel_bytes + 4u * (row % 16u);
        }
        bool whole = rows - j >= 4u * LANES;
        v_bits_tile(whole ? sums + j : spare, panels, x, weights->n_in, weights->words);
        if (!whole) {
            for (uint32_t i = 0; i < rows - j; i++) {
                sums[j + i] = spare[i];
            }
        }
    }
}

#endif /* MB_KERNELS_LANES_BITS_H */
