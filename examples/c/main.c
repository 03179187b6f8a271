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

static uint64_t arena[DIGITS_ARENA_BYTES_LEARN / 8]; /* all RAM that metabit uses */
static uint8_t samples[2][DIGITS_N_INPUTS];

int main(void) {
    mb_options options = MB_OPTIONS_LEARN; /* what is best in this arena learns */
    mb_model *model;
    int32_t before = -1, now = -1, truths[2], steps = 0;

    if (digits_self_test(arena, sizeof arena) ||
        mb_open(&model, arena, sizeof arena, digits_model, sizeof digits_model, &options)) {
        return 1;
    }
    for (size_t i = 0; i < DIGITS_N_INPUTS; i++) { /* two patterns that are no digits */
        samples[0][i] = (uint8_t)(i % 17u);
        samples[1][i] = (uint8_t)(i / 8u * 2u);
    }
    mb_predict(model, samples, 1, &before, NULL);
    truths[0] = (before + 1) % (int32_t)DIGITS_N_OUTPUTS;
    truths[1] = before; /* of one label alone, nothing is learnt for good */
    for (; now != truths[0] && steps < 1000; steps += 2) {
        mb_learn(model, samples, truths, 2, NULL);
        mb_predict(model, samples, 1, &now, NULL);
    }
    printf("it said %d; taught %d, it says %d after %d steps\n", (int)before, (int)truths[0],
           (int)now, (int)steps);
    return now == truths[0] ? 0 : 1;
}
