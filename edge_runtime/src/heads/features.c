/* features.c: from what a forward pass left to the features of a head; reference/heads.py is its
 * twin.
 *
 * A feature is a value of the sample or of a hidden layer, less its centre and divided by its
 * deviation, as they were at home. A head needs more than the bits of a layer: how far a sum is
 * from its threshold says much of classes that the layer was not trained for. The network's own
 * scores are features too, so that the head knows at once what the network knows.
 */
#include "features.h"

#include "../arith.h"
#include "../layer.h"

/* Where a folded feature stops, and where the size that is folded onto another does. */
#define FOLD_LIMIT MB_FEATURE_UNIT
#define SIZE_LIMIT (2 * MB_FEATURE_UNIT)

int32_t mb_source_value(const mb_model *model, uint32_t source, uint32_t index,
                        const uint8_t *sample, uint32_t i) {
    if (source == MB_HEAD_INPUTS) {
        return mb_centred(model->sample_type, sample[i]);
    }
    const mb_layer *layer = &mb_layers(model)[index];
    if (source == MB_HEAD_SUMS) {
        return ((const int32_t *)mb_in_arena(model, layer->sums_at))[i];
    }
    const uint32_t *bits = (const uint32_t *)mb_in_arena(model, layer->bits_at);
    int32_t ones = 0; /* of channel i, over all positions */
    for (uint32_t at = i; at < mb_values(layer); at += layer->n_out) {
        ones += (int32_t)(bits[at / 32u] >> (at % 32u) & 1u);
    }
    return ones;
}

/* Value i in steps of a feature, at most `limit` of them. */
static int32_t standardised(const mb_model *model, const mb_head *head, const uint8_t *sample,
                            uint32_t i, int32_t limit) {
    const float *affine = (const float *)mb_in_blob(model, head->affine_at) + 2 * (size_t)i;
    float value = (float)mb_source_value(model, head->source, head->layer, sample, i);
    return mb_round_within((value - affine[0]) * affine[1], limit);
}

static void add_units(const mb_model *model, const mb_head *head, const uint8_t *sample,
                      int8_t *features) {
    for (uint32_t i = 0; i < head->n_units; i++) {
        if (!head->folds) {
            features[i] = (int8_t)standardised(model, head, sample, i, 127);
            continue;
        }
        uint32_t other = head->n_source - 1u - i;
        int32_t here = standardised(model, head, sample, i, FOLD_LIMIT);
        uint32_t size = mb_magnitude(standardised(model, head, sample, other, SIZE_LIMIT));
        features[i] = (int8_t)(here + (int32_t)(3u * size >> 2));
    }
}

void mb_make_features(mb_model *model, const uint8_t *sample) {
    const mb_head *head = mb_head_of(model);
    int8_t *features = (int8_t *)mb_in_arena(model, head->features_at);
    add_units(model, head, sample, features);
    const mb_layer *output = &mb_layers(model)[model->n_layers - 1u];
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    for (uint32_t j = 0; j < head->n_scores; j++) {
        float logit = mb_scaled(&norm, mb_normalised(&norm, sums[j], j), j);
        features[head->n_units + j] = (int8_t)mb_round_within(logit * (float)MB_FEATURE_UNIT, 127);
    }
}
