/* centre.c: running means of the inputs. */
#include "centre.h"

#define SLOWEST 9u /* they fade over 2^9 samples */

void mb_follow_inputs(const mb_model *model, const uint8_t *sample) {
    const mb_learnt *learnt = (const mb_learnt *)mb_in_arena(model, model->learnt_at);
    int32_t *restrict means = (int32_t *)mb_in_arena(model, model->means_at);
    uint32_t shift = mb_fade_shift(learnt->n_learnt, SLOWEST);
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        int32_t x = mb_centred(model->sample_type, sample[i]) * (1 << MB_MEAN_BITS);
        means[i] = mb_fade(means[i], x, shift);
    }
}
