/* exercise.h: what the fuzzers do with a model that the core has accepted. */
#ifndef EXERCISE_H
#define EXERCISE_H

#include "metabit.h"

/* Where a promise of metabit.h does not hold, end the program: libFuzzer then keeps the input. */
#define PROMISE(holds)        \
    do {                      \
        if (!(holds)) {       \
            __builtin_trap(); \
        }                     \
    } while (0)

/* An open model in memory of exactly the size that it asked for, so that the sanitizer sees every
 * byte beyond. */
typedef struct opened {
    mb_model *model; /* NULL where the core refused it, or it is too large to try */
    void *arena;
    size_t arena_bytes;
    mb_options options;
    mb_info info;
} opened;

/* Open a model with options drawn from `choice`. */
opened open_model(const void *blob, size_t blob_bytes, uint32_t choice);

/* The same once more, as it was when it was opened. */
opened open_again(const opened *first, const void *blob, size_t blob_bytes);
void close_model(opened *o);

/* Predict, learn and push random samples. */
void use_model(const opened *o, uint32_t choice);

/* The learnt state as bytes, which the caller frees; NULL where nothing learns. */
uint8_t *state_of(const opened *o, size_t *bytes);

/* What mb_state_load() says of an image. */
int load_state(const opened *o, const uint8_t *image, size_t bytes);

#endif /* EXERCISE_H */
