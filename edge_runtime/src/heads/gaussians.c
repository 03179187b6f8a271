/* gaussians.c: fading counts, and what they say of a sample. */
#include "gaussians.h"

#include "../arith.h"
#include "../model/tracker.h"
#include "scaling.h"

/* What a count keeps with each sample: a memory of 1,000 of them. */
#define KEEP 0.999f

/* Below this a class has been forgotten, and begins anew. */
#define FORGOTTEN 1e-6f

/* Running values below this become zero, so that no denormal number arises. */
#define SMALLEST 1e-12f

/* Sum of squared distances from a centre, each over its variance. Four sums take turns, so that
 * they can be computed side by side. */
static float distance(const mb_tracker *head, const int16_t *features, const float *centre,
                      const float *square, float shrink) {
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (uint32_t i = 0; i < head->n_values; i++) {
        float off = (float)features[i] * (1.0f / MB_SCALED_UNIT) - centre[i];
        sum[i % 4u] = sum[i % 4u] + off * off / mb_smoothed(square[i], shrink);
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void mb_counts_answer(mb_model *model, float *scores) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    const float *count = (const float *)mb_in_arena(model, head->counts_at);
    const float *shrink = (const float *)mb_in_arena(model, head->shrink_at);
    const float *logs = (const float *)mb_in_arena(model, head->logs_at);
    const float *centre = (const float *)mb_in_arena(model, head->centres_at);
    const float *square = (const float *)mb_in_arena(model, head->squares_at);
    for (uint32_t c = 0; c < head->n_classes; c++) {
        size_t row = (size_t)c * head->n_values;
        scores[c] = MB_NO_SAMPLES;
        if (count[c] > 0.0f) {
            float far = distance(head, features, centre + row, square + row, shrink[c]);
            scores[c] = (mb_log(count[c]) - 0.5f * far) - logs[c];
        }
    }
}

void mb_counts_learn(mb_model *model, uint32_t label) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    float *count = (float *)mb_in_arena(model, head->counts_at);
    size_t row = (size_t)label * head->n_values;
    float *centre = (float *)mb_in_arena(model, head->centres_at) + row;
    float *square = (float *)mb_in_arena(model, head->squares_at) + row;
    for (uint32_t c = 0; c < head->n_classes; c++) {
        float kept = count[c] * KEEP;
        count[c] = kept < FORGOTTEN ? 0.0f : kept;
    }
    count[label] = count[label] + 1.0f;
    float rate = 1.0f / count[label];
    for (uint32_t i = 0; i < head->n_values; i++) {
        float value = (float)features[i] * (1.0f / MB_SCALED_UNIT);
        float off = value - centre[i];
        float moved = centre[i] + off * rate;
        moved = mb_absolute(moved) < SMALLEST ? 0.0f : moved;
        float spread = square[i] + (off * (value - moved) - square[i]) * rate;
        centre[i] = moved;
        square[i] = spread < SMALLEST ? 0.0f : spread;
    }
    ((float *)mb_in_arena(model, head->shrink_at))[label] = 1.0f / (count[label] + 1.0f);
    mb_tracker_log(model, label);
}
