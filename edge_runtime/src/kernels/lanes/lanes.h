/* lanes.h: the kernels once, for any register width. A file that includes it has defined MB_TARGET,
 * the attribute that switches its instructions on; vec and VEC_BYTES, a register of 16, 32 or 64
 * bytes; and
 *
 *   v_load v_store v_zero v_xor v_and v_min8 v_add8 v_add16 v_add32 v_sub16 v_sub32 v_shl16 v_shr16
 *   v_set32(at)             the 32-bit word at an address, in every lane
 *   v_table(at)             the 16 bytes at an address, in every 16 bytes
 *   v_rows(at, next)        one byte of VEC_BYTES rows: 32 at `at` and, in 64 bytes, 32 at `next`
 *   v_look_up(table, i)     byte by byte within 16 bytes; 0 where i has its highest bit set
 *   v_pack8(a, b)           16-bit lanes to bytes, within every 16 bytes
 *   v_count(a) v_add_count COUNT_WORDS v_widen   ones in bytes or words; adding them; how many
 *                           words may be added; the sum in each 32-bit lane
 *   v_sum8(a)               the sum of the four bytes of each 32-bit lane
 *   v_add_rows(sums, even, odd)   16-bit lanes of rows of even and of odd number, onto int32 sums
 *   v_test16(a, bit)        all ones in the 16-bit lanes that have the bit
 *   v_add_pairs(sum, mask, pair)   both 16-bit halves of pair, where mask is set, onto 32-bit lanes
 *   v_at_least(a, b)        one bit per 32-bit lane: a >= b
 *   v_shr32 v_mul32         of 32-bit lanes; the low half of the product
 *   v_set16(at)             the two bytes at an address, in every 16-bit lane
 *   v_add_dots(sum, a, b)   two bytes of a times two signed ones of b, onto 16-bit lanes
 *   v_min16(a, b)           signed
 *   v_at_least16(a, b, c, d)   one bit per byte: a >= b in the low halves of 16-bit lanes, c >= d
 *                           in the high halves
 *   v_keep(a)               the compiler moves nothing across it
 *   either v_min32 or CONV_LOOKS_UP
 *   IN_ROWS(kernel)         the kernel of another set, for dense layers that are not in panels;
 *                           without it, the scalar kernel
 *
 * and either NO_FLOATS or vecf, a register of floats, with f_load f_store f_add f_sub f_mul f_div
 * f_sqrt, and
 *
 *   f_set(x)                x in every lane
 *   f_from_int32(a)         rounded to nearest
 *   f_not_negative(a)       one bit per lane: a >= 0
 *   f_at_least(a, b)        a >= b ? a : b, so b where a is not a number
 *   f_at_most(a, b)         a <= b ? a : b
 *   f_unless_below(a, b)    |a| < b ? 0 : a
 */
#ifndef MB_KERNELS_LANES_H
#define MB_KERNELS_LANES_H

#include "../scalar.h"

#define MB_INLINE static inline __attribute__((always_inline)) MB_TARGET

#define LANES (VEC_BYTES / 4u)

#ifndef IN_ROWS
#define IN_ROWS(kernel) mb_##kernel##_scalar
#endif

#include "lanes_bits.h"
#include "lanes_bytes.h"
#include "lanes_conv.h"
#include "lanes_conv_bytes.h"
#include "lanes_layer.h"
#include "lanes_learn.h"

#ifdef NO_FLOATS
#define v_bits_by_norm mb_bits_by_norm_scalar
#define v_pass_norm mb_pass_norm_scalar
#define v_inverse_roots mb_inverse_roots_scalar
#else
#include "lanes_floats.h"
#endif

/* The set of the file that includes this. */
#define MB_LANE_KERNELS(set)                      \
    const mb_kernels mb_kernels_##set = {         \
        .name = #set,                             \
        .runs = runs,                             \
        .dense_bits = v_dense_bits,               \
        .dense_bytes = v_dense_bytes,             \
        .bits_by_threshold = v_bits_by_threshold, \
        .convolve_bits = v_convolve_bits,         \
        .conv_layout = CONV_LAYOUT,               \
        .convolve_bytes = v_convolve_bytes,       \
        .bits_by_norm = v_bits_by_norm,           \
        .back = v_back,                           \
        .pass_norm = v_pass_norm,                 \
        .inverse_roots = v_inverse_roots,         \
        .draw = v_draw,                           \
    }

#endif /* MB_KERNELS_LANES_H */
