/* model.c: libFuzzer's entry for model files. Any bytes are either refused, by every call alike, or
 * they are a model: it runs, learns, and every state that it learns loads again. */
#include "exercise.h"
#include "repair.h"

#include "../../../edge_runtime/src/file/envelope.h"

#include <stdlib.h>
#include <string.h>

/* Most mutations get checksums that fit; of lengths, most stay as they are. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    size_t n = LLVMFuzzerMutate(data, size, seed % 4u == 0 ? max_size : size);
    if (seed % 16u != 0) {
        repair_blob(data, n);
    }
    return n;
}

/* A state that a model has learnt loads into a fresh one, which then is the same. */
static void reload(const opened *o, const uint8_t *blob, size_t bytes, uint32_t choice) {
    size_t n = 0, n_again = 0;
    uint8_t *learnt = state_of(o, &n);
    if (learnt == NULL) {
        return;
    }
    opened again = open_model(blob, bytes, choice);
    PROMISE(again.model != NULL);
    PROMISE(load_state(&again, learnt, n) == MB_OK);
    uint8_t *copy = state_of(&again, &n_again);
    PROMISE(n_again == n && memcmp(copy, learnt, n) == 0);
    free(copy);
    free(learnt);
    close_model(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    uint32_t choice = mb_crc32(0, data, size);
    uint8_t *blob = (uint8_t *)malloc(size); /* aligned, and the sanitizer sees its end */
    PROMISE(blob != NULL);
    memcpy(blob, data, size);
    opened o = open_model(blob, size, choice);
    if (o.model != NULL) {
        use_model(&o, choice);
        reload(&o, blob, size, choice);
        close_model(&o);
    }
    free(blob);
    return 0;
}
