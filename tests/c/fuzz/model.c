/* model.c: libFuzzer's entry for model files. Any bytes are either refused, by every call alike, or
 * they are a model: it runs, learns, and every state that it learns loads again. */
#include "exercise.h"
#include "repair.h"

#include "../../../edge_runtime/src/file/offsets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Change one section alone, drawn at random: weights are most of a file, and any weights are right.
 * Returns false where `data` has no such section. */
static bool change_section(uint8_t *data, size_t size, unsigned int seed) {
    uint32_t n = size < HEADER_BYTES ? 0 : word_at(data, HEADER_N_SECTIONS);
    size_t entry = HEADER_BYTES + (n == 0 ? 0 : (size_t)(seed / 64u % n) * ENTRY_BYTES);
    if (n == 0 || entry + ENTRY_BYTES > size) {
        return false;
    }
    uint32_t at = word_at(data, entry + ENTRY_OFFSET);
    uint32_t bytes = word_at(data, entry + ENTRY_LENGTH);
    if (bytes == 0 || at > size || bytes > size - at) {
        return false;
    }
    (void)LLVMFuzzerMutate(data + at, bytes, bytes);
    return true;
}

/* Half of the mutations are of one section. Most get checksums that fit; of lengths, most stay as
 * they are. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    size_t n = size;
    if (seed % 2u == 0 || !change_section(data, size, seed)) {
        n = LLVMFuzzerMutate(data, size, seed % 8u == 0 ? max_size : size);
    }
    if (seed / 8u % 16u != 0) {
        repair_blob(data, n);
    }
    return n;
}

/* A state that a model has learnt loads into a fresh one, which then is the same. */
static void reload(const opened *o, const uint8_t *blob, size_t bytes) {
    size_t n = 0, n_again = 0;
    uint8_t *learnt = state_of(o, &n);
    if (learnt == NULL) {
        return;
    }
    opened again = open_again(o, blob, bytes);
    PROMISE(load_state(&again, learnt, n) == MB_OK);
    uint8_t *copy = state_of(&again, &n_again);
    PROMISE(n_again == n && memcmp(copy, learnt, n) == 0);
    free(copy);
    free(learnt);
    close_model(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEADER_BYTES) {
        PROMISE(size == 0 || mb_verify(data, size, NULL) != MB_OK);
        return 0;
    }
    uint32_t choice = word_at(data, HEADER_CRC); /* whatever changes, this does */
    uint8_t *blob = (uint8_t *)malloc(size);     /* aligned, and the sanitizer sees its end */
    PROMISE(blob != NULL);
    memcpy(blob, data, size);
    opened o = open_model(blob, size, choice);
    if (o.model != NULL) {
        use_model(&o, choice);
        reload(&o, blob, size);
        close_model(&o);
    }
    free(blob);
    return 0;
}
