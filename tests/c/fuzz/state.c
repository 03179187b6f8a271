/* state.c: libFuzzer's entry for state images. An input is the length of a model file, a number
 * that options are drawn from (4 bytes each), the file, and an image for it. Either the image is
 * refused and nothing has changed, or the model runs with it and learns on, and every state that it
 * then learns loads again. */
#include "exercise.h"
#include "repair.h"

#include <stdlib.h>
#include <string.h>

#define FILE_AT 8u

/* Where the image begins, or 0 if the input is not as above. */
static size_t image_at(const uint8_t *data, size_t size) {
    size_t at = size < FILE_AT ? 0 : FILE_AT + (size_t)word_at(data, 0);
    return at <= size ? at : 0;
}

static uint8_t *copy_of_file(const uint8_t *data, size_t at) {
    uint8_t *blob = (uint8_t *)malloc(at); /* aligned, as the core wants a model file */
    PROMISE(blob != NULL);
    memcpy(blob, data + FILE_AT, at - FILE_AT);
    return blob;
}

/* Put an image that the model has learnt after the file. Returns the new length of the input. */
static size_t append_learnt(uint8_t *data, size_t at, size_t max_size) {
    size_t n = 0;
    uint8_t *blob = copy_of_file(data, at);
    opened o = open_model(blob, at - FILE_AT, word_at(data, 4));
    if (o.model != NULL) {
        use_model(&o, word_at(data, 4));
        uint8_t *learnt = state_of(&o, &n);
        n = n <= max_size - at ? n : 0;
        if (n > 0) {
            memcpy(data + at, learnt, n);
        }
        free(learnt);
        close_model(&o);
    }
    free(blob);
    return at + n;
}

/* Now and then other options with an image that fits them; at other times the image alone changes,
 * because model files have a fuzzer of their own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    size_t at = image_at(data, size);
    if (at == 0) {
        return size;
    }
    if (at == size || seed % 64u == 1u) {
        memcpy(data + 4, &seed, 4);
        return append_learnt(data, at, max_size);
    }
    size_t limit = seed % 8u == 0 ? max_size - at : size - at;
    size_t n = LLVMFuzzerMutate(data + at, size - at, limit);
    if (seed % 16u != 0) {
        repair_state(data + at, n);
    }
    return at + n;
}

static void try_image(const uint8_t *blob, size_t bytes, uint32_t choice, const uint8_t *image,
                      size_t n) {
    opened o = open_model(blob, bytes, choice);
    size_t n_before = 0, n_after = 0;
    if (o.model == NULL) {
        return;
    }
    uint8_t *before = state_of(&o, &n_before);
    int error = load_state(&o, image, n);
    uint8_t *after = state_of(&o, &n_after);
    PROMISE(error == MB_OK || n_before == 0 || memcmp(before, after, n_before) == 0);
    if (error == MB_OK) {
        use_model(&o, choice);
        free(after);
        after = state_of(&o, &n_after);
        PROMISE(load_state(&o, after, n_after) == MB_OK);
    }
    free(before);
    free(after);
    close_model(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t at = image_at(data, size);
    if (at == 0) {
        return 0;
    }
    uint8_t *blob = copy_of_file(data, at);
    try_image(blob, at - FILE_AT, word_at(data, 4), data + at, size - at);
    free(blob);
    return 0;
}
