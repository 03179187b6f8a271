/* moves.c: size of a step, and drawing moves. */
#include "moves.h"

#include "../arith.h"
#include "../random.h"
#include "../rule/growth.h"
#include "../rule/worth.h"

void mb_follow_rms(const mb_model *model, const mb_layer *layer, float mean_square) {
    const mb_learnt *learnt = (const mb_learnt *)mb_in_arena(model, model->learnt_at);
    float *rms = (float *)mb_in_arena(model, layer->rms_at);
    float rate = model->rms_rate, plain = (float)model->batch / (float)learnt->n_learnt;
    rate = plain > rate ? plain : rate;
    rate = rate < 1.0f && *rms > 0.0f ? rate : 1.0f;
    float followed = mb_running_mean(*rms, mean_square, rate);
    *rms = followed > 0.0f ? followed : 0.0f;
}

float mb_rate(const mb_model *model, const mb_layer *layer, float unit) {
    float rms = *(const float *)mb_in_arena(model, layer->rms_at);
    float step = model->step * ((float)model->novelty * (1.0f / (float)MB_NOVELTY_ONE));
    return rms < 1e-30f ? 0.0f : (step / mb_sqrt(rms)) * unit;
}

mb_mover mb_start_moving(const mb_model *model, mb_layer *layer) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    mb_mover mover = {(const uint16_t *)mb_in_arena(model, layer->table_at), 0, 0, 0, 0};
    mb_follow_sizes(model, layer);
    mover.counter = mb_random(learnt->rng);
    return mover;
}

void mb_stop_moving(mb_model *model, mb_layer *layer, const mb_mover *mover) {
    layer->sizes += mover->grown;
    layer->sizes -= mover->writes - mover->grown - mover->flips; /* a flip keeps the size */
    model->last_writes += mover->writes;
    model->last_flips += mover->flips;
}
