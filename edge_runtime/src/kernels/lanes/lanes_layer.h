/* lanes_layer.h: from sums to bits, and errors back through the weights; part of lanes.h. */
#ifndef MB_KERNELS_LANES_LAYER_H
#define MB_KERNELS_LANES_LAYER_H

static MB_TARGET void v_bits_by_threshold(uint32_t *bits, const int32_t *sums,
                                          const int32_t *thresholds, uint32_t n) {
    const uint32_t *flips = mb_flips(thresholds, n);
    uint32_t j = 0;
    for (; j + 32u <= n; j += 32u) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 32u; i += LANES) {
            word |= v_at_least(v_load(sums + j + i), v_load(thresholds + j + i)) << i;
        }
        bits[j / 32u] = word ^ flips[j / 32u];
    }
    if (j < n) {
        uint32_t word = 0;
        for (uint32_t i = j; i < n; i++) {
            word |= (uint32_t)(sums[i] >= thresholds[i]) << (i - j);
        }
        bits[j / 32u] = word ^ flips[j / 32u];
    }
}

/* ---- errors on their way back ---------------------------------------------------------------- */

#define HALF_VECS (64u / VEC_BYTES) /* registers that hold 16 columns as 32-bit lanes */

/* Bit c of both halves of lane c. */
#define BOTH(c) (0x10001u << (c))
static const uint32_t column_bit[16] = {BOTH(0),  BOTH(1),  BOTH(2),  BOTH(3), BOTH(4),  BOTH(5),
                                        BOTH(6),  BOTH(7),  BOTH(8),  BOTH(9), BOTH(10), BOTH(11),
                                        BOTH(12), BOTH(13), BOTH(14), BOTH(15)};

/* The 32 columns of word w of all rows: out[c] = sum over j of d[j] where the bit is set. Two rows
 * go together, one in each half of a lane. */
MB_INLINE void v_back_word(uint32_t out[32], const mb_matrix *weights, uint32_t w,
                           const int16_t *d) {
    vec sum[2u * HALF_VECS], bit[HALF_VECS];
    for (uint32_t v = 0; v < HALF_VECS; v++) {
        sum[v] = sum[HALF_VECS + v] = v_zero();
        bit[v] = v_load(column_bit + v * LANES);
    }
    const uint8_t *panel = weights->bytes + (size_t)64 * w;
    for (uint32_t j = 0; j < weights->n_out; j += 2u) {
        const uint32_t *words =
            (const uint32_t *)(const void *)(panel + (size_t)64 * weights->words * (j / 16u));
        uint32_t one = words[j % 16u], other = words[j % 16u + 1u];
        uint32_t last = j + 1u == weights->n_out;
        uint32_t errors = (uint16_t)d[j] | (last ? 0 : (uint32_t)(uint16_t)d[j + 1u] << 16);
        if (errors == 0) {
            continue;
        }
        uint32_t low = (one & 0xffffu) | other << 16, high = one >> 16 | (other & 0xffff0000u);
        vec pair = v_set32(&errors), rows0 = v_set32(&low), rows1 = v_set32(&high);
        for (uint32_t v = 0; v < HALF_VECS; v++) {
            sum[v] = v_add_pairs(sum[v], v_test16(rows0, bit[v]), pair);
            sum[HALF_VECS + v] = v_add_pairs(sum[HALF_VECS + v], v_test16(rows1, bit[v]), pair);
        }
    }
    for (uint32_t v = 0; v < 2u * HALF_VECS; v++) {
        v_store(out + v * LANES, sum[v]);
    }
}

static MB_TARGET void v_back(uint32_t *sums, const mb_matrix *weights, const int16_t *d) {
    if (weights->layout != MB_WORD_PANELS) {
        mb_back_scalar(sums, weights, d);
        return;
    }
    int32_t total = 0; /* at most 65,535 * 32,767 */
    for (uint32_t j = 0; j < weights->n_out; j++) {
        total += d[j];
    }
    for (uint32_t w = 0; w < weights->words; w++) {
        uint32_t columns[32];
        uint32_t n = weights->n_in - 32u * w < 32u ? weights->n_in - 32u * w : 32u;
        v_back_word(columns, weights, w, d);
        for (uint32_t c = 0; c < n; c++) {
            sums[32u * (size_t)w + c] = 2u * columns[c] - (uint32_t)total;
        }
    }
}

#endif /* MB_KERNELS_LANES_LAYER_H */
