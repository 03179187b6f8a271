/* tracker.c: the start of a tracking head, its derived values, and the bounds of its state. */
#include "tracker.h"

#include "../file/tracker_section.h"
#include "../random.h"
#include "../rule/record.h"

/* Four random bytes have the sum 510 on average, and the deviation 147.8. */
#define MEAN_OF_BYTES 510
#define WEIGHTS_PER_STEP 13.8564f /* 2,048 steps of a weight over that deviation */
#define WEIGHT_LIMIT 32767

static int32_t sum_of_bytes(uint32_t word) {
    return (int32_t)((word & 255u) + (word >> 8 & 255u) + (word >> 16 & 255u) + (word >> 24));
}

void mb_tracker_start(mb_model *model, uint32_t seed) {
    const mb_tracker *head = mb_tracker_of(model);
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    mb_tracked *tracked = (mb_tracked *)mb_in_arena(model, head->tracked_at);
    int16_t *weights = (int16_t *)mb_in_arena(model, head->units_at);
    uint32_t n = 2u * head->n_values + 1u;
    float step = mb_sqrt(2.0f / (float)n) * WEIGHTS_PER_STEP;
    mb_random_seed(learnt->rng, seed);
    mb_start_record(model);
    for (uint32_t i = 0; i < head->n_units * n; i++) {
        int32_t sum = sum_of_bytes(mb_random(learnt->rng)) - MEAN_OF_BYTES;
        weights[i] = (int16_t)mb_round_within((float)sum * step, WEIGHT_LIMIT);
    }
    tracked->dither = mb_random(learnt->rng);
    for (uint32_t e = MB_QUICK; e <= MB_COUNTS; e++) {
        tracked->share[e] = 1.0f / 3.0f;
    }
    tracked->share[MB_NETWORK] = head->trust;
}

void mb_tracker_log(mb_model *model, uint32_t c) {
    const mb_tracker *head = mb_tracker_of(model);
    float shrink = ((const float *)mb_in_arena(model, head->shrink_at))[c];
    const float *square =
        (const float *)mb_in_arena(model, head->squares_at) + (size_t)c * head->n_values;
    float product = 1.0f;
    int32_t powers = 0; /* of two, taken out of the product */
    for (uint32_t i = 0; i < head->n_values; i++) {
        product = product * mb_smoothed(square[i], shrink);
        int32_t n = mb_exponent(product);
        product = product * mb_pow2(-n);
        powers += n;
    }
    ((float *)mb_in_arena(model, head->logs_at))[c] =
        0.5f * ((float)powers * 0.693147181f + mb_log(product));
}

void mb_tracker_logs(mb_model *model) {
    for (uint32_t c = 0; c < mb_tracker_of(model)->n_classes; c++) {
        mb_tracker_log(model, c);
    }
}

bool mb_tracker_is_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n) {
    const mb_tracker *head = mb_tracker_of(model);
    uint32_t first = head->tracked_at + (uint32_t)offsetof(mb_tracked, share);
    bool sane = true;
    for (uint32_t i = 0; i + 4u <= n; i += 4) {
        uint32_t here = model->learnt_at + at + i;
        float value;
        if (here >= first && here < head->units_at) {
            mb_copy(&value, bytes + i, sizeof value);
            uint32_t number = (here - first) / 4u;
            sane &= mb_tracked_is_sane(head->n_values, head->n_classes, number, value);
        }
    }
    return sane;
}
