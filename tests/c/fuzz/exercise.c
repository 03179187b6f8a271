/* exercise.c: see exercise.h. */
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST_ARENA (1u << 18)
#define LARGEST_SAMPLE 4096u
#define N_SAMPLES 4u

static uint32_t next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void fill(void *to, size_t bytes, uint32_t *state) {
    uint8_t *at = (uint8_t *)to;
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(next(state) >> 11);
    }
}

static mb_options options_of(const mb_info *info, uint32_t choice) {
    static const uint32_t layers[4] = {MB_ALL_LAYERS, 1, 0, 2}, bits[4] = {0, 8, 4, 0};
    mb_options options = MB_OPTIONS_INFER;
    uint32_t state = choice | 1u, kind = next(&state) % 4u;
    options.head = kind == 1u ? MB_HEAD_TRACKING : kind == 2u ? info->head_kind : 0;
    options.learn_layers = options.head != 0 ? 0 : layers[next(&state) % 4u];
    options.state_bits = bits[next(&state) % 4u];
    options.bank = next(&state) % 8u == 0 ? 1u : 0;
    options.panels = next(&state) % 2u;
    options.batch = next(&state) % 4u == 0 ? 3u : 0;
    options.replay = next(&state) % 4u == 0 ? 4u : 0;
    options.units = next(&state) % 9u;
    options.isa = next(&state) % 2u == 0 ? 0 : 1u + next(&state) % 8u;
    if (options.isa != 0 && !mb_isa_runs(options.isa)) {
        options.isa = 0;
    }
    uint32_t whole = options.learn_layers == MB_ALL_LAYERS && options.batch == 0;
    options.contexts = whole && next(&state) % 2u == 0 ? 2u : 0;
    return options;
}

/* With a goal, the arena gets what mb_choose() says, whatever its size. */
static void open_for_a_goal(const void *blob, size_t blob_bytes, void *arena, size_t arena_bytes,
                            uint32_t choice) {
    mb_options options = MB_OPTIONS_LEARN, chosen;
    mb_model *model;
    char why[MB_REASON_BYTES];
    mb_plan plan;
    options.goal = 1u + choice % 3u;
    options.panels = choice / 3u % 2u;
    int error = mb_choose(blob, blob_bytes, &options, arena_bytes, &chosen, why, choice % 99u);
    PROMISE(error == mb_open(&model, arena, arena_bytes, blob, blob_bytes, &options));
    if (error == MB_OK) {
        PROMISE(mb_plan_ram(blob, blob_bytes, &chosen, &plan) == MB_OK);
        PROMISE(plan.arena_bytes <= arena_bytes);
        PROMISE(choice % 99u == 0 || strlen(why) < choice % 99u);
    }
}

/* What costs another check of the whole file is looked at in one run of 16. */
static void look_closer(const opened *o, const void *blob, size_t blob_bytes, uint32_t choice) {
    mb_model *model;
    open_for_a_goal(blob, blob_bytes, o->arena, o->arena_bytes, choice);
    PROMISE(mb_open(&model, o->arena, o->arena_bytes - 1u, blob, blob_bytes, &o->options) ==
            MB_ERR_BUDGET);
    int tested = mb_self_test(o->arena, o->arena_bytes, blob, blob_bytes);
    PROMISE(tested == MB_OK || tested == MB_ERR_MISMATCH || tested == MB_ERR_BUDGET);
}

opened open_model(const void *blob, size_t blob_bytes, uint32_t choice) {
    opened o = {NULL, NULL, 0, MB_OPTIONS_INFER, {0}};
    mb_plan plan;
    int error = mb_verify(blob, blob_bytes, &o.info);
    o.options = options_of(&o.info, choice);
    int planned = mb_plan_ram(blob, blob_bytes, &o.options, &plan);
    /* What is refused is refused by every call alike; but options may be wrong besides. */
    PROMISE(error == MB_OK || planned == error || planned == MB_ERR_INPUT);
    if (planned != MB_OK || plan.arena_bytes > LARGEST_ARENA || o.info.n_inputs > LARGEST_SAMPLE) {
        return o;
    }
    o.arena_bytes = plan.arena_bytes;
    o.arena = malloc(o.arena_bytes);
    PROMISE(o.arena != NULL);
    if (choice % 16u == 0) {
        look_closer(&o, blob, blob_bytes, choice / 16u);
    }
    PROMISE(mb_open(&o.model, o.arena, o.arena_bytes, blob, blob_bytes, &o.options) == MB_OK);
    return o;
}

