/* units.c: integer sums of features, and weights of 16 bits that move by stochastic rounding. */
#include "units.h"

#include "../arith.h"
#include "scaling.h"

/* Steps of a weight per 1. */
#define WEIGHT_UNIT 2048

/* A sum of weights and features has 2^16 steps per 1, a hidden value 16, and a feature made of it
 * two for each of those. */
#define SUM_UNIT ((float)(WEIGHT_UNIT * MB_SCALED_UNIT))
#define HIDDEN_SHIFT 12u
#define HIDDEN_MOST 127u

#define UNIT_STEP 2.0f

/* Moves are integers: change of a weight per step of a feature, in 2^-15 steps of a weight. The
 * limit keeps products below 2^30. */
#define MOVE_BITS 15u
#define MOVE_LIMIT (1 << 22)
#define DITHER_STEP 0x9e3779b9u

static uint32_t n_seen(const mb_tracker *head) { return 2u * head->n_values + 1u; }

static int32_t dot(const int16_t *weights, const int16_t *features, uint32_t n) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += (int32_t)weights[i] * features[i];
    }
    return sum;
}

void mb_units_answer(mb_model *model) {
    const mb_tracker *head = mb_tracker_of(model);
    int16_t *features = (int16_t *)mb_in_arena(model, head->features_at);
    const int16_t *weights = (const int16_t *)mb_in_arena(model, head->units_at);
    int32_t *sums = (int32_t *)mb_in_arena(model, head->sums_at);
    uint32_t n = n_seen(head);
    for (uint32_t j = 0; j < head->n_units; j++, weights += n) {
        sums[j] = dot(weights, features, n);
        uint32_t above = sums[j] > 0 ? (uint32_t)sums[j] : 0;
        uint32_t value = (above + (1u << (HIDDEN_SHIFT - 1u))) >> HIDDEN_SHIFT;
        features[n + j] = (int16_t)(2u * (value < HIDDEN_MOST ? value : HIDDEN_MOST));
    }
}

void mb_softmax_answer(mb_model *model, float *quick, float *slow) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    const int16_t *weights = (const int16_t *)mb_in_arena(model, head->rows_at);
    uint32_t n = n_seen(head) + head->n_units;
    for (uint32_t row = 0; row < 2u * head->n_classes; row++, weights += n) {
        float *scores = row < head->n_classes ? quick + row : slow + (row - head->n_classes);
        *scores = (float)dot(weights, features, n) * (1.0f / SUM_UNIT);
    }
}

/* ---- learning ------------------------------------------------------------------------------- */

/* Sum of the squares of the first n features: their norm has 2^10 steps per 1. */
static float square_sum(const int16_t *features, uint32_t n) {
    return (float)dot(features, features, n);
}

/* Add `move` times the features to a row of weights. A fraction is rounded up if it is above what a
 * counter gives, which spreads as evenly as a random number and costs one addition. */
static void add(mb_model *model, int16_t *weights, const int16_t *features, uint32_t n,
                int32_t move) {
    const mb_tracker *head = mb_tracker_of(model);
    mb_tracked *tracked = (mb_tracked *)mb_in_arena(model, head->tracked_at);
    uint32_t counter = tracked->dither;
    if (move == 0) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        counter += DITHER_STEP;
        int32_t exact = move * features[i] + (int32_t)(counter >> (32u - MOVE_BITS));
        /* Shifted as a positive number: what happens to others is the compiler's choice. */
        uint32_t shifted = ((uint32_t)exact + (1u << 30)) >> MOVE_BITS;
        int32_t moved = weights[i] + ((int32_t)shifted - (1 << (30u - MOVE_BITS)));
        weights[i] = (int16_t)(moved < -32768 ? -32768 : moved > 32767 ? 32767 : moved);
    }
    tracked->dither = counter;
}

/* What the mixture's error says of each hidden unit, through the weights of both heads. */
static void send_back(mb_model *model, const mb_tracker *head, const float *error) {
    const mb_tracked *tracked = (const mb_tracked *)mb_in_arena(model, head->tracked_at);
    const int16_t *weights = (const int16_t *)mb_in_arena(model, head->rows_at);
    float *back = (float *)mb_in_arena(model, head->back_at);
    uint32_t n = n_seen(head), h = head->n_units, row_length = n + h;
    for (uint32_t j = 0; j < h; j++) {
        back[j] = 0.0f;
    }
    for (uint32_t row = 0; row < 2u * head->n_classes; row++, weights += row_length) {
        uint32_t c = row < head->n_classes ? row : row - head->n_classes;
        float through = tracked->share[row < head->n_classes ? MB_QUICK : MB_SLOW] * error[c];
        const int16_t *hidden = weights + n;
        for (uint32_t j = 0; j < h; j++) {
            back[j] = back[j] + through * (float)hidden[j];
        }
    }
}

void mb_units_learn(mb_model *model, const float *error) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, head->sums_at);
    int16_t *weights = (int16_t *)mb_in_arena(model, head->units_at);
    const float *back = (const float *)mb_in_arena(model, head->back_at);
    uint32_t n = n_seen(head);
    send_back(model, head, error);
    float rate = (-UNIT_STEP * 1048576.0f) / square_sum(features, n);
    for (uint32_t j = 0; j < head->n_units; j++, weights += n) {
        if (sums[j] > 0) {
            add(model, weights, features, n, mb_round_within(back[j] * rate, MOVE_LIMIT));
        }
    }
}

void mb_softmax_move(mb_model *model, uint32_t which, const float *error, float step) {
    const mb_tracker *head = mb_tracker_of(model);
    const int16_t *features = (const int16_t *)mb_in_arena(model, head->features_at);
    uint32_t n = n_seen(head) + head->n_units;
    int16_t *weights = (int16_t *)mb_in_arena(model, head->rows_at);
    weights += (size_t)which * head->n_classes * n;
    float rate = (-step * 2147483648.0f) / square_sum(features, n);
    for (uint32_t c = 0; c < head->n_classes; c++, weights += n) {
        add(model, weights, features, n, mb_round_within(error[c] * rate, MOVE_LIMIT));
    }
}
