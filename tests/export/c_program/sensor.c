/* sensor.c: what a user of an exported model with a front end writes: frames in, a label out.
 *
 * It stops after all frames but the last, and after the last, so that what the last one costs can
 * be counted.
 */
#include "sensor_model.h"

#define N_FRAMES SENSOR_MODEL_WINDOW_FRAMES

static uint64_t arena[SENSOR_MODEL_ARENA_BYTES / 8];
extern const int16_t frames[N_FRAMES * SENSOR_MODEL_N_CHANNELS];

int32_t sensor_results[4]; /* open, ready early, ready at last, label */
int8_t sensor_sample[SENSOR_MODEL_N_INPUTS];

void fw_stop(void);
void fw_main(void);

void fw_main(void) {
    const mb_options options = MB_OPTIONS_INFER;
    mb_model *model;
    uint32_t ready = 0;
    int32_t label = -1;
    sensor_results[0] = mb_open(&model, arena, sizeof arena, sensor_model_model,
                                sizeof sensor_model_model, &options);
    mb_push(model, frames, N_FRAMES - 1u, &ready);
    sensor_results[1] = (int32_t)ready;
    fw_stop();
    mb_push(model, frames + (N_FRAMES - 1u) * SENSOR_MODEL_N_CHANNELS, 1, &ready);
    fw_stop();
    sensor_results[2] = (int32_t)ready;
    for (size_t i = 0; i < SENSOR_MODEL_N_INPUTS; i++) {
        sensor_sample[i] = mb_window_sample(model)[i];
    }
    mb_predict(model, mb_window_sample(model), 1, &label, NULL);
    sensor_results[3] = label;
    fw_stop();
}
