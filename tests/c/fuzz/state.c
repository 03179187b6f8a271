/* state.c: libFuzzer's entry for state images. An input is the length of a model file, a number
 * that options are drawn from (4 bytes each), the file, and an image for it. Either the image is
 * refused and nothing has changed, or the model runs with it and learns on, and every state that it
 * then learns loads again. */
#include "exercise.h"
#include "repair.h"

#include <stdlib.h>
#include <string.h>

#define FILE_AT 8u
#define N_KEPT 256u

/* Where the image begins, or 0 if the input is not as above. */
static size_t image_at(const uint8_t *data, size_t size) {
    size_t at = size < FILE_AT ? 0 : FILE_AT + (size_t)word_at(data, 0);
    return at > FILE_AT && at <= size ? at : 0;
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

/* An open model, and what it is restored from before each run. */
typedef struct kept {
    uint8_t *file;
    size_t file_bytes;
    uint32_t choice;
    opened o;
    uint8_t *arena; /* as it was when it was opened */
    uint8_t *state; /* NULL where nothing learns */
    size_t state_bytes;
} kept;

/* An image changes far more often than its file and its options, so models stay open. */
static kept *kept_model(const uint8_t *data, size_t at) {
    static kept table[N_KEPT];
    uint32_t choice = word_at(data, 4);
    kept *k = &table[(choice ^ choice >> 16 ^ (uint32_t)at * 7u) % N_KEPT];
    size_t n = at - FILE_AT;
    if (k->file != NULL && k->choice == choice && k->file_bytes == n &&
        memcmp(k->file, data + FILE_AT, n) == 0) {
        return k;
    }
    if (k->file != NULL) {
        free(k->file);
        free(k->arena);
        free(k->state);
        close_model(&k->o);
    }
    k->file = copy_of_file(data, at);
    k->file_bytes = n;
    k->choice = choice;
    k->o = open_model(k->file, n, choice);
    k->arena = NULL;
    k->state = NULL;
    if (k->o.model != NULL) {
        k->arena = (uint8_t *)malloc(k->o.arena_bytes);
        PROMISE(k->arena != NULL);
        memcpy(k->arena, k->o.arena, k->o.arena_bytes);
        k->state = state_of(&k->o, &k->state_bytes);
    }
    return k;
}

static void try_image(const kept *k, const uint8_t *image, size_t bytes) {
    size_t n = 0;
    memcpy(k->o.arena, k->arena, k->o.arena_bytes);
    int error = load_state(&k->o, image, bytes);
    if (error == MB_OK) {
        use_model(&k->o, k->choice);
    }
    uint8_t *after = state_of(&k->o, &n);
    PROMISE(n == k->state_bytes);
    PROMISE(error == MB_OK ? load_state(&k->o, after, n) == MB_OK
                           : memcmp(k->state, after, n) == 0);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t at = image_at(data, size);
    if (at != 0) {
        const kept *k = kept_model(data, at);
        if (k->state != NULL) {
            try_image(k, data + at, size - at);
        }
    }
    return 0;
}
