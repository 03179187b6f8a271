/* solve.c: the weights of a counting head, by conjugate gradients; reference/heads.py is its
 * twin.
 *
 * The weights w of a class solve (S + ridge) w = mean, where S is the matrix of products over
 * their number. Each solution starts from the weights before it, takes a fixed number of steps,
 * and is preconditioned by the diagonal. All sums go up from the first feature to the last, in
 * float32.
 */
#include "solve.h"

#include "../arith.h"
#include "../file/products.h"
#include "../model/head_biases.h"

#define STEPS 16
#define SMALL_ENOUGH 1e-12f

/* The largest weight is kept between these limits; beyond them all are halved or doubled, with
 * their scale. */
#define WEIGHT_LIMIT 32767
#define WEIGHT_HIGH 24000
#define WEIGHT_LOW 6000

/* The matrix S + ridge, read from the products. */
typedef struct matrix {
    const uint8_t *products;
    uint32_t n;
    float share; /* 1 / number of samples in the products */
    float ridge;
} matrix;

static int32_t diagonal(const matrix *a, uint32_t i) {
    return mb_product(a->products, mb_entry(a->n, i, i));
}

static float own(const matrix *a, uint32_t i) {
    return (float)diagonal(a, i) * a->share + a->ridge;
}

static const uint8_t *products_of(const mb_model *model, const mb_head *head) {
    const void *learnt = mb_in_arena(model, head->products_at);
    return head->products_at != 0 ? (const uint8_t *)learnt
                                  : (const uint8_t *)mb_in_blob(model, head->home_products_at);
}

int64_t mb_trace(const mb_model *model, const mb_head *head) {
    matrix a = {products_of(model, head), head->n_features, 0.0f, 0.0f};
    int64_t sum = 0;
    for (uint32_t i = 0; i < a.n; i++) {
        sum += diagonal(&a, i);
    }
    return sum;
}

/* out = a x. Entry (i, j) serves rows i and j at once; each row's sum still goes up from 0 to n
 * - 1. */
static void multiply(float *out, const matrix *a, const float *x) {
    for (uint32_t i = 0; i < a->n; i++) {
        out[i] = 0.0f;
    }
    for (uint32_t i = 0, entry = 0; i < a->n; i++) {
        float sum = out[i] + own(a, i) * x[i];
        entry++;
        for (uint32_t j = i + 1u; j < a->n; j++, entry++) {
            float value = (float)mb_product(a->products, entry) * a->share;
            sum = sum + value * x[j];
            out[j] = out[j] + value * x[i];
        }
        out[i] = sum;
    }
}

static float dot(const float *x, const float *y, uint32_t n) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        sum = sum + x[i] * y[i];
    }
    return sum;
}

/* Four vectors of scratch, (n) float each. */
typedef struct scratch {
    float *w, *r, *p, *q;
} scratch;

/* One step; `rz` is r . (r / diagonal). Returns the same for the next step. */
static float step(const matrix *a, const scratch *s, float rz) {
    multiply(s->q, a, s->p);
    float along = rz / dot(s->p, s->q, a->n), next = 0.0f;
    for (uint32_t i = 0; i < a->n; i++) {
        s->w[i] = s->w[i] + along * s->p[i];
        s->r[i] = s->r[i] - along * s->q[i];
        next = next + s->r[i] * (s->r[i] / own(a, i));
    }
    float turn = next / rz;
    for (uint32_t i = 0; i < a->n; i++) {
        s->p[i] = s->r[i] / own(a, i) + turn * s->p[i];
    }
    return next;
}

/* Bring w nearer to the solution, of whose right side r is what a w lacks. */
static void approach(const matrix *a, const scratch *s) {
    float rz = 0.0f;
    for (uint32_t i = 0; i < a->n; i++) {
        s->p[i] = s->r[i] / own(a, i);
        rz = rz + s->r[i] * s->p[i];
    }
    for (uint32_t k = 0; k < STEPS && rz > SMALL_ENOUGH; k++) {
        rz = step(a, s, rz);
    }
}

