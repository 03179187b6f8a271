/* backward_conv.h: errors of a convolution on their way back. */
#ifndef MB_BACKWARD_CONV_H
#define MB_BACKWARD_CONV_H

#include "../layer.h"

/* Bits of the errors of a convolution, so that its gradients fit 32 bits with their sign: at most
 * 15, fewer after 8-bit maps of over 256 positions in all samples of a step. */
uint32_t mb_conv_error_bits(const mb_model *model, const mb_layer *layer);

/* Send the errors d of the last sample's pooled sums (n_positions, n_out) back through the signs
 * into `back`, int32 per value of the layer below. */
void mb_send_back_map(const mb_model *model, const mb_layer *layer, const int16_t *d,
                      uint32_t *back);

#endif /* MB_BACKWARD_CONV_H */
