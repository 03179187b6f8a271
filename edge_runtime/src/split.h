/* split.h: work shared out between the threads of mb_options.runner. Every value is computed by one
 * thread, as it would be alone: the bits are the same. */
#ifndef MB_SPLIT_H
#define MB_SPLIT_H

#include "internal.h"

/* From this many products of weights and inputs a second thread pays off. Handing a part over and
 * waiting for it takes some tenths of a microsecond, and tables of 8-bit inputs are made again in
 * every part. */
#define MB_SPLIT_PRODUCTS 524288u

/* How many of n things belong to a part, a multiple of `step`. All of them, where a layer of so
 * many products is not worth a second thread. */
static inline uint32_t mb_share(const mb_model *model, uint32_t n, uint32_t step,
                                uint64_t products) {
    const mb_runner *runner = model->runner.pointer;
    if (runner == NULL || runner->n_threads < 2u || products < MB_SPLIT_PRODUCTS) {
        return n;
    }
    uint32_t steps = (n + step - 1u) / step;
    return (steps + runner->n_threads - 1u) / runner->n_threads * step;
}

/* Run all parts of n things, `share` each. */
static inline void mb_run_parts(const mb_model *model, mb_job job, void *argument, uint32_t n,
                                uint32_t share) {
    if (share >= n) {
        job(argument, 0);
        return;
    }
    const mb_runner *runner = model->runner.pointer;
    runner->run(runner->context, job, argument, (n + share - 1u) / share);
}

#endif /* MB_SPLIT_H */
