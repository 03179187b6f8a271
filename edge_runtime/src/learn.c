/* learn.c: one step of metaplastic learning on one sample.
 *
 * Forward as in infer.c; then, from the output down to the lowest layer that learns:
 *
 *   1. the error of a layer's outputs passes its sign (only where |y| <= 1) and its normalisation,
 *      from which the running means of the error and of error * normalised are subtracted: the part
 *      that batch statistics would remove, kept online (float, per channel);
 *   2. it is rounded to int16 with one power-of-two exponent for the layer;
 *   3. it is sent back through the old signs (int32, exact), and the hidden weights are updated row by
 *      row.
 *
 * The gradient of weight (j, i) is error_j * x_i and is never stored. Its step, in levels,
 *
 *   u = step / rms * error_j * x_i,  times f_meta(|level|) if it shrinks the hidden weight,
 *
 * is far below one level, so stochastic rounding makes it a rare move by one. Those moves are drawn
 * directly: geometric gaps lead from candidate to candidate along the row, and a candidate is kept with
 * probability |x_i| / bound * f_meta. Columns of 8-bit inputs are sorted into three classes by size, each
 * with its own bound, so that few candidates are drawn in vain; zeros are never visited. The distribution
 * is that of stochastic rounding, the cost goes with the moves. Where a step would be expected to move
 * the largest |x| of a class by more than half a level, the whole class is scaled down to that.
 */
#include "arith.h"
#include "conv.h"
#include "errors.h"
#include "hidden.h"
#include "internal.h"
#include "random.h"

#define MAX_CLASSES 3u

/* Columns of a row that are walked together: their |x| is at most `bound`, and over half of it but in
 * the last class. */
typedef struct column_class {
    uint32_t start, end; /* in the list of columns */
    uint32_t bound;
} column_class;

/* A sample seen by the first layer, or activations seen by the others. */
typedef struct layer_input {
    const uint8_t *bytes; /* 8-bit input, or NULL */
    const uint32_t *bits; /* packed activations */
    uint32_t is_signed;
    int32_t zero_point;
    float mean_square; /* of x */
    uint16_t *columns; /* (n_in) columns by class, NULL: all columns in their order */
    uint32_t n_classes;
    column_class classes[MAX_CLASSES];
} layer_input;

static int32_t input_value(const layer_input *in, uint32_t i) {
    if (in->bytes == NULL) {
        return (in->bits[i / 32u] >> (i % 32u) & 1u) ? 1 : -1;
    }
    int32_t value = in->is_signed ? (int32_t)(in->bytes[i] ^ 0x80u) - 128 : (int32_t)in->bytes[i];
    return value - in->zero_point;
}

static uint32_t magnitude(int32_t value) { return (uint32_t)(value < 0 ? -value : value); }

/* ---- moves --------------------------------------------------------------------------------- */

/* What stays the same over a layer's update. */
typedef struct layer_update {
    const layer_input *in;
    float rate; /* levels per unit of d and of x */
    mb_mover mover;
} layer_update;

/* Update one row: in each class of columns, walk from candidate to candidate. */
static void update_row(layer_update *u, const mb_row *row, int32_t d) {
    float step = u->rate * (float)magnitude(d);
    for (uint32_t c = 0; c < u->in->n_classes; c++) {
        const column_class *class = &u->in->classes[c];
        float p = step * (float)class->bound;
        uint32_t scale = mb_skip_scale(p > 0.5f ? 0.5f : p);
        if (scale == 0) {
            continue;
        }
        uint32_t k = class->start + mb_random_skip(u->mover.rng, scale);
        for (; k < class->end; k++) { /* a gap is below 2^26: k does not wrap */
            uint32_t i = u->in->columns ? u->in->columns[k] : k;
            int32_t x = input_value(u->in, i);
            mb_try_move(&u->mover, row, i, d > 0 ? x : -x, class->bound << 16);
            if (k + 1u < class->end) {
                k += mb_random_skip(u->mover.rng, scale);
            }
        }
    }
}

