/* heads.c: which head answers and learns. */
#include "heads.h"

#include "counting.h"
#include "features.h"
#include "scaling.h"
#include "tracking.h"

int32_t mb_head_predict(mb_model *model, const uint8_t *sample) {
    if (model->head_kind == MB_HEAD_TRACKING) {
        return mb_track_answer(model, sample);
    }
    mb_make_features(model, sample);
    return mb_head_answer(model);
}

const float *mb_head_scores(const mb_model *model) {
    uint32_t at = model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->scores_at
                                                       : mb_head_of(model)->scores_at;
    return (const float *)mb_in_arena(model, at);
}

void mb_head_see(mb_model *model, const uint8_t *sample) {
    if (model->head_kind == MB_HEAD_TRACKING) {
        mb_measure_sample(model, sample);
        return;
    }
    mb_make_features(model, sample);
    mb_head_observe(model);
}

int32_t mb_head_teach(mb_model *model, const uint8_t *sample, uint32_t label) {
    if (model->head_kind == MB_HEAD_TRACKING) {
        mb_measure_sample(model, sample);
        int32_t said = mb_track_answer(model, sample);
        mb_track_learn(model, label);
        if (model->ring_slots > 0) {
            mb_track_replay(model, label);
        }
        return said;
    }
    int32_t said = mb_head_predict(model, sample);
    mb_head_learn(model, label);
    return said;
}
