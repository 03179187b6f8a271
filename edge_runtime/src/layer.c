/* layer.c: weights and normalisation of a layer, wherever they lie. */
#include "layer.h"

mb_norm_view mb_norm(const mb_model *model, const mb_layer *layer) {
    mb_norm_view norm;
    const float *exported = (const float *)mb_in_blob(model, layer->blob_norm_at);
    norm.mean = layer->learns ? (const float *)mb_in_arena(model, layer->running_at) : exported;
    norm.inv_std = (const float *)mb_in_arena(model, layer->inv_std_at);
    norm.gamma = exported + 2 * (size_t)layer->n_out;
    norm.beta = exported + 3 * (size_t)layer->n_out;
    return norm;
}

mb_matrix mb_weights(const mb_model *model, const mb_layer *layer) {
    mb_matrix weights = {NULL, layer->n_in, layer->n_out, layer->words, MB_ROWS};
    if (layer->signs_at != 0) {
        weights.bytes = (const uint8_t *)mb_in_arena(model, layer->signs_at);
        weights.layout = layer->layout;
    } else {
        weights.bytes = (const uint8_t *)mb_in_blob(model, layer->blob_weights_at);
    }
    return weights;
}
