/* threads.c: the pool of threads by itself, then a model on pools of one to five threads.
 *
 *     threads MODEL SAMPLES LABELS
 *
 * SAMPLES holds n * n_inputs bytes, LABELS n int32. Exits with 1 at the first difference from one
 * thread. Built with ThreadSanitizer it ends at the first data race, too: nothing here is atomic.
 */
#define _POSIX_C_SOURCE 200809L
#include <metabit_threads.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_PARTS 9u
#define ROUNDS 400u

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "threads: not so: %s\n", what);
        exit(1);
    }
}

/* ---- the pool ------------------------------------------------------------------------------- */

static void count_part(void *argument, uint32_t part) { ((uint32_t *)argument)[part]++; }

/* Run jobs of all sizes; every part must have run once, and be seen to have. */
static void run_rounds(const mb_runner *runner, uint32_t rounds) {
    uint32_t counts[MOST_PARTS] = {0};
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t n_parts = 1u + round % MOST_PARTS;
        memset(counts, 0, sizeof counts);
        runner->run(runner->context, count_part, counts, n_parts);
        for (uint32_t part = 0; part < MOST_PARTS; part++) {
            expect(counts[part] == (part < n_parts), "each part runs once");
        }
    }
}

static void let_them_sleep(void) {
    const struct timespec moment = {0, 5000000};
    nanosleep(&moment, NULL);
}

static void in_a_child(const mb_runner *runner) {
    pid_t child = fork();
    expect(child >= 0, "a child can be made");
    if (child == 0) {
        run_rounds(runner, MOST_PARTS);
        mb_threads_stop(runner);
        _exit(0);
    }
    int status = 1;
    expect(waitpid(child, &status, 0) == child && status == 0, "a child runs all parts itself");
}

static void try_pool(uint32_t n_threads) {
    const mb_runner *runner = mb_threads_start(n_threads);
    expect(runner != NULL && runner->n_threads == n_threads, "a pool starts");
    run_rounds(runner, ROUNDS);
    let_them_sleep();
    run_rounds(runner, ROUNDS);
    in_a_child(runner);
    run_rounds(runner, ROUNDS);
    mb_threads_stop(runner);
    mb_threads_stop(mb_threads_start(n_threads)); /* ends before all have begun */
}

static void try_refusals(void) {
    errno = 0;
    expect(mb_threads_start(0) == NULL && errno == EINVAL, "no pool without threads");
    errno = 0;
    expect(mb_threads_start(MB_MAX_THREADS + 1u) == NULL && errno == EINVAL, "no pool too large");
    mb_threads_stop(NULL);
}

/* ---- a model on it -------------------------------------------------------------------------- */

typedef struct file_bytes {
    void *bytes;
    size_t n;
} file_bytes;

static void *allocate(size_t bytes) {
    void *memory = NULL;
    expect(posix_memalign(&memory, 64, bytes ? bytes : 1) == 0, "there is memory");
    return memory;
}

static file_bytes read_file(const char *path) {
    FILE *stream = fopen(path, "rb");
    file_bytes file = {NULL, 0};
    expect(stream != NULL && fseek(stream, 0, SEEK_END) == 0, path);
    file.n = (size_t)ftell(stream);
    file.bytes = allocate(file.n);
    rewind(stream);
    expect(fread(file.bytes, 1, file.n, stream) == file.n, path);
    fclose(stream);
    return file;
}

typedef struct trial {
    file_bytes blob, samples, labels;
    mb_info info;
    mb_options options;
} trial;

/* Scores before learning, what was predicted on the way, and the scores after it. */
static int32_t *replay(const trial *t, size_t *n_words) {
    size_t arena_bytes = 0, n = t->samples.n / t->info.n_inputs, scores = n * t->info.n_outputs;
    mb_model *model = NULL;
    expect(mb_arena_bytes(t->blob.bytes, t->blob.n, &t->options, &arena_bytes) == MB_OK, "plan");
    void *arena = allocate(arena_bytes);
    expect(mb_open(&model, arena, arena_bytes, t->blob.bytes, t->blob.n, &t->options) == MB_OK,
           "open");
    *n_words = 2 * scores + n;
    int32_t *said = (int32_t *)allocate(*n_words * sizeof *said);
    expect(mb_predict(model, t->samples.bytes, n, NULL, said) == MB_OK, "predict");
    expect(mb_learn(model, t->samples.bytes, (const int32_t *)t->labels.bytes, n, said + scores) ==
               MB_OK,
           "learn");
    expect(mb_predict(model, t->samples.bytes, n, NULL, said + scores + n) == MB_OK, "predict");
    free(arena);
    return said;
}

static void try_model(trial *t, uint32_t n_threads) {
    const mb_runner *runner = mb_threads_start(n_threads);
    size_t n_words;
    for (uint32_t choice = 0; choice < 4u; choice++) {
        t->options.panels = choice % 2u;
        t->options.learn_layers = choice / 2u ? MB_ALL_LAYERS : 1u;
        t->options.runner = NULL;
        int32_t *alone = replay(t, &n_words);
        t->options.runner = runner;
        int32_t *together = replay(t, &n_words);
        expect(memcmp(alone, together, n_words * sizeof *alone) == 0, "the same bits");
        free(alone);
        free(together);
    }
    mb_threads_stop(runner);
}

int main(int argc, char **argv) {
    trial t;
    if (argc != 4) {
        fprintf(stderr, "usage: threads MODEL SAMPLES LABELS\n");
        return 2;
    }
    try_refusals();
    t.blob = read_file(argv[1]);
    t.samples = read_file(argv[2]);
    t.labels = read_file(argv[3]);
    t.options = (mb_options)MB_OPTIONS_INFER;
    expect(mb_verify(t.blob.bytes, t.blob.n, &t.info) == MB_OK, "a model");
    for (uint32_t n_threads = 1; n_threads <= 5u; n_threads++) {
        try_pool(n_threads);
        try_model(&t, n_threads);
    }
    free(t.blob.bytes);
    free(t.samples.bytes);
    free(t.labels.bytes);
    return 0;
}
