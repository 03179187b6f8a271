/* in_flash.c: learn for a while, keep the samples in bare flash, and continue after a restart.
 *
 *     cc in_flash.c digits/digits.c -Idigits $(pkg-config --cflags --libs metabit) -o in_flash
 *     ./in_flash flash.bin      # run it several times
 *
 * An array stands for the flash, and a file for what it holds while the power is off. */
#include <stdio.h>
#include <string.h>

#include "digits.h"
#include "metabit_journal.h"

#define PAGE_BYTES 4096u

static uint64_t arena[DIGITS_ARENA_BYTES_LEARN / 8];
static uint64_t step[(MB_JOURNAL_STEP_BYTES(DIGITS_N_INPUTS, 1) + 7) / 8];
static uint8_t cells[2 * 16 * PAGE_BYTES]; /* two slots, each with room for a few states */

static int flash_erase(void *context, size_t offset) {
    (void)context;
    return memset(cells + offset, 0xff, PAGE_BYTES) == NULL;
}

static int flash_write(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context;
    return memcpy(cells + offset, data, bytes) == NULL;
}

static int flash_read(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    return memcpy(data, cells + offset, bytes) == NULL;
}

int main(int argc, char **argv) {
    mb_flash flash = {sizeof cells, PAGE_BYTES, 4, 2, flash_erase, flash_write, flash_read};
    mb_journal journal = {&flash, MB_JOURNAL_MOST_AGAIN, step, sizeof step};
    mb_options options = MB_OPTIONS_LEARN;
    mb_model *model;
    uint8_t sample[DIGITS_N_INPUTS];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file != NULL) {
        (void)!fread(cells, 1, sizeof cells, file);
    }
    if (argc != 2 || mb_flash_start(&flash) != MB_OK ||
        mb_open(&model, arena, sizeof arena, digits_model, sizeof digits_model, &options) ||
        mb_journal_start(&journal, model) < 0) {
        return 1;
    }
    printf("%u samples, %u learnt again\n", (unsigned)journal.n_learnt, (unsigned)journal.n_again);
    for (int32_t n = 0; n < 10; n++) { /* in place of a sensor: ten patterns, one per class */
        for (size_t i = 0; i < sizeof sample; i++) {
            sample[i] = (uint8_t)((i * (size_t)(n + 1)) % 17u);
        }
        mb_journal_learn(&journal, sample, &n, 1, NULL);
    }
    file = mb_journal_commit(&journal) == MB_OK ? fopen(argv[1], "wb") : NULL;
    return file == NULL || fwrite(cells, 1, sizeof cells, file) != sizeof cells || fclose(file);
}
