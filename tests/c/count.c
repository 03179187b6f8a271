/* count.c: run one model under callgrind, which then knows the instructions of each part.
 *
 *     count MODEL SAMPLES N ISA [CONTEXTS STATE]
 *
 * takes the kernel set ISA, reads N samples and, after them, N labels (int32), and dumps the counts
 * of "layer I" (one run of layer I), "predict" (one sample) and "learn" (N samples; models that can
 * learn), each for itself. With the image in the file STATE, which has learnt in so many contexts,
 * learning continues from there, and "predict in context" is one sample where all layers learn. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "metabit_bench.h"

static void *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    void *data = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        *bytes = (size_t)ftell(file);
        data = aligned_alloc(64, (*bytes + 63u) / 64u * 64u);
        rewind(file);
        if (data == NULL || fread(data, 1, *bytes, file) != *bytes) {
            exit(2);
        }
        fclose(file);
    }
    if (data == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    return data;
}

static uint32_t number_of(const char *isa) {
    uint32_t number = 1;
    while (mb_isa_name(number) != NULL && strcmp(mb_isa_name(number), isa) != 0) {
        number++;
    }
    return number;
}

/* As the Python engine opens it: with panels for all sets but the scalar one. */
static mb_model *open_model(const void *blob, size_t bytes, uint32_t learn_layers,
                            uint32_t contexts, const char *isa) {
    mb_options options = MB_OPTIONS_INFER;
    options.isa = number_of(isa);
    options.panels = strcmp(isa, "scalar") != 0;
    mb_model *model = NULL;
    size_t arena_bytes = 0;
    options.learn_layers = learn_layers;
    options.contexts = contexts;
    if (mb_arena_bytes(blob, bytes, &options, &arena_bytes) != MB_OK) {
        return NULL;
    }
    void *arena = aligned_alloc(64, (arena_bytes + 63u) / 64u * 64u);
    return mb_open(&model, arena, arena_bytes, blob, bytes, &options) == MB_OK ? model : NULL;
}

static int read_image(void *image, size_t offset, void *data, size_t bytes) {
    memcpy(data, (const uint8_t *)image + offset, bytes);
    return 0;
}

/* Continue from a state. */
static void load(mb_model *model, const char *path) {
    size_t bytes;
    void *image = read_file(path, &bytes);
    if (mb_state_load(model, read_image, image) != MB_OK) {
        fprintf(stderr, "%s is not loaded\n", path);
        exit(2);
    }
}

int main(int argc, char **argv) {
    bool continues = argc == 7;
    size_t bytes, sample_bytes, n = argc == 5 || continues ? strtoul(argv[3], NULL, 10) : 0;
    mb_info info;
    int32_t label;
    if (n == 0) {
        return 2;
    }
    const void *blob = read_file(argv[1], &bytes);
    const uint8_t *samples = read_file(argv[2], &sample_bytes);
    mb_model *model = open_model(blob, bytes, 0, 0, argv[4]);
    if (model == NULL || mb_verify(blob, bytes, &info) != MB_OK ||
        sample_bytes != n * (info.n_inputs + sizeof(int32_t))) {
        return 2;
    }
    for (uint32_t layer = 0; layer < info.n_layers; layer++) {
        char name[32];
        snprintf(name, sizeof name, "layer %u", (unsigned)layer);
        mb_predict(model, samples, 1, &label, NULL);
        CALLGRIND_ZERO_STATS;
        mb_run_layer(model, layer, samples, 1);
        CALLGRIND_DUMP_STATS_AT(name);
    }
    CALLGRIND_ZERO_STATS;
    mb_predict(model, samples, 1, &label, NULL);
    CALLGRIND_DUMP_STATS_AT("predict");
    uint32_t contexts = continues ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
    model = open_model(blob, bytes, MB_ALL_LAYERS, contexts, argv[4]);
    if (model != NULL && continues) {
        load(model, argv[6]);
        CALLGRIND_ZERO_STATS;
        mb_predict(model, samples, 1, &label, NULL);
        CALLGRIND_DUMP_STATS_AT("predict in context");
    }
    if (model != NULL) {
        const int32_t *labels = (const int32_t *)(const void *)(samples + n * info.n_inputs);
        mb_learn(model, samples, labels, n, NULL); /* the first steps are not like the others */
        CALLGRIND_ZERO_STATS;
        mb_learn(model, samples, labels, n, NULL);
        CALLGRIND_DUMP_STATS_AT("learn");
    }
    return 0;
}
