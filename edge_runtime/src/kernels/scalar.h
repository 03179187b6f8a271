/* scalar.h: the scalar kernels by name, for sets that have nothing better for one of them. */
#ifndef MB_KERNELS_SCALAR_H
#define MB_KERNELS_SCALAR_H

#include "kernels.h"

void mb_dense_bits_scalar(int32_t *sums, const mb_matrix *weights, const uint32_t *x);
void mb_dense_bytes_scalar(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                           mb_as_uint8 type);
void mb_bits_by_threshold_scalar(uint32_t *bits, const int32_t *sums, const int32_t *thresholds,
                                 uint32_t n);
void mb_convolve_bits_scalar(uint32_t *bits, const mb_matrix *weights, const int32_t *thresholds,
                             const mb_patches *patches);
void mb_convolve_bytes_scalar(uint32_t *bits, const mb_spread *weights, const mb_patches *patches);
void mb_bits_by_norm_scalar(uint32_t *bits, const int32_t *sums, const mb_norm_view *norm,
                            uint32_t n);
void mb_back_scalar(uint32_t *sums, const mb_matrix *weights, const int16_t *d);
void mb_pass_norm_scalar(float *error, const int32_t *sums, const mb_hidden_norm *norm, uint32_t n);
void mb_inverse_roots_scalar(float *inv_std, const float *var, float eps, uint32_t n);
void mb_draw_scalar(uint32_t *draws, uint32_t counter, uint32_t n);

extern const mb_kernels mb_kernels_scalar;

#endif /* MB_KERNELS_SCALAR_H */
