/* hidden_norm.h: errors on their way back through the normalisation of a hidden layer, channel by
 * channel, and what its running values make of them: the specification of mb_kernels.pass_norm, and
 * of convolutions, which have many positions per channel.
 */
#ifndef MB_KERNELS_HIDDEN_NORM_H
#define MB_KERNELS_HIDDEN_NORM_H

#include "../arith.h"
#include "kernels.h"

#define MB_LEAST_VARIANCE 1.0f /* sums are integers: less carries nothing */

/* Sums over the positions of a channel. */
typedef struct mb_channel_sums {
    float errors, products, deltas, squares;
} mb_channel_sums;

/* Pass one error of channel j back. */
static inline float mb_pass_error(const mb_hidden_norm *norm, mb_channel_sums *channel, uint32_t j,
                                  int32_t sum, float error) {
    float delta = (float)sum - norm->mean[j], normalised = delta * norm->inv_std[j];
    float e = error * norm->gamma[j];
    float corrected = (e - norm->mean_error[j]) - normalised * norm->mean_product[j];
    channel->errors = channel->errors + e;
    channel->products = channel->products + e * normalised;
    channel->deltas = channel->deltas + delta;
    channel->squares = channel->squares + delta * delta;
    return corrected * norm->inv_std[j];
}

/* Let the running values of channel j follow these sums, each times `share`. */
static inline void mb_follow_channel(const mb_hidden_norm *norm, const mb_channel_sums *channel,
                                     uint32_t j, float share) {
    float *error = &norm->mean_error[j], *product = &norm->mean_product[j];
    *error = mb_running_mean(*error, channel->errors * share, norm->error_rate);
    *product = mb_running_mean(*product, channel->products * share, norm->error_rate);
    norm->mean[j] = mb_settled(norm->mean[j] + norm->norm_rate * (channel->deltas * share));
    float keep = 1.0f - norm->norm_rate;
    float spread = keep * (norm->var[j] + norm->norm_rate * (channel->squares * share));
    spread = mb_settled(spread);
    norm->var[j] = spread >= MB_LEAST_VARIANCE ? spread : MB_LEAST_VARIANCE;
}

#endif /* MB_KERNELS_HIDDEN_NORM_H */
