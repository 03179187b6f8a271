/* observe.c: samples that nobody tells the class of. */
#include "../forward/forward.h"
#include "heads.h"

int mb_observe(mb_model *model, const void *samples, size_t n) {
    if (model == NULL || (samples == NULL && n > 0)) {
        return MB_ERR_INPUT;
    }
    if (model->head_kind == 0) {
        return MB_ERR_NO_STATE;
    }
    const uint8_t *sample = (const uint8_t *)samples;
    model->is_changed = 1;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        mb_forward(model, sample);
        mb_head_see(model, sample);
    }
    return MB_OK;
}
