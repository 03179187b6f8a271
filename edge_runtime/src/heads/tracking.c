/* tracking.c: the scores of a tracking head, and the shares of its experts. */
#include "tracking.h"

#include "../arith.h"
#include "../layer.h"
#include "../rule/ring.h"
#include "gaussians.h"
#include "scaling.h"
#include "units.h"

/* A score further than this below the best of its expert counts as this. */
#define FLOOR (-8.0f)
#define SHARE_STEP 0.005f
#define SHARE_MOST 2.0f

/* No step where the label has a larger probability than this already. */
#define SURE 0.95f

/* Steps of the quick head and of the slow one. */
static const float head_step[2] = {2.0f, 0.2f};

static float *expert(const mb_model *model, const mb_tracker *head, uint32_t which) {
    return (float *)mb_in_arena(model, head->expert_at) + (size_t)which * head->n_classes;
}

/* Scores of the network; classes that it does not have never win. */
static void ask_network(const mb_model *model, float *scores, uint32_t n_classes) {
    const mb_layer *output = mb_output_layer(model);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    for (uint32_t c = 0; c < n_classes; c++) {
        scores[c] = c < output->n_out ? mb_scaled(&norm, mb_normalised(&norm, sums[c], c), c)
                                      : MB_NO_SAMPLES;
    }
}

/* Take the largest score off all of them. */
static void level(float *scores, uint32_t n) {
    float most = scores[0];
    for (uint32_t c = 1; c < n; c++) {
        most = scores[c] > most ? scores[c] : most;
    }
    for (uint32_t c = 0; c < n; c++) {
        scores[c] = scores[c] - most;
    }
}

static float floored(float score) { return score < FLOOR ? FLOOR : score; }

/* Scores of all experts together, from scaled values and what the network says. */
static void mix(mb_model *model) {
    const mb_tracker *head = mb_tracker_of(model);
    const mb_tracked *tracked = (const mb_tracked *)mb_in_arena(model, head->tracked_at);
    float *scores = (float *)mb_in_arena(model, head->scores_at);
    uint32_t k = head->n_classes;
    mb_units_answer(model);
    mb_softmax_answer(model, expert(model, head, MB_QUICK), expert(model, head, MB_SLOW));
    mb_counts_answer(model, expert(model, head, MB_COUNTS));
    for (uint32_t e = 0; e < MB_EXPERTS; e++) {
        const float *of = expert(model, head, e);
        level(expert(model, head, e), k);
        for (uint32_t c = 0; c < k; c++) {
            float part = tracked->share[e] * floored(of[c]);
            scores[c] = e == 0 ? part : scores[c] + part;
        }
    }
}

int32_t mb_track_answer(mb_model *model, const uint8_t *sample) {
    const mb_tracker *head = mb_tracker_of(model);
    const float *scores = (const float *)mb_in_arena(model, head->scores_at);
    uint32_t k = head->n_classes, best = 0;
    mb_scale_sample(model, sample);
    ask_network(model, expert(model, head, MB_NETWORK), k);
    mix(model);
    for (uint32_t c = 1; c < k; c++) {
        best = scores[c] > scores[best] ? c : best;
    }
    return (int32_t)best;
}

/* ---- learning ------------------------------------------------------------------------------- */

/* Probabilities of scores, less 1 for the label: the gradient of its surprise. Returns the
 * probability of the label. `error` may be `scores`. */
static float surprise(float *error, const float *scores, uint32_t n, uint32_t label) {
    float most = scores[0], sum = 0.0f;
    for (uint32_t c = 1; c < n; c++) {
        most = scores[c] > most ? scores[c] : most;
    }
    for (uint32_t c = 0; c < n; c++) {
        error[c] = mb_exp(scores[c] - most);
        sum = sum + error[c];
    }
    for (uint32_t c = 0; c < n; c++) {
        error[c] = error[c] / sum;
    }
    float right = error[label];
    error[label] = right - 1.0f;
    return right;
}

/* Let experts that were right count more. */
static void move_shares(mb_model *model, const mb_tracker *head, const float *error) {
    mb_tracked *tracked = (mb_tracked *)mb_in_arena(model, head->tracked_at);
    for (uint32_t e = 0; e < MB_EXPERTS; e++) {
        const float *scores = expert(model, head, e);
        float slope = 0.0f;
        for (uint32_t c = 0; c < head->n_classes; c++) {
            slope = slope + error[c] * floored(scores[c]);
        }
        tracked->share[e] = mb_within(tracked->share[e] - SHARE_STEP * slope, 0.0f, SHARE_MOST);
    }
}

/* What the network and one head say together. A head learns what the network does not know, and
 * leaves alone what it does. */
static void add_to_network(const mb_model *model, const mb_tracker *head, float *sum,
                           const float *scores) {
    const mb_tracked *tracked = (const mb_tracked *)mb_in_arena(model, head->tracked_at);
    const float *network = expert(model, head, MB_NETWORK);
    for (uint32_t c = 0; c < head->n_classes; c++) {
        sum[c] = scores[c] + tracked->share[MB_NETWORK] * floored(network[c]);
    }
}

/* Learn a sample in all that moves down a gradient: units and rows. Shares of the experts follow
 * samples that are new. */
static void learn_by_gradient(mb_model *model, uint32_t label, bool is_new) {
    const mb_tracker *head = mb_tracker_of(model);
    float *error = (float *)mb_in_arena(model, head->error_at);
    const float *scores = (const float *)mb_in_arena(model, head->scores_at);
    float right = surprise(error, scores, head->n_classes, label);
    if (is_new) {
        move_shares(model, head, error);
    }
    if (right <= SURE) {
        mb_units_learn(model, error);
    }
    for (uint32_t e = MB_QUICK; e <= MB_SLOW; e++) {
        add_to_network(model, head, error, expert(model, head, e));
        if (surprise(error, error, head->n_classes, label) <= SURE) {
            mb_softmax_move(model, e, error, head_step[e]);
        }
    }
}

void mb_track_learn(mb_model *model, uint32_t label) {
    learn_by_gradient(model, label, true);
    mb_counts_learn(model, label);
}

/* ---- replay --------------------------------------------------------------------------------- */

/* Steps of a score of the network as it is kept, one byte each, from 0 down. */
#define KEPT_STEPS 16.0f

/* Write down the scaled values of a sample, and what the network said of it. */
static void write_down(const mb_model *model, uint8_t *kept) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    const float *network = expert(model, head, MB_NETWORK);
    for (uint32_t i = 0; i < head->n_values; i++) {
        *kept++ = (uint8_t)features[i];
    }
    for (uint32_t c = 0; c < head->n_classes; c++) {
        *kept++ = (uint8_t)mb_round_within(floored(network[c]) * -KEPT_STEPS, 255);
    }
}

/* Score a sample that was written down. */
static void answer_again(mb_model *model, const uint8_t *kept) {
    const mb_tracker *head = mb_tracker_of(model);
    float *network = expert(model, head, MB_NETWORK);
    mb_take_scaled(model, (const int8_t *)kept);
    for (uint32_t c = 0; c < head->n_classes; c++) {
        network[c] = (float)kept[head->n_values + c] * (-1.0f / KEPT_STEPS);
    }
    mix(model);
}

void mb_track_replay(mb_model *model, uint32_t label) {
    uint8_t *kept = (uint8_t *)mb_keep_in_ring(model, label);
    if (kept != NULL) {
        write_down(model, kept);
    }
    for (uint32_t r = 0; r < MB_REPLAYS; r++) {
        answer_again(model, (const uint8_t *)mb_draw_from_ring(model, &label));
        learn_by_gradient(model, label, false);
    }
}
