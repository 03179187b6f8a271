/* self_test.c: the samples with known scores that travel in a blob. */
#include "file/sections.h"
#include "forward/forward.h"
#include "forward/scores.h"
#include "model/open.h"

int mb_self_test(void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes) {
    static const mb_options infer = MB_OPTIONS_INFER;
    mb_blob_view view;
    mb_model *model;
    int error = mb_view(&view, blob, blob_bytes, infer.bank);
    if (error == MB_OK) {
        error = mb_open_view(&model, arena, arena_bytes, &view, &infer);
    }
    if (error != MB_OK) {
        return error;
    }
    const mb_layer *output = mb_output_layer(model);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    const uint8_t *scores = view.bytes + view.golden_scores_at;
    const uint8_t *samples = view.bytes + view.golden_samples_at;
    for (uint32_t i = 0; i < view.info.n_golden; i++) {
        mb_forward(model, samples + (size_t)i * model->n_inputs);
        for (uint32_t j = 0; j < model->n_outputs; j++, scores += 4) {
            int32_t expected;
            mb_copy(&expected, scores, sizeof expected);
            if (mb_score(&norm, sums[j], j) != expected) {
                return MB_ERR_MISMATCH;
            }
        }
    }
    return MB_OK;
}
