/* moves.c: size of a step, and drawing moves. */
#include "moves.h"

#include "../arith.h"
#include "../random.h"

void mb_follow_rms(const mb_model *model, const mb_layer *layer, float mean_square) {
    float *rms = (float *)mb_in_arena(model, layer->rms_at);
    *rms = *rms == 0.0f ? mean_square : mb_running_mean(*rms, mean_square, model->rms_rate);
}

float mb_rate(const mb_model *model, const mb_layer *layer, float unit) {
    float rms = *(const float *)mb_in_arena(model, layer->rms_at);
    return rms < 1e-30f ? 0.0f : (model->step / mb_sqrt(rms)) * unit;
}

mb_mover mb_start_moving(const mb_model *model, const mb_layer *layer) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    mb_mover mover = {(const uint16_t *)mb_in_arena(model, layer->table_at), 0, 0, 0};
    mover.counter = mb_random(learnt->rng);
    return mover;
}

void mb_stop_moving(mb_model *model, const mb_mover *mover) {
    model->last_writes += mover->writes;
    model->last_flips += mover->flips;
}
