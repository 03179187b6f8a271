/* dense_moves.c: one step of a dense layer on one sample; gradients.c is for batches.
 *
 * The gradient of weight (j, i) is error_j * x_i and is never stored. Its step, in levels,
 *
 *   u = step / rms * error_j * x_i,  times f_meta(|level|) if it shrinks the hidden weight,
 *
 * is far below one level, so stochastic rounding makes it a rare move by one. Those moves are drawn
 * directly. n_in slots are shared out among the columns in proportion to |x_i|: each column gets
 * whole slots, on average its share, and a column whose x is 0 gets none. Row j gets as many
 * candidates as the sum of its |u| says, again a whole number that is right on average. The slots
 * are cut into as many stretches of equal length; in each stretch one slot is drawn at random, and
 * its column is a candidate, which moves with probability f_meta. So each weight moves by u on
 * average, and the work is in proportion to the moves. Where a step would be expected to move the
 * weight of the largest |x| by more than half a level, the whole row is scaled down to half a
 * level.
 */
#include "dense_moves.h"

#include "../arith.h"
#include "../random.h"
#include "../rule/centre.h"
#include "moves.h"

#define DRAWS_A_BLOCK 32u

/* A sample seen by the first layer, or activations seen by the others. */
typedef struct layer_input {
    const uint8_t *bytes; /* 8-bit input, or NULL */
    const uint32_t *bits; /* packed activations */
    mb_as_uint8 type;     /* of these bytes */
    const int32_t *means; /* of the inputs, rule/centre.h */
    uint32_t n_in;
    uint32_t largest; /* |x| */
    uint32_t total;   /* of all |x| */
    float mean_square;
} layer_input;

static inline int32_t byte_value(const layer_input *in, uint32_t i) {
    return mb_centred(in->type, in->bytes[i]) - mb_whole_mean(in->means[i]);
}

