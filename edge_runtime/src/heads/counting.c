/* counting.c: scores of a counting head, and what it counts. */
#include "counting.h"

#include "../arith.h"
#include "../file/products.h"
#include "../model/head_biases.h"
#include "solve.h"

/* Where the largest product is halved with all others: 24 bits hold 8,388,607. */
#define LARGEST_PRODUCT 8000000

/* Besides every so many samples, weights are solved for when a class has this many for the first
 * time. */
#define SOON 4u
#define LATER 32u
#define MOST_SHARE 2u

int32_t mb_head_answer(mb_model *model) {
    const mb_head *head = mb_head_of(model);
    const mb_counters *counters = (const mb_counters *)mb_in_arena(model, head->counters_at);
    const int16_t *weight = (const int16_t *)mb_in_arena(model, head->weights_at);
    const int8_t *features = (const int8_t *)mb_in_arena(model, head->features_at);
    const float *bias = (const float *)mb_in_arena(model, head->bias_at);
    float *scores = (float *)mb_in_arena(model, head->scores_at);
    uint32_t best = 0;
    for (uint32_t c = 0; c < head->n_classes; c++) {
        int32_t dot = 0;
        for (uint32_t i = 0; i < head->n_features; i++) {
            dot += (int32_t)features[i] * *weight++;
        }
        scores[c] = (float)dot * counters->scale + bias[c];
        best = scores[c] > scores[best] ? c : best;
    }
    return (int32_t)best;
}

/* ---- counting ------------------------------------------------------------------------------- */

/* Whether the sample is the one before it again: nearer than a part of what two samples of one
 * class differ by. A sensor that is stuck, or a scene that stands still, says nothing new.
 * Remembers the sample. */
static bool stands_still(mb_model *model, const mb_head *head) {
    const mb_counters *counters = (const mb_counters *)mb_in_arena(model, head->counters_at);
    const int8_t *features = (const int8_t *)mb_in_arena(model, head->features_at);
    int8_t *last = (int8_t *)mb_in_arena(model, head->last_at);
    uint64_t moved = 0;
    for (uint32_t i = 0; i < head->n_features; i++) {
        int32_t difference = (int32_t)features[i] - last[i];
        moved += (uint64_t)((int64_t)difference * difference);
        last[i] = features[i];
    }
    int64_t spread = mb_trace(model, head);
    return head->still > 0 && spread > 0 &&
           moved * head->still * counters->n_products <= 2u * (uint64_t)spread;
}

static void halve_products(mb_model *model, const mb_head *head) {
    mb_counters *counters = (mb_counters *)mb_in_arena(model, head->counters_at);
    uint8_t *products = (uint8_t *)mb_in_arena(model, head->products_at);
    for (uint32_t entry = 0; entry < mb_triangle(head->n_features); entry++) {
        int32_t value = mb_product(products, entry); /* rounded down, for negative ones too */
        mb_set_product(products, entry, mb_floor_divide(value, 2));
    }
    counters->n_products /= 2u;
}

static void add_products(mb_model *model, const mb_head *head) {
    const int16_t *deviations = (const int16_t *)mb_in_arena(model, head->deviations_at);
    uint8_t *products = (uint8_t *)mb_in_arena(model, head->products_at);
    bool full = false;
    for (uint32_t i = 0, entry = 0; i < head->n_features; i++) {
        for (uint32_t j = i; j < head->n_features; j++, entry++) {
            int32_t value = mb_product(products, entry) + (int32_t)deviations[i] * deviations[j];
            mb_set_product(products, entry, value);
            full |= i == j && value > LARGEST_PRODUCT;
        }
    }
    ((mb_counters *)mb_in_arena(model, head->counters_at))->n_products++;
    if (full) {
        halve_products(model, head);
    }
}

/* How far a feature is from a mean, in steps of a feature, of the same in steps of a mean. */
static int16_t deviation(int32_t error) {
    return (int16_t)mb_floor_divide(error + MB_MEAN_UNIT / 2, MB_MEAN_UNIT);
}