/* ---- one layer, one step -------------------------------------------------------------------- */

/* Sort the columns of an 8-bit input by size: over half the largest, over a quarter, the rest. */
static void classify(layer_input *in, uint32_t n_in, uint32_t largest) {
    uint32_t n = 0;
    for (uint32_t c = 0; c < MAX_CLASSES; c++) {
        column_class *class = &in->classes[c];
        uint32_t floor = c + 1u < MAX_CLASSES ? largest >> (c + 1u) : 0;
        class->bound = largest >> c;
        class->start = n;
        for (uint32_t i = 0; i < n_in; i++) {
            uint32_t size = magnitude(input_value(in, i));
            if (size > floor && size <= class->bound) {
                in->columns[n++] = (uint16_t)i;
            }
        }
        class->end = n;
    }
    in->n_classes = MAX_CLASSES;
}

static void measure_input(layer_input *in, uint32_t n_in) {
    uint64_t squares = 0;
    uint32_t largest = 0;
    if (in->bytes == NULL) {
        in->mean_square = 1.0f;
        in->n_classes = 1;
        in->classes[0].end = n_in;
        in->classes[0].bound = 1;
        return;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        uint32_t size = magnitude(input_value(in, i));
        squares += (uint64_t)size * size;
        largest = size > largest ? size : largest;
    }
    in->mean_square = (float)squares / (float)n_in;
    classify(in, n_in, largest);
}

/* Fold this step's gradient into the layer's running mean square.
 * Returns levels per unit of d and of x. */
static float layer_rate(mb_model *model, const mb_layer *layer, const int16_t *d, float unit,
                        const layer_input *in) {
    uint64_t squares = 0;
    for (uint32_t j = 0; j < layer->n_out; j++) {
        squares += (uint64_t)((int32_t)d[j] * d[j]);
    }
    float *rms = (float *)mb_at(model, layer->rms_at);
    float mean_square = ((float)squares / (float)layer->n_out) * (unit * unit);
    mean_square = mean_square * in->mean_square;
    *rms = *rms == 0.0f ? mean_square : mb_running_mean(*rms, mean_square, model->rms_rate);
    if (*rms < 1e-30f) {
        return 0.0f;
    }
    return (model->step / mb_sqrt(*rms)) * unit;
}

/* Update a layer's hidden weights and their packed signs. */
static void learn_layer(mb_model *model, uint32_t index, const layer_input *in, const int16_t *d,
                        float rate) {
    const mb_layer *layer = &mb_layers(model)[index];
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    layer_update update = {
        in, rate, {(const uint16_t *)mb_at(model, layer->table_at), learnt->rng, 0, 0}};
    mb_row row = {(uint8_t *)mb_at(model, layer->levels_at),
                  (uint8_t *)mb_at(model, layer->signs_at),
                  model->state_bits,
                  {0, 0, 0}};
    for (uint32_t j = 0; j < layer->n_out; j++, row.levels += layer->level_row_bytes) {
        if (d[j] != 0) {
            row.walk = mb_walk_row(layer->layout, layer->words, j);
            update_row(&update, &row, d[j]);
        }
    }
    model->last_writes += update.mover.writes;
    model->last_flips += update.mover.flips;
}

/* A dense layer: what it saw, the step's size, then all rows. */
static void learn_dense(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                        float unit, uint32_t *back) {
    const mb_layer *layer = &mb_layers(model)[index];
    layer_input in = {0};
    if (index == 0) {
        in.bytes = (const uint8_t *)input;
        in.is_signed = model->input_signed;
        in.zero_point = model->zero_point;
        in.columns = (uint16_t *)mb_at(model, model->columns_at);
    } else {
        in.bits = (const uint32_t *)input;
    }
    measure_input(&in, layer->n_in);
    float rate = unit == 0.0f ? 0.0f : layer_rate(model, layer, d, unit, &in);
    if (back != NULL) { /* before the update: through the old signs */
        mb_matrix weights = mb_weights(model, layer);
        mb_kernels_of(model)->back(back, &weights, d);
    }
    learn_layer(model, index, &in, d, rate);
}

