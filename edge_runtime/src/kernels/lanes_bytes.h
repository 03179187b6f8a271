/* lanes_bytes.h: sums of one-bit weights and 8-bit inputs; part of lanes.h.
 *
 * For four inputs a table has the sums of all sixteen subsets; the nibbles of the weights are looked up in
 * it. With z the zero point, an entry is the sum of x - z over the subset, plus 4 z: it is in 0...1020
 * whatever the inputs are, and kept as 64 * high + low in two tables of bytes. The low parts of 4 look-ups
 * add up in a byte, to at most 252, and the high parts of 16, to at most 240; wider sums split into rows
 * of even and of odd number. A panel holds 32 rows byte by byte, so that all bytes of a register look up in
 * the same tables.
 */
#ifndef MB_KERNELS_LANES_BYTES_H
#define MB_KERNELS_LANES_BYTES_H

#define CHUNK_INPUTS 256u /* at most 64 * 1020 a row: in 16 bits */
#define CHUNK_GROUPS (CHUNK_INPUTS / 4u)

/* Tables of a chunk of inputs, and their sum. */
typedef struct v_tables {
    uint8_t x[CHUNK_INPUTS + 64u];
    uint8_t low[CHUNK_GROUPS][16], high[CHUNK_GROUPS][16];
    uint32_t total;
} v_tables;

/* Entry n of the table of the lane's 16 bytes takes input i of its four where bit i of n is set. */
#define TAKE(lane, i, n) (((n) >> (i)) & 1 ? 4 * (lane) + (i) : 0x80), 0x80
#define TAKE_4(lane, i, n) \
    TAKE(lane, i, n), TAKE(lane, i, n + 1), TAKE(lane, i, n + 2), TAKE(lane, i, n + 3)
#define TAKE_8(lane, i, n) TAKE_4(lane, i, n), TAKE_4(lane, i, n + 4)
#define TAKE_64(i, n) {TAKE_8(0, i, n), TAKE_8(1, i, n), TAKE_8(2, i, n), TAKE_8(3, i, n)}

static const uint8_t take_input[4][64] = {TAKE_64(0, 0), TAKE_64(1, 0), TAKE_64(2, 0),
                                          TAKE_64(3, 8)};

/* Bring n inputs into the table's x as uint8, zeros behind them, and sum them up. */
MB_INLINE void v_take_inputs(v_tables *t, const uint8_t *x, uint32_t n, const uint8_t flip[16]) {
    vec sum = v_zero(), flips = v_table(flip);
    uint32_t lanes[LANES], i = 0;
    for (; i + VEC_BYTES <= n; i += VEC_BYTES) {
        vec inputs = v_xor(v_load(x + i), flips);
        v_store(t->x + i, inputs);
        sum = v_add32(sum, v_sum8(inputs));
    }
    v_store(lanes, sum);
    t->total = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        t->total += lanes[lane];
    }
    for (; i < n; i++) {
        t->x[i] = x[i] ^ flip[0];
        t->total += t->x[i];
    }
    for (uint32_t end = i + 48u < sizeof t->x ? i + 48u : sizeof t->x; i < end; i++) {
        t->x[i] = 0;
    }
}

/* z * (4 - ones in n) for n in 0...7 and in 8...15, 16-bit lanes. */
MB_INLINE void v_offsets(vec offset[2], uint32_t zero) {
    static const uint8_t absent[16] = {4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0};
    uint16_t product[16];
    for (uint32_t n = 0; n < 16u; n++) {
        product[n] = (uint16_t)(zero * absent[n]);
    }
    offset[0] = v_table(product);
    offset[1] = v_table(product + 8);
}

MB_INLINE void v_make_tables(v_tables *t, uint32_t groups, const vec offset[2]) {
    static const uint16_t low_bits[8] = {63, 63, 63, 63, 63, 63, 63, 63};
    const vec mask = v_table(low_bits);
    const vec take0 = v_load(take_input[0]), take1 = v_load(take_input[1]);
    const vec take2 = v_load(take_input[2]), take3 = v_load(take_input[3]);
    for (uint32_t g = 0; g < groups; g += VEC_BYTES / 16u) {
        vec x = v_table(t->x + 4u * g);
        vec three = v_add16(v_add16(v_look_up(x, take0), v_look_up(x, take1)), v_look_up(x, take2));
        vec first = v_add16(three, offset[0]);
        vec second = v_add16(v_add16(three, v_look_up(x, take3)), offset[1]);
        v_store(t->low[g], v_pack8(v_and(first, mask), v_and(second, mask)));
        v_store(t->high[g], v_pack8(v_shr16(first, 6), v_shr16(second, 6)));
    }
}

/* Sums of bytes in 16-bit lanes: of rows of odd number, and of all as even + 256 * odd, modulo 2^16. */
typedef struct v_split {
    vec all, odd;
} v_split;

MB_INLINE v_split v_split_add(v_split sum, vec bytes) {
    sum.all = v_add16(sum.all, bytes);
    sum.odd = v_add16(sum.odd, v_shr16(bytes, 8));
    return sum;
}

MB_INLINE vec v_split_even(v_split sum) { return v_sub16(sum.all, v_shl16(sum.odd, 8)); }

