/* threads.c: a fixed pool of threads; see metabit_threads.h.
 *
 * The parts of a job are a counter that everybody, the caller too, takes numbers from: a thread
 * that wakes up late, or does not get a core, leaves its part to the others. A thread that has
 * taken a part may read the job, because the caller waits until all parts are done before it writes
 * the next one.
 */
#define _POSIX_C_SOURCE 200809L
#include "metabit_threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

/* Looks before a thread goes to sleep, some tens of microseconds: longer than what lies between two
 * layers, shorter than what people wait for. After every LOOKS_A_TURN looks it offers its core to
 * others, because the thread that it waits for may need just that core. */
#define AWAKE_LOOKS 2000u
#define LOOKS_A_TURN 50u

#define CACHE_LINE_BYTES 64u

typedef struct pool {
    mb_runner runner; /* first, so that its address is the pool's */
    uint32_t forks;
    uint32_t n_workers;
    pthread_t workers[MB_MAX_THREADS - 1u];
    pthread_mutex_t lock; /* only for going to sleep and waking up */
    pthread_cond_t begun;
    mb_job job;
    void *argument;
    char apart_1[CACHE_LINE_BYTES]; /* each of the next three alone in a cache line */
    uint32_t left;                  /* parts that nobody has taken */
    char apart_2[CACHE_LINE_BYTES];
    uint32_t done; /* parts that have returned */
    char apart_3[CACHE_LINE_BYTES];
    uint32_t asleep;
    uint32_t stopping;
} pool;

static uint32_t forks; /* how many forks lie between the first process and this one */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int watching; /* errno of pthread_atfork() */

#if defined(_WIN32) /* which has neither forks nor signals */
static void watch_forks(void) {}
static int start_worker(pthread_t *worker, void *(*work)(void *), void *argument) {
    return pthread_create(worker, NULL, work, argument);
}
#else
#include <signal.h>

static void count_fork(void) { forks++; }
static void watch_forks(void) { watching = pthread_atfork(NULL, NULL, count_fork); }

/* A worker leaves all signals to the threads of the program. Returns errno or 0. */
static int start_worker(pthread_t *worker, void *(*work)(void *), void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
        error = pthread_create(worker, NULL, work, argument);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return error;
}
#endif

static uint32_t look(const uint32_t *at) { return __atomic_load_n(at, __ATOMIC_SEQ_CST); }

/* Between two looks; `looks` counts them. */
static void pause_a_moment(uint32_t looks) {
    if (looks % LOOKS_A_TURN == LOOKS_A_TURN - 1u) {
        sched_yield();
        return;
    }
#if defined(__x86_64__) || defined(__i386__) /* tell the processor that this loop waits */
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Take a part and run it; false if none is left. */
static bool run_one(pool *p) {
    uint32_t left = look(&p->left);
    do {
        if (left == 0) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&p->left, &left, left - 1u, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    p->job(p->argument, left - 1u);
    __atomic_fetch_add(&p->done, 1u, __ATOMIC_RELEASE);
    return true;
}

static void sleep_until_begun(pool *p) {
    pthread_mutex_lock(&p->lock);
    __atomic_fetch_add(&p->asleep, 1u, __ATOMIC_SEQ_CST); /* before the last look, see wake() */
    while (look(&p->left) == 0 && !look(&p->stopping)) {
        pthread_cond_wait(&p->begun, &p->lock);
    }
    __atomic_fetch_sub(&p->asleep, 1u, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&p->lock);
}

/* Called after a change that sleepers wait for; a thread that counts itself in later sees the
 * change. */
static void wake(pool *p) {
    if (look(&p->asleep) > 0) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->begun);
        pthread_mutex_unlock(&p->lock);
    }
}

static void *work(void *argument) {
    pool *p = (pool *)argument;
    uint32_t looks = 0;
    while (!look(&p->stopping)) {
        if (run_one(p)) {
            looks = 0;
        } else if (looks < AWAKE_LOOKS) {
            pause_a_moment(looks++);
        } else {
            sleep_until_begun(p);
            looks = 0;
        }
    }
    return NULL;
}

static void run(void *context, mb_job job, void *argument, uint32_t n_parts) {
    pool *p = (pool *)context;
    if (p->n_workers == 0 || p->forks != forks) {
        for (uint32_t part = 0; part < n_parts; part++) {
            job(argument, part);
        }
        return;
    }
    p->job = job;
    p->argument = argument;
    __atomic_store_n(&p->done, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&p->left, n_parts, __ATOMIC_SEQ_CST);
    wake(p);
    while (run_one(p)) {
    }
    for (uint32_t looks = 0; __atomic_load_n(&p->done, __ATOMIC_ACQUIRE) < n_parts; looks++) {
        pause_a_moment(looks);
    }
}

static void end_workers(pool *p) {
    __atomic_store_n(&p->stopping, 1u, __ATOMIC_SEQ_CST);
    wake(p);
    while (p->n_workers > 0) {
        pthread_join(p->workers[--p->n_workers], NULL);
    }
    pthread_cond_destroy(&p->begun);
    pthread_mutex_destroy(&p->lock);
}

/* Returns errno or 0. */
static int start_workers(pool *p, uint32_t n) {
    int error = 0;
    while (error == 0 && p->n_workers < n) {
        error = start_worker(&p->workers[p->n_workers], work, p);
        p->n_workers += error == 0;
    }
    return error;
}

const mb_runner *mb_threads_start(uint32_t n_threads) {
    pthread_once(&once, watch_forks);
    int error = n_threads == 0 || n_threads > MB_MAX_THREADS ? EINVAL : watching;
    pool *p = error != 0 ? NULL : (pool *)malloc(sizeof(pool));
    if (p == NULL) {
        errno = error != 0 ? error : ENOMEM;
        return NULL;
    }
    *p = (pool){.runner = {run, p, n_threads}, .forks = forks};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begun, NULL);
    error = start_workers(p, n_threads - 1u);
    if (error != 0) {
        end_workers(p);
        free(p);
        errno = error;
        return NULL;
    }
    return &p->runner;
}

void mb_threads_stop(const mb_runner *runner) {
    pool *p = runner == NULL ? NULL : (pool *)runner->context;
    if (p != NULL && p->forks == forks) {
        end_workers(p);
    }
    free(p);
}
