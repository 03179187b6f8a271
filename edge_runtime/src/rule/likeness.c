/* likeness.c: sums of inputs, their means and variances, and the misfit. */
#include "likeness.h"

#include "../arith.h"
#include "../random.h"

#define SLOWEST_MEAN 500u
#define SLOWEST_VARIANCE 2000u
#define SLOWEST_USUAL 1000u
#define FIRST_JUDGED 100u /* misfits before it is known what is usual */
#define LEAST_SPREAD 1e-6f
#define LEAST_VARIANCE 1.0f /* is added to all */

mb_likeness mb_likeness_of(const mb_model *model, uint32_t *all, uint32_t context) {
    mb_likeness kept;
    uint32_t counters = mb_likeness_counters(model);
    float *floats = (float *)(void *)(all + (size_t)counters * model->n_contexts);
    floats += (size_t)mb_likeness_floats(model) * context;
    kept.n_varied = all + (size_t)counters * context;
    kept.n_judged = kept.n_varied + 1;
    kept.counts = kept.n_varied + 2;
    kept.usual = floats;
    kept.spread = floats + 1;
    kept.variances = floats + 2;
    kept.means = kept.variances + mb_n_sums(model);
    return kept;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* A table, because a compiler then takes several inputs at once. */
#define FOUR_BITS(n) 1u << (n), 2u << (n), 4u << (n), 8u << (n)
static const uint32_t BIT[32] = {FOUR_BITS(0),  FOUR_BITS(4),  FOUR_BITS(8),  FOUR_BITS(12),
                                 FOUR_BITS(16), FOUR_BITS(20), FOUR_BITS(24), FOUR_BITS(28)};

/* Add n inputs to as many sums, with a plus where a bit of `signs` is 1, from the lowest. */
static void add_signed(int32_t *sums, const uint8_t *sample, uint32_t n, uint32_t signs,
                       mb_as_uint8 type) {
    for (uint32_t k = 0; k < n; k++) {
        int32_t minus = -(int32_t)((signs & BIT[k]) == 0); /* all bits, or none */
        sums[k] += (mb_centred(type, sample[k]) ^ minus) - minus;
    }
}

void mb_sum_inputs(const mb_model *model, const uint8_t *sample, mb_sums *sums) {
    uint32_t n = mb_n_sums(model), at = 0, left = 0, signs = 0, run = 0;
    uint32_t counter = 0, turns = 1; /* of signs, and of where each round over the sums begins */
    int32_t totals[MB_SUMS] = {0};
    /* As many inputs at once as have their signs in one word, and lie side by side. */
    for (uint32_t i = 0; i < model->n_inputs; i += run, left -= run) {
        uint32_t used = i % 32u;
        signs = used == 0 ? mb_count_on(&counter) : signs;
        if (left == 0) {
            at = (uint32_t)((uint64_t)mb_count_on(&turns) * n >> 32);
            left = n;
        }
        run = least(least(32u - used, left), least(n - at, model->n_inputs - i));
        add_signed(totals + at, sample + i, run, signs >> used, model->sample_type);
        at = at + run < n ? at + run : 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        sums->value[i] = (float)totals[i];
    }
}

/* Sum of ln of the variances: of their product, whose exponent is taken out after every factor. */
static float log_of_variances(const float *variances, uint32_t n) {
    float product = 1.0f;
    int32_t powers = 0;
    for (uint32_t i = 0; i < n; i++) {
        product = product * (variances[i] + LEAST_VARIANCE);
        int32_t exponent = mb_exponent(product);
        product = product * mb_pow2(-exponent);
        powers += exponent;
    }
    return (float)powers * 0.693147181f + mb_log(product);
}

float mb_misfit(const mb_model *model, const mb_likeness *kept, const mb_sums *sums) {
    uint32_t n = mb_n_sums(model);
    float weights[MB_SUMS], nearest = MB_MOST * MB_MOST;
    for (uint32_t i = 0; i < n; i++) {
        weights[i] = 1.0f / (kept->variances[i] + LEAST_VARIANCE);
    }
    const float *mean = kept->means;
    for (uint32_t c = 0; c < model->n_outputs; c++, mean += n) {
        float distance = 0.0f;
        for (uint32_t i = 0; i < n && kept->counts[c] > 0; i++) {
            float off = sums->value[i] - mean[i];
            distance = distance + (off * off) * weights[i];
        }
        nearest = kept->counts[c] > 0 && distance < nearest ? distance : nearest;
    }
    return nearest + log_of_variances(kept->variances, n);
}

float mb_unusual(const mb_likeness *kept, float misfit) {
    float spread = *kept->spread > LEAST_SPREAD ? *kept->spread : LEAST_SPREAD;
    return *kept->n_judged > FIRST_JUDGED ? (misfit - *kept->usual) / spread : 0.0f;
}

/* One more of a number that stops at its end; and the share of the newest in a mean over them that
 * is plain at first and fades later. */
static float count(uint32_t *n, uint32_t slowest) {
    *n += *n < UINT32_MAX;
    return 1.0f / (float)(*n < slowest ? *n : slowest);
}

/* A running mean of what is never below zero. */
static float running_size(float old, float value, float rate) {
    float size = mb_running_mean(old, value, rate);
    return size > 0.0f ? size : 0.0f;
}

void mb_follow_sums(const mb_model *model, const mb_likeness *kept, const mb_sums *sums,
                    uint32_t label) {
    uint32_t n = mb_n_sums(model);
    float *mean = kept->means + (size_t)label * n, rate = count(&kept->counts[label], SLOWEST_MEAN);
    bool varies = kept->counts[label] > 1; /* the first of its class is its mean */
    float variance_rate = varies ? count(kept->n_varied, SLOWEST_VARIANCE) : 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        float off = sums->value[i] - mean[i];
        mean[i] = mb_running_mean(mean[i], sums->value[i], rate);
        if (varies) {
            float product = off * (sums->value[i] - mean[i]);
            kept->variances[i] = running_size(kept->variances[i], product, variance_rate);
        }
    }
}

void mb_follow_misfit(const mb_likeness *kept, float misfit) {
    float off = misfit - *kept->usual, rate = count(kept->n_judged, SLOWEST_USUAL);
    *kept->usual = mb_running_mean(*kept->usual, misfit, rate);
    *kept->spread = running_size(*kept->spread, mb_absolute(off), rate);
}
