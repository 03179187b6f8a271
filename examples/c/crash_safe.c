/* crash_safe.c: learn for a while, keep what was learnt, and continue after a restart or a power
 * cut.
 *
 *     cc crash_safe.c digits/digits.c -Idigits $(pkg-config --cflags --libs metabit) -o crash_safe
 *     ./crash_safe state      # run it several times, stop it whenever you like
 *
 * A commit leaves the state before it or the state after it in the folder, whenever the power
 * goes. */
#include <stdio.h>

#include "digits.h"
#include "metabit_posix.h"

static uint64_t arena[DIGITS_ARENA_BYTES_LEARN / 8];

int main(int argc, char **argv) {
    mb_options options = MB_OPTIONS_LEARN;
    mb_model *model;
    mb_status status;
    mb_folder folder;
    uint8_t sample[DIGITS_N_INPUTS];
    int32_t truth;
    char why[MB_REASON_BYTES];

    if (argc != 2 || mb_choose(digits_model, sizeof digits_model, &options, sizeof arena, &options,
                               why, sizeof why) != MB_OK) {
        return 2;
    }
    printf("%s\n", why);
    if (mb_open(&model, arena, sizeof arena, digits_model, sizeof digits_model, &options) !=
        MB_OK) {
        return 2;
    }
    int error = mb_folder_open(&folder, argv[1]);
    if (error != MB_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], mb_error_text(error));
        return 1;
    }
    int64_t number = mb_folder_restore(model, argv[1], NULL); /* 0: there is no state yet */
    if (number < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], mb_error_text((int)number));
        return 1;
    }
    for (int32_t n = 0; n < 100; n++) { /* in place of a sensor: ten patterns, one per class */
        truth = n % (int32_t)DIGITS_N_OUTPUTS;
        for (size_t i = 0; i < sizeof sample; i++) {
            sample[i] = (uint8_t)((i * (size_t)(truth + 1)) % 17u);
        }
        mb_learn(model, sample, &truth, 1, NULL);
    }
    if (mb_folder_commit(&folder, model, 3) != MB_OK) { /* the last three states are kept */
        perror(argv[1]);
        return 1;
    }
    mb_folder_close(&folder);
    mb_get_status(model, &status);
    printf("loaded state %d; %u samples learnt in all\n", (int)number, (unsigned)status.n_steps);
    return 0;
}