static inline uint32_t upper_product(uint32_t a, uint32_t b) {
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* ---- slots ---------------------------------------------------------------------------------- */

/* The column that owns each slot; columns of positive x come first. */
typedef struct slot_list {
    uint16_t *columns; /* (n_in) */
    uint32_t n_positive;
} slot_list;

static void measure_input(layer_input *in) {
    uint64_t squares = 0;
    if (in->bytes == NULL) {
        in->largest = 1;
        in->total = in->n_in;
        in->mean_square = 1.0f;
        return;
    }
    for (uint32_t i = 0; i < in->n_in; i++) {
        uint32_t size = mb_magnitude(byte_value(in, i));
        squares += size * size;
        in->total += size;
        in->largest = size > in->largest ? size : in->largest;
    }
    in->mean_square = (float)squares / (float)in->n_in;
}

/* Every column owns one slot. */
static void slots_of_bits(slot_list *slots, const layer_input *in) {
    uint32_t last = in->n_in;
    for (uint32_t i = 0; i < in->n_in; i++) {
        uint32_t positive = in->bits[i / 32u] >> (i % 32u) & 1u;
        last -= positive ^ 1u;
        slots->columns[positive ? slots->n_positive : last] = (uint16_t)i;
        slots->n_positive += positive;
    }
}

/* A slot belongs to the column at which the running sum of |x| passes a multiple of total / n_in,
 * from a random start. */
static void slots_of_bytes(slot_list *slots, const layer_input *in, uint32_t random) {
    uint32_t n = in->n_in, last = n;
    uint32_t passed = upper_product(random, in->total);
    for (uint32_t i = 0; i < n; i++) {
        int32_t x = byte_value(in, i);
        passed += mb_magnitude(x) * n; /* below 2^25 + 2^25 */
        for (; passed >= in->total; passed -= in->total) {
            slots->columns[x > 0 ? slots->n_positive++ : --last] = (uint16_t)i;
        }
    }
}

/* ---- one layer, one step -------------------------------------------------------------------- */

/* Let the layer's running mean square follow this step's gradient. Returns levels per unit of d and
 * of x; 0 in the first step, which only measures. */
static float layer_rate(mb_model *model, const mb_layer *layer, const int16_t *d, float unit,
                        const layer_input *in) {
    uint64_t squares = 0;
    for (uint32_t j = 0; j < layer->n_out; j++) {
        squares += (uint64_t)((int32_t)d[j] * d[j]);
    }
    float mean_square = ((float)squares / (float)layer->n_out) * (unit * unit);
    bool is_first = *(const float *)mb_in_arena(model, layer->rms_at) == 0.0f;
    mb_follow_rms(model, layer, mean_square * in->mean_square);
    return is_first ? 0.0f : mb_rate(model, layer, unit);
}

/* What gives each row its candidates. */
typedef struct share_out {
    float rate;    /* candidates per unit of d, in 1/65536 */
    float limit;   /* the largest number of candidates of a row, in 1/65536 */
    uint32_t rest; /* what rounding has left over from the rows before, below 65536 */
} share_out;

static inline uint32_t candidates_of(share_out *rows, int32_t d) {
    float wanted = rows->rate * (float)mb_magnitude(d);
    wanted = wanted > rows->limit ? rows->limit : wanted;
    uint32_t sum = rows->rest + (uint32_t)(wanted + 0.5f); /* at most 2^31 */
    rows->rest = sum & 0xffffu;
    return sum >> 16;
}

/* Update all rows, with the width of a level known to the compiler. What is read for each candidate
 * is copied into locals first: levels are bytes, which may alias anything, so a compiler would read
 * it again after each move. */
MB_HOT void update_rows(mb_mover *moves, const mb_model *model, const mb_layer *layer,
                        slot_list slots, const int16_t *d, share_out rows, uint32_t bits) {
    uint32_t draws[DRAWS_A_BLOCK], used = DRAWS_A_BLOCK, n_rows = layer->n_out;
    const int32_t *means = mb_means_seen_by(model, layer);
    float *row_mean = (float *)mb_in_arena(model, layer->running_at);
    mb_mover mover = *moves;
    mb_row row = {(uint8_t *)mb_in_arena(model, layer->levels_at),
                  (uint8_t *)mb_in_arena(model, layer->signs_at),
                  bits,
                  {0, 0, 0}};
    for (uint32_t j = 0; j < n_rows; j++, row.levels += layer->level_row_bytes, row_mean++) {
        uint32_t left = candidates_of(&rows, d[j]), falls = d[j] > 0;
        uint32_t start = 0,
                 stretch = left > 0 ? (layer->n_in << 15) / left : 0; /* in 2^-15 slots */
        row.walk = mb_walk_row(layer->layout, layer->words, j);
        while (left > 0) {
            if (used == DRAWS_A_BLOCK) {
                mb_kernels_of(model)->draw(draws, mover.counter, DRAWS_A_BLOCK);
                mover.counter += DRAWS_A_BLOCK * MB_COUNTER_STEP;
                used = 0;
            }
            uint32_t stop = left < DRAWS_A_BLOCK - used ? used + left : DRAWS_A_BLOCK;
            left -= stop - used;
            for (; used < stop; used++, start += stretch) {
                uint32_t slot = (start + upper_product(draws[used], stretch)) >> 15;
                uint32_t rises = (uint32_t)(slot < slots.n_positive) ^ falls;
                uint32_t i = slots.columns[slot];
                if (mb_try_move(&mover, &row, i, rises, draws[used] & 0xffffu) && means != NULL) {
                    mb_keep_centred(row_mean, means[i], rises);
                }
            }
        }
    }
    *moves = mover;
}

/* Update a layer's hidden weights and their packed signs. `rate` is in levels per unit of d and of
 * x. */
static void learn_layer(mb_model *model, mb_layer *layer, const layer_input *in, const int16_t *d,
                        float rate) {
    if (rate == 0.0f || in->total == 0) {
        return;
    }
    mb_mover mover = mb_start_moving(model, layer);
    slot_list slots = {(uint16_t *)mb_in_arena(model, model->columns_at), 0};
    if (in->bytes != NULL) {
        slots_of_bytes(&slots, in, mb_count_on(&mover.counter));
    } else {
        slots_of_bits(&slots, in);
    }
    float total = (float)in->total, wanted = (rate * total) * 65536.0f;
    share_out rows = {wanted > 1e30f ? 1e30f : wanted, (total / (float)in->largest) * 32768.0f,
                      mb_count_on(&mover.counter) >> 16};
    if (model->state_bits == 8) {
        update_rows(&mover, model, layer, slots, d, rows, 8);
    } else {
        update_rows(&mover, model, layer, slots, d, rows, 4);
    }
    mb_stop_moving(model, layer, &mover);
}

void mb_move_dense(mb_model *model, mb_layer *layer, const void *input, const int16_t *d,
                   float unit) {
    layer_input in = {0};
    in.n_in = layer->n_in;
    if (layer->sees_sample) {
        in.bytes = (const uint8_t *)input;
        in.type = model->sample_type;
        in.means = mb_means_seen_by(model, layer);
    } else {
        in.bits = (const uint32_t *)input;
    }
    measure_input(&in);
    learn_layer(model, layer, &in, d, layer_rate(model, layer, d, unit, &in));
}
