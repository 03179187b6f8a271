/* measure.c: measures one model on this machine. Prints one JSON object, or says what is wrong.
 *
 *     ./measure [SECONDS]    for each of opening and learning, and for predicting; 3 if not said
 *
 * Exit codes: 0 measured, 1 failed, 2 usage, 5 an answer is not the host's.
 */
#include "machine.h"
#include "metabit_bench.h"
#include "subject.h"
#include "windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, USAGE = 2, DIFFERENT = 5 };

/* Windows before the first that counts: the clock of an idle board is slow. */
#define WARM_UP_WINDOWS 3u
#define LEAST_WINDOWS 3u
/* A window of predictions is filled with as many as fit into this. */
#define WINDOW_SECONDS 1e-3

static mb_model *model;
static fw_windows opening, predicting, learning;

static size_t blob_bytes(void) { return (size_t)(fw_blob_end - fw_blob); }

static size_t arena_bytes(void) { return (size_t)(fw_arena_end - fw_arena); }

static int failed(const char *what, int error) {
    fprintf(stderr, "measure: %s: %s\n", what, mb_error_text(error));
    return FAILED;
}

static int different(const char *what, size_t at) {
    fprintf(stderr, "measure: %s %zu is not what the host computed\n", what, at);
    return DIFFERENT;
}

static int open_model(void) {
    return mb_open(&model, fw_arena, arena_bytes(), fw_blob, blob_bytes(), &fw_options);
}

static int predict(size_t sample) {
    return mb_predict(model, fw_samples + sample * fw_subject.n_inputs, 1, fw_labels, fw_scores);
}

/* One step on the samples that come next, over and over. The samples of a
 * step lie together, so linux_program.py gives a multiple of the batch. */
static int learn(size_t step) {
    size_t first = step * fw_subject.batch % fw_subject.n_samples;
    return mb_learn(model, fw_samples + first * fw_subject.n_inputs, fw_truths + first,
                    fw_subject.batch, fw_labels);
}

/* ---- are the answers right? ------------------------------------------------------------------ */

static int check_scores(void) {
    size_t row = fw_subject.n_outputs;
    int error = open_model();
    for (size_t i = 0; error == MB_OK && i < fw_subject.n_samples; i++) {
        error = predict(i);
        if (error == MB_OK &&
            memcmp(fw_scores, fw_host_scores + i * row, row * sizeof *fw_scores)) {
            return different("a score of sample", i);
        }
    }
    return error == MB_OK ? DONE : failed("predicting", error);
}

/* A storage that keeps nothing, and reports where what comes is not the host's. */
static int compare(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context;
    return offset + bytes > fw_subject.state_bytes || memcmp(fw_host_state + offset, data, bytes);
}

static int check_learning(void) {
    size_t steps = fw_subject.warm_up + fw_subject.window_steps, batch = fw_subject.batch;
    int error = open_model();
    for (size_t step = 0; error == MB_OK && step < steps; step++) {
        error = learn(step);
        if (error == MB_OK &&
            memcmp(fw_labels, fw_host_learnt + step * batch, batch * sizeof *fw_labels)) {
            return different("what was predicted before learning step", step);
        }
    }
    if (error != MB_OK) {
        return failed("learning", error);
    }
    if (mb_state_bytes(model) != fw_subject.state_bytes ||
        mb_state_save(model, compare, NULL) != MB_OK) {
        return different("the state after learning steps:", steps);
    }
    return DONE;
}

static int check(void) {
    mb_info info;
    int result = mb_verify(fw_blob, blob_bytes(), &info);
    if (result == MB_OK && info.n_golden != 0) {
        result = mb_self_test(fw_arena, arena_bytes(), fw_blob, blob_bytes());
    }
    if (result != MB_OK) {
        return failed("the self-test", result);
    }
    result = check_scores();
    return result == DONE && fw_subject.learns ? check_learning() : result;
}

/* ---- how long do they take? ------------------------------------------------------------------ */

/* Whether another round of windows is to be taken. */
static int more(const fw_windows *windows, double began, double seconds) {
    return windows->n < LEAST_WINDOWS ||
           (windows->n < FW_MOST_WINDOWS && fw_seconds() - began < seconds);
}

static double predict_often(size_t calls) {
    double began;
    (void)predict(0);
    began = fw_seconds();
    for (size_t i = 0; i < calls; i++) {
        (void)predict(i % fw_subject.n_samples);
    }
    return fw_seconds() - began;
}

static void time_predicting(double seconds) {
    size_t calls = 1;
    double took = predict_often(calls), began;
    while (took < WINDOW_SECONDS / 4.0) {
        calls *= 2u;
        took = predict_often(calls);
    }
    predicting.calls = (size_t)((double)calls * WINDOW_SECONDS / took);
    predicting.calls += predicting.calls == 0;
    for (unsigned i = 0; i < WARM_UP_WINDOWS; i++) {
        (void)predict_often(predicting.calls);
    }
    for (began = fw_seconds(); more(&predicting, began, seconds);) {
        double before = fw_clock_mhz();
        took = predict_often(predicting.calls);
        fw_add_window(&predicting, took, before, fw_clock_mhz());
    }
}

/* Every window learns the same: the model is opened again before each, and that is timed too. */
static void time_round(fw_windows *open, fw_windows *steps) {
    double before = fw_clock_mhz(), began = fw_seconds();
    (void)open_model();
    fw_add_window(open, fw_seconds() - began, before, fw_clock_mhz());
    if (fw_subject.learns) {
        for (size_t step = 0; step < fw_subject.warm_up; step++) {
            (void)learn(step);
        }
        before = fw_clock_mhz();
        began = fw_seconds();
        for (size_t step = 0; step < fw_subject.window_steps; step++) {
            (void)learn(fw_subject.warm_up + step);
        }
        fw_add_window(steps, fw_seconds() - began, before, fw_clock_mhz());
    }
}

static void time_rounds(double seconds) {
    static fw_windows unused_opening, unused_learning;
    double began;
    opening.calls = unused_opening.calls = 1;
    learning.calls = unused_learning.calls = fw_subject.window_steps;
    for (unsigned i = 0; i < WARM_UP_WINDOWS; i++) {
        time_round(&unused_opening, &unused_learning);
    }
    for (began = fw_seconds(); more(&opening, began, seconds);) {
        time_round(&opening, &learning);
    }
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void print(void) {
    printf("{\"schema\": \"metabit/measured/1\", %s, \"same_as_host\": true, \"kernels\": ",
           fw_about);
    fw_print_text(mb_isa_name(mb_isa_used(model)));
    printf(", \"arena_bytes\": %zu, ", arena_bytes());
    fw_print_machine();
    printf(", ");
    fw_print_windows("open", &opening);
    printf(", ");
    fw_print_windows("predict", &predicting);
    printf(", ");
    if (fw_subject.learns) {
        fw_print_windows("learn", &learning);
    } else {
        printf("\"learn\": null");
    }
    printf("}\n");
}

int main(int argc, char **argv) {
    char *end = NULL;
    double seconds = argc == 2 ? strtod(argv[1], &end) : 3.0;
    int result;
    if (argc > 2 || (argc == 2 && (end == argv[1] || *end != '\0' || !(seconds >= 0.0)))) {
        fprintf(stderr, "usage: measure [SECONDS]\n");
        return USAGE;
    }
    result = check();
    if (result == DONE) {
        time_rounds(seconds);
        (void)open_model();
        time_predicting(seconds);
        print();
        result = fflush(stdout) == 0 ? DONE : FAILED;
    }
    return result;
}
