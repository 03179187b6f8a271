/* lanes_bytes.h: sums of one-bit weights and 8-bit inputs; part of lanes.h.
 *
 * For four inputs a table has the sums of all sixteen subsets; the nibbles of the weights are
 * looked up in it. With z the zero point, an entry is the sum of x over the subset and of z over
 * the rest: it is in 0...1020, and kept as 32 * high + low in two tables of bytes. Both parts of 8
 * look-ups add up in a byte, to at most 248; wider sums split into rows of even and of odd number.
 * A panel holds 32 rows byte by byte, so that all bytes of a register look up in the same tables.
 *
 * Wider sums are taken modulo 2^16. A row's sum lies between the sum of min(x, z) and the sum of
 * max(x, z), so a chunk of inputs may be as long as these two are less than 2^16 apart.
 */
#ifndef MB_KERNELS_LANES_BYTES_H
#define MB_KERNELS_LANES_BYTES_H

#define BLOCK_INPUTS 256u  /* at most 255 * 256 apart */
#define CHUNK_INPUTS 1024u /* a bound for the tables */
#define CHUNK_GROUPS (CHUNK_INPUTS / 4u)

/* Tables of a chunk of inputs; the sums of the inputs, and of min(x, z). */
typedef struct v_tables {
    uint8_t x[CHUNK_INPUTS + 64u];
    uint8_t low[CHUNK_GROUPS][16], high[CHUNK_GROUPS][16];
    uint32_t n, total, least;
} __attribute__((aligned(64))) v_tables;

/* Entry n of the table of the lane's 16 bytes takes input i of its four where bit i of n is set. */
#define TAKE(lane, i, n) (((n) >> (i)) & 1 ? 4 * (lane) + (i) : 0x80), 0x80
#define TAKE_4(lane, i, n) \
    TAKE(lane, i, n), TAKE(lane, i, n + 1), TAKE(lane, i, n + 2), TAKE(lane, i, n + 3)
#define TAKE_8(lane, i, n) TAKE_4(lane, i, n), TAKE_4(lane, i, n + 4)
#define TAKE_64(i, n) {TAKE_8(0, i, n), TAKE_8(1, i, n), TAKE_8(2, i, n), TAKE_8(3, i, n)}

static const uint8_t take_input[4][64] = {TAKE_64(0, 0), TAKE_64(1, 0), TAKE_64(2, 0),
                                          TAKE_64(3, 8)};

MB_INLINE uint32_t v_sum_lanes(vec sum) {
    uint32_t lanes[LANES], total = 0;
    v_store(lanes, sum);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        total += lanes[lane];
    }
    return total;
}

/* Append n inputs to the tables' x as uint8, and zeros after them. Returns false if the chunk would
 * be too long. */
MB_INLINE bool v_take_block(v_tables *t, const uint8_t *x, uint32_t n, uint8_t flip, uint8_t zero) {
    uint8_t flips[16], zeros[16], *to = t->x + t->n;
    for (uint32_t i = 0; i < 16u; i++) {
        flips[i] = flip;
        zeros[i] = zero;
    }
    vec sum = v_zero(), least = v_zero();
    uint32_t i = 0;
    for (; i + VEC_BYTES <= n; i += VEC_BYTES) {
        vec inputs = v_xor(v_load(x + i), v_table(flips));
        v_store(to + i, inputs);
        sum = v_add32(sum, v_sum8(inputs));
        least = v_add32(least, v_sum8(v_min8(inputs, v_table(zeros))));
    }
    uint32_t total = t->total + v_sum_lanes(sum), all_least = t->least + v_sum_lanes(least);
    for (; i < n; i++) {
        to[i] = x[i] ^ flip;
        total += to[i];
        all_least += to[i] < zero ? to[i] : zero;
    }
    if (total + zero * (t->n + n) - 2u * all_least > 0xffffu) {
        return false;
    }
    for (uint32_t end = i + 64u - n % 64u; i < end; i++) {
        to[i] = 0;
    }
    t->n += n;
    t->total = total;
    t->least = all_least;
    return true;
}