opened open_again(const opened *first, const void *blob, size_t blob_bytes) {
    opened o = *first;
    o.arena = malloc(o.arena_bytes);
    PROMISE(o.arena != NULL);
    PROMISE(mb_open(&o.model, o.arena, o.arena_bytes, blob, blob_bytes, &o.options) == MB_OK);
    return o;
}

void close_model(opened *o) {
    free(o->arena);
    o->arena = NULL;
    o->model = NULL;
}

/* Frames for a front end, if there is one. */
static void push_frames(const opened *o, uint32_t *state) {
    uint32_t channels = o->info.n_channels, ready = 0;
    if (channels == 0 || channels > LARGEST_SAMPLE) {
        return;
    }
    int16_t *frame = (int16_t *)malloc(channels * sizeof *frame);
    PROMISE(frame != NULL);
    for (uint32_t i = 0; i < o->info.window_frames && i < 300u; i++) {
        fill(frame, channels * sizeof *frame, state);
        PROMISE(mb_push(o->model, frame, 1, &ready) >= 0);
    }
    free(frame);
}

void use_model(const opened *o, uint32_t choice) {
    uint32_t state = choice | 1u, n = o->info.n_inputs, classes = o->info.n_outputs;
    uint8_t *x = (uint8_t *)malloc((size_t)n * N_SAMPLES);
    int32_t y[N_SAMPLES], labels[N_SAMPLES];
    mb_status status;
    float novelty;
    PROMISE(x != NULL);
    fill(x, (size_t)n * N_SAMPLES, &state);
    for (uint32_t i = 0; i < N_SAMPLES; i++) {
        y[i] = (int32_t)(next(&state) % classes);
    }
    PROMISE(mb_predict(o->model, x, N_SAMPLES, labels, NULL) == MB_OK);
    int learnt = mb_learn(o->model, x, y, N_SAMPLES, labels);
    PROMISE(learnt == MB_OK || learnt == MB_ERR_NO_STATE || learnt == MB_ERR_INPUT);
    (void)mb_observe(o->model, x, 2);
    int told = mb_novelty(o->model, x, 1, labels, &novelty);
    PROMISE(told == MB_OK || told == MB_ERR_NO_STATE);
    PROMISE(mb_get_status(o->model, &status) == MB_OK);
    push_frames(o, &state);
    PROMISE(mb_predict(o->model, x, 1, labels, NULL) == MB_OK);
    free(x);
}

/* ---- states --------------------------------------------------------------------------------- */

typedef struct image {
    uint8_t *bytes;
    size_t n;
} image;

static int write_image(void *context, size_t offset, const void *data, size_t bytes) {
    const image *to = (const image *)context;
    PROMISE(offset <= to->n && bytes <= to->n - offset);
    memcpy(to->bytes + offset, data, bytes);
    return 0;
}

static int read_image(void *context, size_t offset, void *data, size_t bytes) {
    const image *from = (const image *)context;
    if (offset > from->n || bytes > from->n - offset) {
        return -1;
    }
    memcpy(data, from->bytes + offset, bytes);
    return 0;
}

uint8_t *state_of(const opened *o, size_t *bytes) {
    image to = {NULL, mb_state_bytes(o->model)};
    *bytes = to.n;
    if (to.n == 0) {
        return NULL;
    }
    to.bytes = (uint8_t *)malloc(to.n);
    PROMISE(to.bytes != NULL);
    PROMISE(mb_state_save(o->model, write_image, &to) == MB_OK);
    return to.bytes;
}

int load_state(const opened *o, const uint8_t *bytes, size_t n) {
    image from = {(uint8_t *)(uintptr_t)bytes, n};
    return mb_state_load(o->model, read_image, &from);
}
