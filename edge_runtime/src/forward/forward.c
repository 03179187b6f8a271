/* forward.c: the forward pass, from a sample to scores. */
#include "forward.h"

#include "../layer.h"
#include "../model/fused_layout.h"
#include "activate.h"
#include "conv.h"
#include "conv_fused.h"
#include "dense.h"
#include "metabit_bench.h"

/* One layer: from `input`, the sample or the bits of the layer below, to sums and, but for the
 * output layer, bits. */
static void run_layer(const mb_model *model, const mb_layer *layer, const void *input) {
    if (mb_convolves(layer)) {
        bool fused = mb_runs_fused(layer, mb_kernels_of(model));
        (fused ? mb_convolve_fused : mb_convolve)(model, layer, input);
        return;
    }
    int32_t *sums = (int32_t *)mb_in_arena(model, layer->sums_at);
    mb_dense_sums(model, layer, input, sums);
    if (layer != mb_output_layer(model)) {
        mb_activate(model, layer, (uint32_t *)mb_in_arena(model, layer->bits_at), sums);
    }
}

/* What a layer reads: the sample, or the bits of the layer below. */
static const void *input_of(const mb_model *model, const mb_layer *layer, const void *sample) {
    return layer->sees_sample ? sample : mb_in_arena(model, layer[-1].bits_at);
}

void mb_forward(mb_model *model, const uint8_t *sample) { mb_forward_from(model, 0, sample); }

void mb_forward_from(mb_model *model, uint32_t first, const uint8_t *sample) {
    for (uint32_t i = first; i < model->n_layers; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        run_layer(model, layer, input_of(model, layer, sample));
    }
}

uint32_t mb_isa_used(const mb_model *model) { return model != NULL ? model->isa : 0; }

int mb_run_layer(mb_model *model, uint32_t index, const void *sample, size_t n) {
    if (model == NULL || sample == NULL || index >= model->n_layers) {
        return MB_ERR_INPUT;
    }
    const mb_layer *layer = &mb_layers(model)[index];
    for (size_t i = 0; i < n; i++) {
        run_layer(model, layer, input_of(model, layer, sample));
    }
    return MB_OK;
}
