/* scaling.c: running mean and mean absolute deviation, and features made with them. */
#include "scaling.h"

#include "../arith.h"
#include "features.h"

/* From here on the running values forget. */
#define LEAST_RATE 0.004f

/* 32 steps per deviation, which of a Gaussian is 1.2533 mean absolute deviations. */
#define STEPS_PER_SPREAD 25.532593f
#define MOST 127

/* The size of a scaled Gaussian value is 26 steps on average. */
#define MEAN_SIZE 26

/* Running values below this become zero, so that no denormal number arises. */
#define SMALLEST 1e-12f

static float flushed(float x) { return mb_absolute(x) < SMALLEST ? 0.0f : x; }

/* Value i: its share of the values of the source, added up one after the other. */
static float value_of(const mb_model *model, const mb_tracker *head, const uint8_t *sample,
                      uint32_t i) {
    uint32_t begin = i * head->n_source / head->n_values;
    uint32_t end = (i + 1u) * head->n_source / head->n_values;
    float sum = 0.0f;
    for (uint32_t j = begin; j < end; j++) {
        sum = sum + (float)mb_source_value(model, head->source, head->layer, sample, j);
    }
    return sum;
}

void mb_measure_sample(mb_model *model, const uint8_t *sample) {
    const mb_tracker *head = mb_tracker_of(model);
    mb_tracked *tracked = (mb_tracked *)mb_in_arena(model, head->tracked_at);
    float *mean = (float *)mb_in_arena(model, head->mean_at);
    float *spread = (float *)mb_in_arena(model, head->spread_at);
    uint32_t n = tracked->n_measured;
    float rate = 1.0f / ((float)n + 1.0f);
    rate = rate < LEAST_RATE ? LEAST_RATE : rate;
    for (uint32_t i = 0; i < head->n_values; i++) {
        float value = value_of(model, head, sample, i);
        if (n == 0) {
            mean[i] = value;
            continue;
        }
        float off = value - mean[i], size = mb_absolute(off);
        mean[i] = flushed(mean[i] + rate * off);
        spread[i] = n == 1 ? 0.5f * size : flushed(spread[i] + rate * (size - spread[i]));
    }
    tracked->n_measured += n < UINT32_MAX;
}

/* The features after the scaled values. */
static void add_sizes(int16_t *features, uint32_t d) {
    for (uint32_t i = 0; i < d; i++) {
        features[d + i] = (int16_t)((int32_t)mb_magnitude(features[i]) - MEAN_SIZE);
    }
    features[2 * d] = MB_SCALED_UNIT;
}

void mb_scale_sample(mb_model *model, const uint8_t *sample) {
    const mb_tracker *head = mb_tracker_of(model);
    const float *mean = (const float *)mb_in_arena(model, head->mean_at);
    const float *spread = (const float *)mb_in_arena(model, head->spread_at);
    int16_t *features = (int16_t *)mb_in_arena(model, head->features_at);
    uint32_t d = head->n_values;
    for (uint32_t i = 0; i < d; i++) {
        int32_t scaled = 0;
        if (spread[i] >= SMALLEST) {
            float off = value_of(model, head, sample, i) - mean[i];
            scaled = mb_round_within(off * (STEPS_PER_SPREAD / spread[i]), MOST);
        }
        features[i] = (int16_t)scaled;
    }
    add_sizes(features, d);
}

void mb_take_scaled(mb_model *model, const int8_t *values) {
    const mb_tracker *head = mb_tracker_of(model);
    int16_t *features = (int16_t *)mb_in_arena(model, head->features_at);
    for (uint32_t i = 0; i < head->n_values; i++) {
        features[i] = values[i];
    }
    add_sizes(features, head->n_values);
}
