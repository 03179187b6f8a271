/* swar.h: the kernels of swar.c by name, for sets that have nothing better for one of them. */
#ifndef MB_KERNELS_SWAR_H
#define MB_KERNELS_SWAR_H

#include "../kernels.h"

void mb_dense_bits_swar(int32_t *sums, const mb_matrix *weights, const uint32_t *x);
void mb_dense_bytes_swar(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                         mb_as_uint8 type);
void mb_bits_by_threshold_swar(uint32_t *bits, const int32_t *sums, const int32_t *thresholds,
                               uint32_t n);

#endif /* MB_KERNELS_SWAR_H */
