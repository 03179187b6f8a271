/* metabit_bench.h: what a benchmark needs besides metabit.h. Neither call reads a clock: the caller
 * does, around many repeats, so that reading it does not show. A model is used by one thread at a
 * time.
 */
#ifndef METABIT_BENCH_H
#define METABIT_BENCH_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Run one layer n times, from its packed input to its packed output (the output layer: to its
 * sums), exactly as mb_predict() does. Layer 0 reads `sample` (n_inputs); the others read what the
 * last sample has left in the arena, so predict a sample first.
 * Errors: MB_ERR_INPUT (NULL, or a layer that does not exist). */
MB_API int mb_run_layer(mb_model *model, uint32_t layer, const void *sample, size_t n);

/* n additions, each of which waits for the one before: n clock cycles on today's processors. The
 * time they take says how fast the clock runs. Returns the sum. Host library only. */
MB_API uint64_t mb_spin(uint64_t n, uint64_t addend);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_BENCH_H */
