/* centre.h: the running mean of each input, in a network whose first layer is dense and learns.
 *
 * Inputs that are not centred move all weights of a row the same way in each step, and ruin a
 * network. So the moves of the first layer see each input less its mean. The forward pass does not:
 * there the running mean of a row's sums takes the means of the inputs off. Wherever a weight
 * changes its sign, that running mean changes by twice the mean of the weight's input, so that the
 * result is what a forward pass would give that sees centred inputs.
 */
#ifndef MB_CENTRE_H
#define MB_CENTRE_H

#include "../arith.h"
#include "../layer.h"

#define MB_MEAN_BITS 16u /* of a mean, after the point */

/* Whether the network keeps means of its inputs. */
static inline bool mb_centres(const mb_model *model) {
    return model->first_learning == 0 && !mb_convolves(&mb_layers(model)[0]);
}

/* The means, (n_inputs); NULL where a layer does not see the sample, or nothing is centred. */
static inline const int32_t *mb_means_seen_by(const mb_model *model, const mb_layer *layer) {
    bool centred = layer->sees_sample && mb_centres(model);
    return centred ? (const int32_t *)mb_in_arena(model, model->means_at) : NULL;
}

/* A mean in units of the input, rounded. */
static inline int32_t mb_whole_mean(int32_t mean) {
    return mb_shift_down(mean + (1 << (MB_MEAN_BITS - 1u)), MB_MEAN_BITS);
}

/* The weight of an input has changed its sign, upwards (`rises` 1) or downwards (0): change the
 * running mean of its row's sums. */
static inline void mb_keep_centred(float *row_mean, int32_t input_mean, uint32_t rises) {
    int32_t change = 2 * mb_whole_mean(input_mean);
    *row_mean = *row_mean + (float)(rises ? change : -change);
}

/* Let the means follow a sample (n_inputs) that is learnt: they are plain means of the first
 * samples, then fade over 512. */
void mb_follow_inputs(const mb_model *model, const uint8_t *sample);

#endif /* MB_CENTRE_H */