/* One register of rows: what the weights of 16 inputs look up. */
typedef struct v_found {
    vec low, high;
} v_found;

MB_INLINE v_found v_look_up_16(const v_tables *t, uint32_t g, const uint8_t *at,
                               const uint8_t *next, vec nibble) {
    vec w0 = v_rows(at, next), w1 = v_rows(at + 32, next + 32);
    vec n0 = v_and(w0, nibble), n1 = v_and(v_shr16(w0, 4), nibble);
    vec n2 = v_and(w1, nibble), n3 = v_and(v_shr16(w1, 4), nibble);
    v_found found;
    found.low = v_add8(
        v_add8(v_look_up(v_table(t->low[g]), n0), v_look_up(v_table(t->low[g + 1u]), n1)),
        v_add8(v_look_up(v_table(t->low[g + 2u]), n2), v_look_up(v_table(t->low[g + 3u]), n3)));
    found.high = v_add8(
        v_add8(v_look_up(v_table(t->high[g]), n0), v_look_up(v_table(t->high[g + 1u]), n1)),
        v_add8(v_look_up(v_table(t->high[g + 2u]), n2), v_look_up(v_table(t->high[g + 3u]), n3)));
    return found;
}

/* Add a chunk to the sums of one register of rows. */
MB_INLINE void v_bytes_tile(int32_t *sums, const v_tables *t, const uint8_t *at,
                            const uint8_t *next, uint32_t groups) {
    static const uint8_t nibbles[16] = {15, 15, 15, 15, 15, 15, 15, 15,
                                        15, 15, 15, 15, 15, 15, 15, 15};
    const vec nibble = v_table(nibbles);
    v_split low = {v_zero(), v_zero()}, high = low;
    for (uint32_t g = 0; g < groups;) {
        uint32_t end = groups - g > 16u ? g + 16u : groups;
        vec high8 = v_zero();
        for (; g < end; g += 4u, at += 64, next += 64) {
            v_found found = v_look_up_16(t, g, at, next, nibble);
            low = v_split_add(low, found.low);
            high8 = v_add8(high8, found.high);
        }
        high = v_split_add(high, high8);
    }
    v_add_rows(sums, v_add16(v_split_even(low), v_shl16(v_split_even(high), 6)),
               v_add16(low.odd, v_shl16(high.odd, 6)));
}

/* Add a chunk to the sums of all rows. */
MB_INLINE void v_bytes_chunk(int32_t *sums, const mb_matrix *weights, const v_tables *t,
                             uint32_t from_byte, uint32_t groups) {
    uint32_t rows = mb_panel_rows(MB_BYTE_PANELS, weights->n_out);
    size_t panel_bytes = (size_t)128 * weights->words;
    for (uint32_t j = 0; j < rows; j += VEC_BYTES) {
        const uint8_t *at = weights->at + j / 32u * panel_bytes + j % 32u + 32u * (size_t)from_byte;
        if (j + VEC_BYTES <= rows) {
            v_bytes_tile(sums + j, t, at, at + panel_bytes, groups);
        } else { /* half a register is left: the same 32 rows twice */
            int32_t spare[VEC_BYTES] = {0};
            v_bytes_tile(spare, t, at, at, groups);
            for (uint32_t i = 0; i < rows - j; i++) {
                sums[j + i] += spare[i];
            }
        }
    }
}

static MB_TARGET void v_dense_bytes(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                                    uint32_t is_signed, int32_t zero_point) {
    if (weights->layout != MB_BYTE_PANELS) {
        mb_dense_bytes_scalar(sums, weights, x, is_signed, zero_point);
        return;
    }
    const uint8_t sign = is_signed ? 0x80 : 0;
    const uint8_t flip[16] = {sign, sign, sign, sign, sign, sign, sign, sign,
                              sign, sign, sign, sign, sign, sign, sign, sign};
    const uint32_t zero = (uint32_t)zero_point + sign;
    uint32_t rows = mb_panel_rows(MB_BYTE_PANELS, weights->n_out), n_in = weights->n_in;
    uint32_t total = 0;
    v_tables tables;
    vec offset[2];
    v_offsets(offset, zero);
    for (uint32_t j = 0; j < rows; j++) {
        sums[j] = 0;
    }
    for (uint32_t i = 0; i < n_in; i += CHUNK_INPUTS) {
        uint32_t n = n_in - i < CHUNK_INPUTS ? n_in - i : CHUNK_INPUTS,
                 groups = (n + 31u) / 32u * 8u;
        v_take_inputs(&tables, x + i, n, flip);
        v_make_tables(&tables, groups, offset);
        v_bytes_chunk(sums, weights, &tables, i / 8u, groups);
        total += tables.total;
    }
    /* With P the sum where the weight is +1 and T that of all x - z, it is P - (T - P) = 2 P - T. */
    uint32_t shift = 2u * 32u * zero * weights->words + total - zero * n_in;
    for (uint32_t j = 0; j < rows; j++) {
        sums[j] = (int32_t)(2u * (uint32_t)sums[j] - shift);
    }
}

#endif /* MB_KERNELS_LANES_BYTES_H */
