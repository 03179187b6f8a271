/* worth.c: shares of labels, and of samples that were worth learning, in 1/65536. */
#include "worth.h"

#define MARGIN 1.5f    /* from the label's logit to the next, above which nothing is learnt */
#define LABEL_SHIFT 4u /* shares of labels turn over in 16 samples */
#define WORTH_SHIFT 7u /* the share of samples worth learning in 128 */
#define ALL 65535u     /* a share of 1 */

static uint16_t *shares_of(const mb_model *model) {
    return (uint16_t *)mb_in_arena(model, model->worth_at);
}

/* Let a share follow one more sample. */
static void follow(uint16_t *share, bool yes, uint32_t shift) {
    uint32_t kept = *share - ((uint32_t)*share >> shift);
    *share = (uint16_t)(kept + (yes ? ALL >> shift : 0));
}

void mb_start_turns(uint16_t *shares, uint32_t n_outputs) {
    for (uint32_t j = 0; j < n_outputs; j++) {
        shares[j] = (uint16_t)(ALL / n_outputs);
    }
    shares[n_outputs] = 0;
}

void mb_start_worth(const mb_model *model) {
    uint16_t *shares = shares_of(model);
    mb_zero(shares, mb_worth_bytes(model->n_outputs));
    mb_start_turns(shares, model->n_outputs);
    shares[model->n_outputs + 1u] = ALL;
}

bool mb_is_due(uint16_t *shares, uint32_t n_outputs, uint32_t label) {
    uint16_t *left = shares + n_outputs;
    for (uint32_t j = 0; j < n_outputs; j++) {
        follow(&shares[j], j == label, LABEL_SHIFT);
    }
    uint32_t due = 2u * (ALL - shares[label]);
    uint32_t sum = *left + (due < ALL + 1u ? due : ALL + 1u);
    *left = (uint16_t)sum;
    return sum > ALL;
}

bool mb_is_sure(const mb_model *model, uint32_t label) {
    const mb_layer *output = mb_output_layer(model);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    float mine = mb_scaled(&norm, mb_normalised(&norm, sums[label], label), label);
    bool sure = true;
    for (uint32_t j = 0; j < output->n_out; j++) {
        float other = mb_scaled(&norm, mb_normalised(&norm, sums[j], j), j);
        sure &= j == label || mine - other > MARGIN;
    }
    return sure;
}

bool mb_is_worth_learning(const mb_model *model, uint32_t label) {
    bool is_due = mb_is_due(shares_of(model), model->n_outputs, label);
    bool worth = is_due && !mb_is_sure(model, label);
    follow(shares_of(model) + model->n_outputs + 1u, worth, WORTH_SHIFT);
    return worth;
}

uint32_t mb_novelty_share(const mb_model *model) {
    uint32_t share = shares_of(model)[model->n_outputs + 1u]; /* 2 r in 2^-15 */
    if (share < MB_NOVELTY_ONE / 2u + MB_NOVELTY_ONE / 4u) {
        return MB_NOVELTY_ONE / 4u;
    }
    share -= MB_NOVELTY_ONE / 2u;
    return share < MB_NOVELTY_ONE ? share : MB_NOVELTY_ONE;
}
