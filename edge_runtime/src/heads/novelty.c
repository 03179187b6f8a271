/* novelty.c: how far a sample is from everything that a head knows. */
#include "../forward/forward.h"
#include "heads.h"
#include "solve.h"

int mb_novelty(mb_model *model, const void *samples, size_t n, int32_t *labels, float *novelty) {
    if (model == NULL || (n > 0 && (samples == NULL || novelty == NULL))) {
        return MB_ERR_INPUT;
    }
    if (!mb_counts(model) || mb_head_of(model)->limit <= 0.0f) {
        return MB_ERR_NO_STATE;
    }
    const uint8_t *sample = (const uint8_t *)samples;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        mb_forward(model, sample);
        int32_t label = mb_head_predict(model, sample);
        if (labels != NULL) {
            labels[i] = label;
        }
        novelty[i] = mb_head_distance(model, (uint32_t)label) / mb_head_of(model)->limit;
    }
    return MB_OK;
}
