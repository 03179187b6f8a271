/* scores.c: from the sums of the output layer to scores and a label. */
#include "scores.h"

#include "../arith.h"

/* The bits of a positive float sort like an integer; the bits of a negative float are mirrored. -0
 * becomes 0. */
int32_t mb_score_of_logit(float logit) {
    uint32_t bits = mb_float_bits(logit);
    return bits & 0x80000000u ? -(int32_t)(bits & 0x7fffffffu) : (int32_t)bits;
}

int32_t mb_score(const mb_norm_view *norm, int32_t sum, uint32_t j) {
    return mb_score_of_logit(mb_scaled(norm, mb_normalised(norm, sum, j), j));
}

float mb_score_to_logit(int32_t score) {
    return score < 0 ? mb_bits_float(0x80000000u | (0u - (uint32_t)score))
                     : mb_bits_float((uint32_t)score);
}

int32_t mb_read_scores(const mb_model *model, int32_t *scores) {
    const mb_layer *output = mb_output_layer(model);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    int32_t best = 0, best_score = 0;
    for (uint32_t j = 0; j < output->n_out; j++) {
        int32_t score = mb_score(&norm, sums[j], j);
        if (j == 0 || score > best_score) {
            best = (int32_t)j;
            best_score = score;
        }
        if (scores != NULL) {
            scores[j] = score;
        }
    }
    return best;
}
