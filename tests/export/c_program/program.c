/* program.c: what a user of an exported model writes: test it, open it, predict.
 *
 * On the host it prints the scores of the golden samples; on an emulated board, where it is linked
 * with the start-up code of firmware_sim, it leaves them in memory and stops.
 */
#include "hostile_name.h"

#define N_SAMPLES 3u

static uint64_t arena[HOSTILE_NAME_ARENA_BYTES / 8];
extern const uint8_t samples[N_SAMPLES * HOSTILE_NAME_N_INPUTS];

int32_t program_results[3] = {1, 1, 1}; /* self-test, open, predict: MB_OK each */
int32_t program_scores[N_SAMPLES * HOSTILE_NAME_N_OUTPUTS];

static void run(void) {
    const mb_options options = MB_OPTIONS_INFER;
    mb_model *model;
    program_results[0] = hostile_name_self_test(arena, sizeof arena);
    program_results[1] = mb_open(&model, arena, sizeof arena, hostile_name_model,
                                 sizeof hostile_name_model, &options);
    if (program_results[1] == MB_OK) {
        program_results[2] = mb_predict(model, samples, N_SAMPLES, NULL, program_scores);
    }
}

#if defined(ON_A_BOARD)

void fw_stop(void);
void fw_main(void);

/* Variables lie in RAM as the loader found it: everything is written before it is read. */
void fw_main(void) {
    run();
    fw_stop();
}

#else

#include <stdio.h>

int main(void) {
    run();
    printf("%d %d %d\n", (int)program_results[0], (int)program_results[1], (int)program_results[2]);
    for (size_t i = 0; i < N_SAMPLES * HOSTILE_NAME_N_OUTPUTS; i++) {
        printf("%ld\n", (long)program_scores[i]);
    }
    for (size_t i = 0; i < HOSTILE_NAME_N_OUTPUTS; i++) {
        printf("%s\n", hostile_name_classes[i]);
    }
    return 0;
}

#endif
