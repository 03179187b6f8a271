/* kernels.h: the inner loops. scalar.c is the specification of what they compute. */
#ifndef MB_KERNELS_H
#define MB_KERNELS_H

#include <stdint.h>

/* sums[j] = sum over k of W[j][k] * x[k], weights and activations both +-1 and packed.
 *   weights (n_out, words), x (words), padding bits zero; n_in is the true length */
void mb_dense_bits_scalar(int32_t *sums, const uint32_t *weights, const uint32_t *x, uint32_t n_in,
                          uint32_t n_out);

/* The same for 8-bit x: sums[j] = sum over k of W[j][k] * (x[k] - zero_point).
 *   x (n_in) uint8, or int8 when is_signed */
void mb_dense_bytes_scalar(int32_t *sums, const uint32_t *weights, const uint8_t *x, uint32_t n_in,
                           uint32_t n_out, uint32_t is_signed, int32_t zero_point);

/* sums[k] += error where the weight is +1, for one row of packed weights: the error on its way back.
 *   sums (n_in), modulo 2^32, weights (words) */
void mb_back_row_scalar(uint32_t *sums, const uint32_t *weights, int32_t error, uint32_t n_in);

#endif /* MB_KERNELS_H */
