/* main.c: what a packed model says about a sample, and what once it has been taught.
 *     metabit export digits.mbit --to c -o examples/c/digits
 *     cmake -S examples/c -B build/example -DCMAKE_PREFIX_PATH=<where metabit is installed>
 *     cmake --build build/example && build/example/example
 * With -DCMAKE_TOOLCHAIN_FILE=cortex-m4.cmake the same file is built for a microcontroller. */
#include "digits.h"

#if __STDC_HOSTED__
#include <stdio.h>
#else
#define printf(...) ((void)0)
#endif

static uint64_t arena[DIGITS_ARENA_BYTES_LEARN_ALL / 8]; /* all RAM that metabit uses */
static uint8_t sample[DIGITS_N_INPUTS];

int main(void) {
    mb_options options = MB_OPTIONS_INFER;
    mb_model *model;
    int32_t before = -1, now = -1, truth, steps = 0;

    options.learn_layers = MB_ALL_LAYERS;
    if (digits_self_test(arena, sizeof arena) != MB_OK ||
        mb_open(&model, arena, sizeof arena, digits_model, sizeof digits_model, &options) !=
            MB_OK) {
        return 1;
    }
    for (size_t i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)(i % 17u); /* a pattern that is no digit */
    }
    mb_predict(model, sample, 1, &before, NULL);
    truth = (before + 1) % (int32_t)DIGITS_N_OUTPUTS;
    for (; now != truth && steps < 1000; steps++) {
        mb_learn(model, sample, &truth, 1, NULL);
        mb_predict(model, sample, 1, &now, NULL);
    }
    printf("it said %d; taught %d, it says %d after %d steps\n", (int)before, (int)truth, (int)now,
           (int)steps);
    return now == truth ? 0 : 1;
}