/* Weights of one class. */
static void solve(const matrix *a, const scratch *s, int16_t *weight, const int16_t *mean,
                  float scale) {
    for (uint32_t i = 0; i < a->n; i++) {
        s->w[i] = (float)weight[i] * scale;
    }
    multiply(s->q, a, s->w);
    for (uint32_t i = 0; i < a->n; i++) {
        s->r[i] = (float)mean[i] * (1.0f / MB_MEAN_UNIT) - s->q[i];
    }
    approach(a, s);
    for (uint32_t i = 0; i < a->n; i++) {
        weight[i] = (int16_t)mb_round_within(s->w[i] / scale, WEIGHT_LIMIT);
    }
}

static void fit_scale(mb_model *model, const mb_head *head) {
    mb_counters *counters = (mb_counters *)mb_in_arena(model, head->counters_at);
    int16_t *weights = (int16_t *)mb_in_arena(model, head->weights_at);
    uint32_t n = head->n_classes * head->n_features, top = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = mb_magnitude(weights[i]);
        top = size > top ? size : top;
    }
    float scale = top > WEIGHT_HIGH ? 2.0f * counters->scale : 0.5f * counters->scale;
    if ((top <= WEIGHT_HIGH && top >= WEIGHT_LOW) || !mb_is_scale(scale)) {
        return;
    }
    counters->scale = scale;
    for (uint32_t i = 0; i < n; i++) {
        int32_t weight = weights[i];
        weights[i] = (int16_t)(top > WEIGHT_HIGH ? mb_floor_divide(weight, 2) : weight * 2);
    }
}

/* The matrix of a head. False: nothing is known of how samples of one class differ. */
static bool take_matrix(const mb_model *model, const mb_head *head, matrix *a) {
    const mb_counters *counters = (const mb_counters *)mb_in_arena(model, head->counters_at);
    int64_t spread = mb_trace(model, head);
    if (counters->n_products == 0 || spread <= 0) {
        return false;
    }
    a->products = products_of(model, head);
    a->n = head->n_features;
    a->share = 1.0f / (float)counters->n_products;
    a->ridge = head->ridge * ((float)spread * a->share / (float)a->n);
    return true;
}

static scratch room_of(const mb_model *model, const mb_head *head) {
    size_t n = head->n_features;
    float *room = (float *)mb_in_arena(model, head->solve_at);
    scratch s = {room, room + n, room + 2 * n, room + 3 * n};
    return s;
}

float mb_head_distance(const mb_model *model, uint32_t label) {
    const mb_head *head = mb_head_of(model);
    const int8_t *features = (const int8_t *)mb_in_arena(model, head->features_at);
    uint32_t n = head->n_features;
    const int16_t *mean = (const int16_t *)mb_in_arena(model, head->means_at) + (size_t)label * n;
    scratch s = room_of(model, head);
    matrix a;
    float sum = 0.0f;
    if (!take_matrix(model, head, &a)) {
        return 0.0f;
    }
    for (uint32_t i = 0; i < n; i++) {
        s.w[i] = 0.0f;
        s.r[i] = (float)features[i] - (float)mean[i] * (1.0f / MB_MEAN_UNIT);
    }
    approach(&a, &s);
    for (uint32_t i = 0; i < n; i++) {
        sum = sum + ((float)features[i] - (float)mean[i] * (1.0f / MB_MEAN_UNIT)) * s.w[i];
    }
    return sum;
}

void mb_head_solve(mb_model *model) {
    const mb_head *head = mb_head_of(model);
    const mb_counters *counters = (const mb_counters *)mb_in_arena(model, head->counters_at);
    const uint16_t *counts = (const uint16_t *)mb_in_arena(model, head->counts_at);
    uint32_t n = head->n_features;
    scratch s = room_of(model, head);
    matrix a;
    if (!take_matrix(model, head, &a)) {
        return;
    }
    fit_scale(model, head);
    for (uint32_t c = 0; c < head->n_classes; c++) {
        int16_t *weight = (int16_t *)mb_in_arena(model, head->weights_at) + (size_t)c * n;
        const int16_t *mean = (const int16_t *)mb_in_arena(model, head->means_at) + (size_t)c * n;
        if (counts[c] > 0) {
            solve(&a, &s, weight, mean, counters->scale);
        }
    }
    mb_head_biases(model);
}