static void to_float(float *out, const uint32_t *in, uint32_t n, float unit) {
    for (uint32_t j = 0; j < n; j++) { /* in place: in and out are the same memory */
        int32_t sum = (int32_t)in[j];
        out[j] = (float)sum * unit;
    }
}

static int32_t learn_one(mb_model *model, const uint8_t *sample, uint32_t label) {
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    int16_t *d = (int16_t *)mb_at(model, model->errors_at);
    uint32_t *row = (uint32_t *)mb_at(model, model->row_at);
    float *error = (float *)mb_at(model, model->row_at);
    model->last_writes = 0;
    model->last_flips = 0;
    mb_forward(model, sample);
    int32_t predicted = mb_read_scores(model, NULL);
    mb_output_error(model, error, label);
    for (uint32_t i = model->n_layers; i-- > model->first_learning;) {
        const mb_layer *layer = &mb_layers(model)[i], *below = i > 0 ? layer - 1 : NULL;
        const void *input = below == NULL ? sample : mb_at(model, below->bits_at);
        bool convolves = mb_convolves(layer);
        if (i + 1u < model->n_layers) {
            mb_pass_sign(model, layer, error);
        }
        mb_pass_norm(model, layer, error);
        uint32_t bits = convolves ? mb_conv_error_bits(layer, i) : MB_ERROR_BITS;
        float unit = mb_quantize_errors(d, error, mb_values(layer), bits);
        uint32_t *back = i > model->first_learning ? row : NULL;
        if (unit == 0.0f) { /* nothing to learn here, nor below; running values still follow */
            mb_zero(d, (size_t)2 * mb_values(layer));
        }
        (convolves ? mb_learn_convolution : learn_dense)(model, i, input, d, unit, back);
        if (back != NULL) {
            to_float(error, back, mb_values(below), unit);
        }
    }
    learnt->n_steps++;
    return predicted;
}

int mb_learn(mb_model *model, const void *samples, const int32_t *labels, size_t n,
             int32_t *predicted) {
    if (model == NULL || (n > 0 && (samples == NULL || labels == NULL))) {
        return MB_ERR_INPUT;
    }
    if (model->first_learning == model->n_layers) {
        return MB_ERR_NO_STATE;
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (uint32_t)labels[i] >= model->n_outputs) {
            return MB_ERR_INPUT;
        }
    }
    const uint8_t *sample = (const uint8_t *)samples;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        int32_t before = learn_one(model, sample, (uint32_t)labels[i]);
        if (predicted != NULL) {
            predicted[i] = before;
        }
    }
    return MB_OK;
}

int mb_get_status(const mb_model *model, mb_status *status) {
    if (model == NULL || status == NULL) {
        return MB_ERR_INPUT;
    }
    mb_zero(status, sizeof *status);
    if (model->first_learning == model->n_layers) {
        return MB_OK;
    }
    status->n_steps = ((const mb_learnt *)mb_at(model, model->learnt_at))->n_steps;
    status->learn_layers = model->n_layers - model->first_learning;
    status->state_bits = model->state_bits;
    status->last_writes = model->last_writes;
    status->last_flips = model->last_flips;
    for (uint32_t k = model->first_learning; k < model->n_layers; k++) {
        const mb_layer *layer = &mb_layers(model)[k];
        const uint16_t *table = (const uint16_t *)mb_at(model, layer->table_at);
        mb_row row = {
            (uint8_t *)mb_at(model, layer->levels_at), NULL, model->state_bits, {0, 0, 0}};
        for (uint32_t j = 0; j < layer->n_out; j++, row.levels += layer->level_row_bytes) {
            for (uint32_t i = 0; i < layer->n_in; i++) {
                int32_t level = mb_get_level(&row, i);
                uint32_t size = level >= 0 ? (uint32_t)level : (uint32_t)~level;
                status->n_consolidated += table[size] < 1310u;
            }
        }
        status->n_weights += layer->n_out * layer->n_in;
    }
    return MB_OK;
}
