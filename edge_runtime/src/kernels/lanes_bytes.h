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
} __attribute__((aligned(64))) v_tables;

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

/* Two registers of rows, which share the loads of tables. */
typedef struct v_two {
    vec one, other;
} v_two;

/* Sums of two registers of rows on their way through a chunk. */
typedef struct v_chunk_sum {
    v_split low_one, low_other, high_one, high_other;
} v_chunk_sum;

/* A group of four inputs: what the lowest nibbles look up. High parts are added up; low parts, which
 * soon fill a byte, are returned. This order of operations keeps few registers alive. */
MB_INLINE v_two v_look_up_4(v_two *high, const v_tables *t, uint32_t g, vec one, vec other) {
    static const uint8_t nibbles[16] = {15, 15, 15, 15, 15, 15, 15, 15,
                                        15, 15, 15, 15, 15, 15, 15, 15};
    const vec nibble = v_table(nibbles);
    vec low_table = v_table(t->low[g]), high_table = v_table(t->high[g]);
    one = v_and(one, nibble);
    other = v_and(other, nibble);
    high->one = v_add8(high->one, v_look_up(high_table, one));
    high->other = v_add8(high->other, v_look_up(high_table, other));
    v_two low = {v_look_up(low_table, one), v_look_up(low_table, other)};
    return low;
}

MB_INLINE v_two v_two_add8(v_two a, v_two b) {
    v_two sum = {v_add8(a.one, b.one), v_add8(a.other, b.other)};
    return sum;
}

/* Two groups of four inputs: a byte of weights a row. */
MB_INLINE v_two v_look_up_8(v_two *high, const v_tables *t, uint32_t g, v_two bytes) {
    v_two low = v_look_up_4(high, t, g, bytes.one, bytes.other);
    return v_two_add8(low,
                      v_look_up_4(high, t, g + 1u, v_shr16(bytes.one, 4), v_shr16(bytes.other, 4)));
}

/* Where two registers of rows begin: a register of 64 bytes is in two panels. */
typedef struct v_places {
    const uint8_t *one[2], *other[2];
} v_places;

MB_INLINE v_two v_two_rows(const v_places *rows, size_t at) {
    v_two bytes = {v_rows(rows->one[0] + at, rows->one[1] + at),
                   v_rows(rows->other[0] + at, rows->other[1] + at)};
    return bytes;
}

MB_INLINE void v_finish_rows(int32_t *sums, v_split low, v_split high) {
    v_add_rows(sums, v_add16(v_split_even(low), v_shl16(v_split_even(high), 6)),
               v_add16(low.odd, v_shl16(high.odd, 6)));
}

/* Add a chunk to the sums of two registers of rows. */
MB_INLINE void v_bytes_tile(int32_t *sums, const v_tables *t, const v_places *rows,
                            uint32_t groups) {
    const v_split none = {v_zero(), v_zero()};
    v_chunk_sum sum = {none, none, none, none};
    size_t at = 0;
    for (uint32_t g = 0; g < groups;) {
        uint32_t end = groups - g > 16u ? g + 16u : groups;
        v_two high = {v_zero(), v_zero()};
        for (; g < end; g += 4u, at += 64) {
            v_two low = v_look_up_8(&high, t, g, v_two_rows(rows, at));
            low = v_two_add8(low, v_look_up_8(&high, t, g + 2u, v_two_rows(rows, at + 32)));
            sum.low_one = v_split_add(sum.low_one, low.one);
            sum.low_other = v_split_add(sum.low_other, low.other);
        }
        sum.high_one = v_split_add(sum.high_one, high.one);
        sum.high_other = v_split_add(sum.high_other, high.other);
    }
    v_finish_rows(sums, sum.low_one, sum.high_one);
    v_finish_rows(sums + VEC_BYTES, sum.low_other, sum.high_other);
}

/* Add a chunk, which begins at byte `from` of every row, to the sums of all rows. */
MB_INLINE void v_bytes_chunk(int32_t *sums, const mb_matrix *weights, const v_tables *t,
                             uint32_t from, uint32_t groups) {
    uint32_t rows = mb_panel_rows(MB_BYTE_PANELS, weights->n_out);
    size_t panel_bytes = (size_t)128 * weights->words;
    const uint8_t *start = weights->at + 32u * (size_t)from;
    for (uint32_t j = 0; j < rows; j += 2u * VEC_BYTES) {
        const uint8_t *at[4];
        for (uint32_t i = 0; i < 4u; i++) { /* what is missing of a last tile is computed twice */
            uint32_t row = j + i / 2u * VEC_BYTES + (VEC_BYTES == 64u ? i % 2u * 32u : 0);
            row = row < rows ? row : j;
            at[i] = start + row / 32u * panel_bytes + row % 32u;
        }
        v_places places = {{at[0], at[1]}, {at[2], at[3]}};
        if (rows - j >= 2u * VEC_BYTES) {
            v_bytes_tile(sums + j, t, &places, groups);
        } else {
            int32_t spare[2u * VEC_BYTES] = {0};
            v_bytes_tile(spare, t, &places, groups);
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
