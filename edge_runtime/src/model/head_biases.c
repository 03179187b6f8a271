/* head_biases.c: the bias of each class of a counting head. */
#include "head_biases.h"

/* A class that has no samples yet, or no weights, never wins. */
#define NEVER (-3.0e38f)

/* ln(n) by straight lines between powers of two, at most 0.06 too small; n >= 1. */
static float log_of_count(uint32_t n) {
    uint32_t e = mb_bit_length(n) - 1u;
    float power = (float)(1u << e);
    return ((float)e + (float)(n - (1u << e)) / power) * 0.6931472f;
}

void mb_head_bias(mb_model *model, uint32_t c) {
    const mb_head *head = mb_head_of(model);
    const mb_counters *counters = (const mb_counters *)mb_in_arena(model, head->counters_at);
    const uint16_t *counts = (const uint16_t *)mb_in_arena(model, head->counts_at);
    uint32_t count = counts[c], n = head->n_features, fed = counts[head->n_classes + c];
    const int16_t *mean = (const int16_t *)mb_in_arena(model, head->means_at) + (size_t)c * n;
    const int16_t *weight = (const int16_t *)mb_in_arena(model, head->weights_at) + (size_t)c * n;
    int64_t dot = 0;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        dot += (int32_t)weight[i] * mean[i];
        any |= weight[i] != 0;
    }
    float unit = counters->scale * (-0.5f / MB_MEAN_UNIT);
    uint32_t frequent = count > fed ? fed + 1u : count; /* of a class that is open to all samples */
    float known = (float)dot * unit + head->prior * log_of_count(frequent > 0 ? frequent : 1u);
    if (head->bonus_at != 0) {
        known = known + ((const float *)mb_in_blob(model, head->bonus_at))[c];
    }
    ((float *)mb_in_arena(model, head->bias_at))[c] = any && count > 0 ? known : NEVER;
}

void mb_head_biases(mb_model *model) {
    for (uint32_t c = 0; c < mb_head_of(model)->n_classes; c++) {
        mb_head_bias(model, c);
    }
}
