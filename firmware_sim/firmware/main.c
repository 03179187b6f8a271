/* main.c: the firmware. It opens a model out of flash, in a static arena, and does what the mailbox
 * says.
 *
 * The same file runs on every board. What differs is in start_*.S, in the linker script, and in the
 * image that build.py generates: the blob, the options, the arena and the buffers.
 */
#include "mailbox.h"
#include "memory.h"

/* ---- the start-up code ----------------------------------------------------------------------- */

void fw_stop(void);
void fw_main(void);

/* ---- the image ------------------------------------------------------------------------------- */

extern const uint8_t fw_blob[], fw_blob_end[];
extern const mb_options fw_options;
extern uint8_t fw_arena[], fw_arena_end[];
extern uint8_t fw_sample[]; /* (batch, n_inputs), or a frame: (n_channels) int16 */
extern int32_t fw_labels[]; /* (2 * batch) */
extern int32_t fw_scores[]; /* (n_outputs) */

/* mb_push, or NULL for a model without a front end: then its code is not linked. */
typedef int64_t (*fw_pusher)(mb_model *, const int16_t *, size_t, uint32_t *);
extern const fw_pusher fw_push;
extern const uint32_t fw_n_inputs;

volatile fw_mailbox fw_mail;
static mb_model *model;

static size_t blob_bytes(void) { return (size_t)(fw_blob_end - fw_blob); }

static size_t arena_bytes(void) { return (size_t)(fw_arena_end - fw_arena); }

/* ---- the state image: piece by piece through the host ---------------------------------------- */

static int move(uint32_t request, size_t offset, const void *data, size_t bytes) {
    fw_mail.chunk_at = (uint64_t)(uintptr_t)data;
    fw_mail.chunk_offset = (uint32_t)offset;
    fw_mail.chunk_bytes = (uint32_t)bytes;
    fw_mail.request = request;
    fw_stop();
    return fw_mail.host_result;
}

static int take(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context;
    return move(FW_TAKE, offset, data, bytes);
}

static int give(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    return move(FW_GIVE, offset, data, bytes);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int measure(void) {
    size_t bytes = 0;
    int result = mb_arena_bytes(fw_blob, blob_bytes(), &fw_options, &bytes);
    fw_mail.arena_bytes = (uint32_t)bytes;
    return result;
}

static int self_test(void) {
    model = NULL;
    return mb_self_test(fw_arena, arena_bytes(), fw_blob, blob_bytes());
}

static int open(void) {
    model = NULL;
    return mb_open(&model, fw_arena, arena_bytes(), fw_blob, blob_bytes(), &fw_options);
}

static int predict(void) {
    int32_t label = -1;
    int result = mb_predict(model, fw_sample, 1, &label, fw_scores);
    fw_mail.label = label;
    return result;
}

static int learn(void) {
    size_t n = (size_t)fw_mail.label;
    return mb_learn(model, fw_sample, fw_labels, n, fw_labels + n);
}

static int push(void) {
    uint32_t ready = 0;
    if (fw_push == NULL) {
        return MB_ERR_INPUT;
    }
    int64_t taken = fw_push(model, (const int16_t *)(const void *)fw_sample, 1, &ready);
    fw_mail.label = (int32_t)ready;
    if (taken < 0) {
        return (int)taken;
    }
    const uint8_t *sample = (const uint8_t *)mb_window_sample(model);
    for (uint32_t i = 0; ready && i < fw_n_inputs; i++) {
        fw_sample[i] = sample[i];
    }
    return MB_OK;
}

static int report(void) {
    mb_status status;
    int result = mb_get_status(model, &status);
    if (result == MB_OK) {
        fw_mail.status = status;
        fw_mail.state_bytes = (uint32_t)mb_state_bytes(model);
    }
    return result;
}

static int obey(uint32_t command) {
    if (command >= FW_PREDICT && model == NULL) {
        return MB_ERR_INPUT; /* not open */
    }
    switch (command) {
    case FW_ARENA_BYTES:
        return measure();
    case FW_SELF_TEST:
        return self_test();
    case FW_OPEN:
        return open();
    case FW_PREDICT:
        return predict();
    case FW_LEARN:
        return learn();
    case FW_PUSH:
        return push();
    case FW_STATUS:
        return report();
    case FW_SAVE_STATE:
        return mb_state_save(model, take, NULL);
    case FW_LOAD_STATE:
        return mb_state_load(model, give, NULL);
    default:
        return MB_ERR_INPUT;
    }
}

/* Entered from the start-up code with a stack and nothing else. */
void fw_main(void) {
    fw_prepare_memory();
    for (;;) {
        fw_mail.request = FW_READY;
        fw_stop();
        fw_mail.request = FW_BUSY;
        fw_mail.result = obey(fw_mail.command);
    }
}