/* As many of n inputs, at least one, as a chunk may have. */
MB_INLINE void v_take_chunk(v_tables *t, const uint8_t *x, uint32_t n, uint8_t flip, uint8_t zero) {
    bool more = true;
    t->n = t->total = t->least = 0;
    while (more && t->n < n && t->n < CHUNK_INPUTS) {
        uint32_t left = n - t->n;
        more = v_take_block(t, x + t->n, left < BLOCK_INPUTS ? left : BLOCK_INPUTS, flip, zero);
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
    static const uint16_t low_bits[8] = {31, 31, 31, 31, 31, 31, 31, 31};
    const vec mask = v_table(low_bits);
    const vec take0 = v_load(take_input[0]), take1 = v_load(take_input[1]);
    const vec take2 = v_load(take_input[2]), take3 = v_load(take_input[3]);
    for (uint32_t g = 0; g < groups; g += VEC_BYTES / 16u) {
        vec x = v_table(t->x + 4u * g);
        vec three = v_add16(v_add16(v_look_up(x, take0), v_look_up(x, take1)), v_look_up(x, take2));
        vec first = v_add16(three, offset[0]);
        vec second = v_add16(v_add16(three, v_look_up(x, take3)), offset[1]);
        v_store(t->low[g], v_pack8(v_and(first, mask), v_and(second, mask)));
        v_store(t->high[g], v_pack8(v_shr16(first, 5), v_shr16(second, 5)));
    }
}

/* Sums of bytes in 16-bit lanes: of rows of odd number, and of all as even + 256 * odd, modulo
 * 2^16. */
typedef struct v_split {
    vec all, odd;
} v_split;

MB_INLINE v_split v_split_add(v_split sum, vec bytes) {
    sum.all = v_add16(sum.all, bytes);
    sum.odd = v_add16(sum.odd, v_shr16(bytes, 8));
    return sum;
}

MB_INLINE vec v_split_even(v_split sum) { return v_sub16(sum.all, v_shl16(sum.odd, 8)); }

/* What a register of rows looked up: low and high parts, one byte each per row. */
typedef struct v_bytes {
    vec low, high;
} v_bytes;

/* The tables of two groups of four inputs. */
typedef struct v_pair_of_tables {
    vec low0, high0, low1, high1;
} v_pair_of_tables;

/* The tables of the two groups whose byte of weights lies `at` bytes after the first: both together
 * take 32 bytes. */
MB_INLINE v_pair_of_tables v_tables_at(const v_tables *t, size_t at) {
    const uint8_t *low = (const uint8_t *)t->low + at, *high = (const uint8_t *)t->high + at;
    v_pair_of_tables both = {v_table(low), v_table(high), v_table(low + 16), v_table(high + 16)};
    return both;
}

/* Look up one byte of weights per row. Without v_keep() compilers add in another order, which needs
 * more registers than there are. */
MB_INLINE v_bytes v_look_up_8(v_bytes sum, vec weights, const v_pair_of_tables *t) {
    static const uint8_t nibbles[16] = {15, 15, 15, 15, 15, 15, 15, 15,
                                        15, 15, 15, 15, 15, 15, 15, 15};
    v_keep(weights);
    const vec nibble = v_table(nibbles), first = v_and(weights, nibble);
    sum.low = v_add8(sum.low, v_look_up(t->low0, first));
    sum.high = v_add8(sum.high, v_look_up(t->high0, first));
    v_keep(sum.low);
    v_keep(sum.high);
    const vec second = v_and(v_shr16(weights, 4), nibble);
    sum.low = v_add8(sum.low, v_look_up(t->low1, second));
    sum.high = v_add8(sum.high, v_look_up(t->high1, second));
    v_keep(sum.low);
    v_keep(sum.high);
    return sum;
}

/* The same over a chunk, for one register of rows. */
typedef struct v_chunk_sum {
    v_split low, high;
} v_chunk_sum;

MB_INLINE void v_add_bytes(v_chunk_sum *sum, v_bytes bytes) {
    sum->low = v_split_add(sum->low, bytes.low);
    sum->high = v_split_add(sum->high, bytes.high);
}

/* Where registers of rows begin. The second half of a register of 64 bytes comes from `beside`
 * bytes later, from another panel. */
typedef struct v_places {
    const uint8_t *rows[4];
    size_t beside;
} v_places;

MB_INLINE vec v_rows_at(const v_places *places, uint32_t i, size_t at) {
    const uint8_t *rows = places->rows[i] + at;
    return v_rows(rows, rows + places->beside);
}

/* Onto the sums of a register of rows: what is above the least, modulo 2^16. */
MB_INLINE void v_finish_rows(int32_t *sums, const v_chunk_sum *sum, vec least) {
    vec even = v_add16(v_split_even(sum->low), v_shl16(v_split_even(sum->high), 5));
    vec odd = v_add16(sum->low.odd, v_shl16(sum->high.odd, 5));
    v_add_rows(sums, v_sub16(even, least), v_sub16(odd, least));
}

/* A chunk for four registers of rows, which share the loads of tables. */
static MB_TARGET void v_bytes_tile_4(int32_t *sums, const v_tables *t, const v_places *places,
                                     size_t bytes, vec least) {
    const v_chunk_sum none = {{v_zero(), v_zero()}, {v_zero(), v_zero()}};
    v_chunk_sum sum[4] = {none, none, none, none};
    for (size_t at = 0; at < bytes;) {
        v_bytes a = {v_zero(), v_zero()}, b = a, c = a, d = a;
        for (const size_t end = at + 128u; at != end; at += 32) {
            const v_pair_of_tables tables = v_tables_at(t, at);
            a = v_look_up_8(a, v_rows_at(places, 0, at), &tables);
            b = v_look_up_8(b, v_rows_at(places, 1, at), &tables);
            c = v_look_up_8(c, v_rows_at(places, 2, at), &tables);
            d = v_look_up_8(d, v_rows_at(places, 3, at), &tables);
        }
        v_add_bytes(&sum[0], a);
        v_add_bytes(&sum[1], b);
        v_add_bytes(&sum[2], c);
        v_add_bytes(&sum[3], d);
    }
    for (uint32_t i = 0; i < 4u; i++) {
        v_finish_rows(sums + i * VEC_BYTES, &sum[i], least);
    }
}

/* The same for one. */
static MB_TARGET void v_bytes_tile_1(int32_t *sums, const v_tables *t, const v_places *places,
                                     size_t bytes, vec least) {
    v_chunk_sum sum = {{v_zero(), v_zero()}, {v_zero(), v_zero()}};
    for (size_t at = 0; at < bytes;) {
        v_bytes a = {v_zero(), v_zero()};
        for (const size_t end = at + 128u; at != end; at += 32) {
            const v_pair_of_tables tables = v_tables_at(t, at);
            a = v_look_up_8(a, v_rows_at(places, 0, at), &tables);
        }
        v_add_bytes(&sum, a);
    }
    v_finish_rows(sums, &sum, least);
}

/* Add a chunk, which begins at byte `from` of every row, to the sums of all rows. */
MB_INLINE void v_bytes_chunk(int32_t *sums, const mb_matrix *weights, const v_tables *t,
                             uint32_t from, uint32_t groups, uint32_t least) {
    const uint32_t rows = mb_panel_rows(MB_BYTE_PANELS, weights->n_out);
    const size_t panel_bytes = (size_t)128 * weights->words;
    const uint32_t twice = (least & 0xffffu) * 0x10001u;
    const vec each = v_set32(&twice);
    const size_t bytes = (size_t)16 * groups; /* of weights of 32 rows, and of either table */
    for (uint32_t j = 0; j < rows;) {
        v_places places = {{NULL, NULL, NULL, NULL}, panel_bytes};
        for (uint32_t i = 0; i < 4u; i++) {
            uint32_t row = j + i * VEC_BYTES;
            row = row < rows ? row : j;
            places.rows[i] =
                weights->bytes + 32u * (size_t)from + row / 32u * panel_bytes + row % 32u;
        }
        if (rows - j >= 4u * VEC_BYTES) {
            v_bytes_tile_4(sums + j, t, &places, bytes, each);
            j += 4u * VEC_BYTES;
        } else if (rows - j >= VEC_BYTES) {
            v_bytes_tile_1(sums + j, t, &places, bytes, each);
            j += VEC_BYTES;
        } else { /* half a register: the other half is computed twice */
            int32_t spare[VEC_BYTES] = {0};
            places.beside = 0;
            v_bytes_tile_1(spare, t, &places, bytes, each);
            for (; j < rows; j++) {
                sums[j] += spare[j % 32u];
            }
        }
    }
}

static MB_TARGET void v_dense_bytes(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                                    mb_as_uint8 type) {
    if (weights->layout != MB_BYTE_PANELS) {
        IN_ROWS(dense_bytes)(sums, weights, x, type);
        return;
    }
    const uint32_t zero = type.zero, n_in = weights->n_in;
    const uint32_t rows = mb_panel_rows(MB_BYTE_PANELS, weights->n_out);
    uint32_t total = 0, least = 0;
    v_tables tables;
    vec offset[2];
    v_offsets(offset, zero);
    for (uint32_t j = 0; j < rows; j++) {
        sums[j] = 0;
    }
    for (uint32_t i = 0; i < n_in; i += tables.n) {
        v_take_chunk(&tables, x + i, n_in - i, (uint8_t)type.flip, (uint8_t)zero);
        uint32_t groups = (tables.n + 31u) / 32u * 8u;
        uint32_t here = tables.least + zero * (4u * groups - tables.n); /* weights there are 0 */
        v_make_tables(&tables, groups, offset);
        v_bytes_chunk(sums, weights, &tables, i / 8u, groups, here);
        total += tables.total;
        least += here;
    }
    /* With P the sum of x - z where the weight is +1 and T the sum of all x - z, the result is
     * P - (T - P) = 2 P - T. */
    uint32_t shift = 2u * (32u * zero * weights->words - least) + total - zero * n_in;
    for (uint32_t j = 0; j < rows; j++) {
        sums[j] = (int32_t)(2u * (uint32_t)sums[j] - shift);
    }
}

#endif /* MB_KERNELS_LANES_BYTES_H */
