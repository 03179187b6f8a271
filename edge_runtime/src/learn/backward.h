/* backward.h: the error of a layer's outputs on its way back, one float per value that the layer
 * hands on. */
#ifndef MB_BACKWARD_H
#define MB_BACKWARD_H

#include "../layer.h"

/* Bits of the errors of a dense layer, without the sign. */
#define MB_ERROR_BITS 15u

/* Softmax cross-entropy: error of the logits = probability - (1 for the true label). */
void mb_output_error(mb_model *model, float *error, uint32_t label);

/* The straight-through estimator of the sign: the error passes only where |y| <= 1. */
void mb_pass_sign(const mb_model *model, const mb_layer *layer, float *error);

/* Back through the normalisation of the output. It stays as it is, because in a long stretch of one
 * label it would take that label's score away: only its means move, down the gradient, as biases
 * do. */
void mb_pass_output_norm(mb_model *model, float *error);

/* Back through the normalisation of a hidden layer, and let its running values follow this sample:
 * the means over the positions of a map. */
void mb_pass_norm(mb_model *model, const mb_layer *layer, float *error);

/* Round errors to int16 so that the largest lies in [2^(bits - 1), 2^bits). Returns what 1 then
 * stands for, or 0 if all errors are 0. */
float mb_quantize_errors(int16_t *d, const float *error, uint32_t n, uint32_t bits);

/* Give the errors d (n, n_values) of n samples the same unit: the largest of their units, which is
 * returned. */
float mb_align_errors(int16_t *d, const float *units, uint32_t n, uint32_t n_values);

#endif /* MB_BACKWARD_H */