/* Let the mean of a class follow the features by 1/n of the way, rounded up with the probability
 * of what is left. Keeps the deviation from the mean before, in steps of a feature. */
static void follow_mean(mb_model *model, const mb_head *head, uint32_t label, uint32_t n) {
    mb_counters *counters = (mb_counters *)mb_in_arena(model, head->counters_at);
    const int8_t *features = (const int8_t *)mb_in_arena(model, head->features_at);
    int16_t *deviations = (int16_t *)mb_in_arena(model, head->deviations_at);
    int16_t *mean =
        (int16_t *)mb_in_arena(model, head->means_at) + (size_t)label * head->n_features;
    for (uint32_t i = 0; i < head->n_features; i++) {
        counters->dither = counters->dither * 1664525u + 1013904223u;
        int32_t error = (int32_t)features[i] * MB_MEAN_UNIT - mean[i];
        int32_t below_one = (int32_t)((counters->dither >> 24) * n >> 8); /* 0 to n - 1 */
        int32_t moved = mean[i] + mb_floor_divide(error + below_one, (int32_t)n);
        deviations[i] = deviation(error);
        mean[i] = (int16_t)(moved < -32768 ? -32768 : moved > 32767 ? 32767 : moved);
    }
}

/* Whether the products take another sample of a class: cap of each at most, and no more than twice
 * as many as of any other. A long stretch of one label would else decide alone how features vary
 * together, and every doubtful sample would be of its class. */
static bool is_open(const mb_head *head, const uint16_t *fed, uint32_t label) {
    uint32_t largest = 0;
    for (uint32_t c = 0; c < head->n_classes; c++) {
        largest = c != label && fed[c] > largest ? fed[c] : largest;
    }
    return fed[label] < head->cap && (largest == 0 || fed[label] < MOST_SHARE * largest);
}

void mb_head_observe(mb_model *model) {
    const mb_head *head = mb_head_of(model);
    const int8_t *features = (const int8_t *)mb_in_arena(model, head->features_at);
    int16_t *deviations = (int16_t *)mb_in_arena(model, head->deviations_at);
    uint32_t label = (uint32_t)mb_head_answer(model), n = head->n_features;
    uint16_t *counts = (uint16_t *)mb_in_arena(model, head->counts_at);
    uint16_t *fed = counts + head->n_classes;
    const int16_t *mean = (const int16_t *)mb_in_arena(model, head->means_at) + (size_t)label * n;
    if (stands_still(model, head) || head->products_at == 0 || counts[label] == 0 ||
        !is_open(head, fed, label)) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        deviations[i] = deviation((int32_t)features[i] * MB_MEAN_UNIT - mean[i]);
    }
    add_products(model, head);
    fed[label]++;
    mb_head_bias(model, label);
}

void mb_head_learn(mb_model *model, uint32_t label) {
    const mb_head *head = mb_head_of(model);
    mb_counters *counters = (mb_counters *)mb_in_arena(model, head->counters_at);
    uint16_t *counts = (uint16_t *)mb_in_arena(model, head->counts_at);
    uint16_t *fed = counts + head->n_classes;
    if (stands_still(model, head)) {
        counters->n_still += counters->n_still < UINT32_MAX;
        return;
    }
    uint32_t n = counts[label] < head->cap ? counts[label] + 1u : head->cap;
    counts[label] = (uint16_t)n;
    follow_mean(model, head, label, n);
    if (n > 1 && is_open(head, fed, label)) {
        if (head->products_at != 0) {
            add_products(model, head);
        }
        fed[label]++;
    }
    mb_head_bias(model, label);
    counters->n_to_solve--;
    if (counters->n_to_solve == 0 || n == SOON || (n == LATER && head->cap > LATER)) {
        counters->n_to_solve = head->every;
        mb_head_solve(model);
    }
}
