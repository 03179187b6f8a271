/* predict.c: labels and scores of samples, from the network's last layer or from its head. */
#include "../forward/forward.h"
#include "../forward/scores.h"
#include "../rule/contexts.h"
#include "heads.h"

/* Answer of the head to the sample that went forward last; `scores` may be NULL. */
static int32_t ask_head(mb_model *model, const uint8_t *sample, int32_t *scores) {
    int32_t label = mb_head_predict(model, sample);
    const float *logits = mb_head_scores(model);
    for (uint32_t c = 0; scores != NULL && c < model->n_outputs; c++) {
        scores[c] = mb_score_of_logit(logits[c]);
    }
    return label;
}

int mb_predict(mb_model *model, const void *samples, size_t n, int32_t *labels, int32_t *scores) {
    if (model == NULL || (samples == NULL && n > 0)) {
        return MB_ERR_INPUT;
    }
    const uint8_t *sample = (const uint8_t *)samples;
    bool is_routed = mb_has_contexts(model) && mb_router_of(model)->n_open > 1;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        int32_t *to = scores != NULL ? scores + i * model->n_outputs : NULL;
        if (is_routed) {
            mb_enter_for(model, sample);
        }
        mb_forward(model, sample);
        int32_t label =
            model->head_kind != 0 ? ask_head(model, sample, to) : mb_read_scores(model, to);
        if (labels != NULL) {
            labels[i] = label;
        }
    }
    if (is_routed) {
        mb_enter_context(model, mb_router_of(model)->current);
    }
    return MB_OK;
}
