/* metabit_threads.h: a fixed pool of threads for large layers, on POSIX systems.
 *
 *     const mb_runner *threads = mb_threads_start(2);
 *     options.runner = threads;
 *     ... mb_open(&model, ..., &options), mb_predict(), mb_learn() ...
 *     mb_threads_stop(threads);
 *
 * A pool serves one model at a time, and starting or stopping it is for one thread: models that run
 * side by side have a pool each. Between two layers its threads wait awake for some tens of
 * microseconds, then they sleep and take no time. They take no signals. In a child of fork() they
 * do not exist: there, the calling thread computes all parts itself.
 */
#ifndef METABIT_THREADS_H
#define METABIT_THREADS_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MB_MAX_THREADS 64u

/* Start n_threads - 1 threads; the caller's is the first. Returns NULL, with errno set, on an
 * error: EINVAL if n_threads is not in 1 to MB_MAX_THREADS, otherwise what the system says when it
 * gives no more threads or memory. */
MB_API const mb_runner *mb_threads_start(uint32_t n_threads);

/* End the threads, wait until they have ended, and release the pool; NULL is allowed. No model may
 * be running on it. Cannot fail. */
MB_API void mb_threads_stop(const mb_runner *runner);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_THREADS_H */
