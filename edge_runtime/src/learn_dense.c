/* learn_dense.c: one step of a dense layer.
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
#include "dense.h"

#include "arith.h"
#include "errors.h"
#include "hidden.h"
#include "random.h"

#define MAX_CLASSES 3u
#define ROWS_A_BLOCK 16u

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
    uint8_t flip;         /* makes a byte of int8 one of uint8 */
    int32_t zero;         /* its zero point then */
    float mean_square;    /* of x */
    uint16_t *columns;    /* (n_in) columns by class, NULL: all columns in their order */
    uint32_t n_classes;
    column_class classes[MAX_CLASSES];
} layer_input;

static inline int32_t bit_value(const layer_input *in, uint32_t i) {
    return (int32_t)(in->bits[i / 32u] >> (i % 32u) & 1u) * 2 - 1;
}

static inline int32_t byte_value(const layer_input *in, uint32_t i) {
    return (int32_t)(in->bytes[i] ^ in->flip) - in->zero;
}

static uint32_t magnitude(int32_t value) { return (uint32_t)(value < 0 ? -value : value); }

/* ---- moves --------------------------------------------------------------------------------- */

/* Walk from candidate to candidate along one class of columns of a row. `scale` is mb_skip_scale()'s of
 * the chance that its largest |x| moves; `of_bytes`: whether the input is 8-bit, known to the compiler. */
MB_HOT void walk_class(mb_mover *mover, const layer_input *in, const mb_row *row, int32_t d,
                       column_class class, uint32_t scale, bool of_bytes) {
    uint32_t k = class.start + mb_random_skip(mover->rng, scale);
    for (; k < class.end; k++) { /* a gap is below 2^26: k does not wrap */
        uint32_t i = of_bytes ? in->columns[k] : k;
        int32_t x = of_bytes ? byte_value(in, i) : bit_value(in, i);
        mb_try_move(mover, row, i, d > 0 ? x : -x, class.bound << 16);
        if (k + 1u < class.end) {
            k += mb_random_skip(mover->rng, scale);
        }
    }
}

/* ---- one layer, one step -------------------------------------------------------------------- */

/* Which class a size belongs to; MAX_CLASSES: none, it is zero. */
static inline uint32_t class_of(uint32_t size, uint32_t largest) {
    return (uint32_t)(size <= largest >> 1) + (uint32_t)(size <= largest >> 2) +
           (uint32_t)(size == 0);
}

/* Sort the columns of an 8-bit input by size: over half the largest, over a quarter, the rest; zeros come
 * last and are in no class. Sizes are hard to foresee: nothing branches on them. */
static void classify(layer_input *in, uint32_t n_in, uint32_t largest) {
    uint32_t over_half = 0, over_quarter = 0, over_zero = 0;
    for (uint32_t i = 0; i < n_in; i++) {
        uint32_t size = magnitude(byte_value(in, i));
        over_half += (uint32_t)(size > largest >> 1);
        over_quarter += (uint32_t)(size > largest >> 2);
        over_zero += (uint32_t)(size > 0);
    }
    uint32_t next[MAX_CLASSES + 1u] = {0, over_half, over_quarter, over_zero};
    for (uint32_t c = 0; c < MAX_CLASSES; c++) {
        column_class class = {next[c], next[c + 1u], largest >> c};
        in->classes[c] = class;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        uint32_t c = class_of(magnitude(byte_value(in, i)), largest);
        in->columns[next[c]++] = (uint16_t)i;
    }
    in->n_classes = MAX_CLASSES;
}

static void measure_input(layer_input *in, uint32_t n_in) {
    uint32_t squares = 0; /* at most 65,536 * 255 * 255 */
    uint32_t largest = 0;
    if (in->bytes == NULL) {
        column_class all = {0, n_in, 1};
        in->mean_square = 1.0f;
        in->n_classes = 1;
        in->classes[0] = all;
        return;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        uint32_t size = magnitude(byte_value(in, i));
        squares += size * size;
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

/* Chances of a move, and from them the scales of the gaps, of up to ROWS_A_BLOCK rows in each class. `rate`
 * is in levels per unit of d and of x. */
static void scale_block(const mb_model *model, uint32_t scales[MAX_CLASSES][ROWS_A_BLOCK],
                        const layer_input *in, const int16_t *d, uint32_t n_rows, float rate) {
    float chances[ROWS_A_BLOCK];
    for (uint32_t c = 0; c < in->n_classes; c++) {
        float bound = (float)in->classes[c].bound;
        for (uint32_t j = 0; j < n_rows; j++) {
            float p = (rate * (float)magnitude(d[j])) * bound;
            chances[j] = p > 0.5f ? 0.5f : p;
        }
        mb_kernels_of(model)->skip_scales(scales[c], chances, n_rows);
    }
}

/* Update all rows, with the width of a level known to the compiler too. */
MB_HOT void update_rows(mb_mover *mover, const mb_model *model, const mb_layer *layer,
                        const layer_input *in, const int16_t *d, float rate, uint32_t bits,
                        bool of_bytes) {
    uint32_t scales[MAX_CLASSES][ROWS_A_BLOCK];
    mb_row row = {(uint8_t *)mb_at(model, layer->levels_at),
                  (uint8_t *)mb_at(model, layer->signs_at),
                  bits,
                  {0, 0, 0}};
    for (uint32_t j = 0; j < layer->n_out; j++, row.levels += layer->level_row_bytes) {
        uint32_t in_block = j % ROWS_A_BLOCK, left = layer->n_out - j;
        if (in_block == 0) {
            scale_block(model, scales, in, d + j, left < ROWS_A_BLOCK ? left : ROWS_A_BLOCK, rate);
        }
        row.walk = mb_walk_row(layer->layout, layer->words, j);
        for (uint32_t c = 0; c < (of_bytes ? MAX_CLASSES : 1u); c++) {
            uint32_t scale = scales[c][in_block];
            if (scale != 0) {
                walk_class(mover, in, &row, d[j], in->classes[c], scale, of_bytes);
            }
        }
    }
}

/* Update a layer's hidden weights and their packed signs. */
static void learn_layer(mb_model *model, const mb_layer *layer, const layer_input *in,
                        const int16_t *d, float rate) {
    mb_mover mover = mb_start_moving(model, layer);
    if (model->state_bits == 8) {
        if (in->bytes != NULL) {
            update_rows(&mover, model, layer, in, d, rate, 8, true);
        } else {
            update_rows(&mover, model, layer, in, d, rate, 8, false);
        }
    } else if (in->bytes != NULL) {
        update_rows(&mover, model, layer, in, d, rate, 4, true);
    } else {
        update_rows(&mover, model, layer, in, d, rate, 4, false);
    }
    mb_stop_moving(model, &mover);
}

void mb_learn_dense(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                    float unit, uint32_t *back) {
    const mb_layer *layer = &mb_layers(model)[index];
    layer_input in = {0};
    if (index == 0) {
        in.bytes = (const uint8_t *)input;
        in.flip = model->input_signed ? 0x80 : 0;
        in.zero = model->zero_point + in.flip;
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
    learn_layer(model, layer, &in, d, rate);
}
