/* serve.c: what a device does with each request. */
#include "../file/envelope.h"
#include "../file/offsets.h"
#include "../internal.h"
#include "frame.h"
#include "kept.h"
#include "pieces.h"
#include "replies.h"
#include "requests.h"

/* ---- start ------------------------------------------------------------------------------- */

/* Open the model as exported; nothing is learnt in any session. */
static void open_model(mb_link *link) {
    link->model = NULL;
    link->session = 0;
    link->n_learnt = 0;
    link->is_unkept = 0;
    link->n_frames = 0;
    link->window = 0;
    link->opened = mb_open(&link->model, link->arena, link->arena_bytes, link->blob,
                           link->blob_bytes, link->options);
    if (link->opened != MB_OK) {
        link->model = NULL;
    } else {
        link->info.n_outputs = link->model->n_outputs; /* with spare classes of a head */
    }
}

static bool has_storage(const mb_link *link) {
    return link->keeper != NULL || mb_has_storage(link->port);
}

/* Load what was kept: 1 or 2 as mb_link.restored; 0 if there is nothing; or an error. */
static int load(mb_link *link) {
    mb_progress progress;
    if (link->model == NULL) {
        return 0;
    }
    if (link->keeper != NULL) {
        return link->keeper->load(link);
    }
    int found = mb_kept_load(link->port, link->model, &progress);
    if (found > 0) {
        link->session = progress.session;
        link->n_learnt = progress.n_learnt;
    }
    return found;
}

/* Open the model, and load what was kept. A journal whose samples are refused has a whole state
 * before them. */
static void boot(mb_link *link) {
    open_model(link);
    link->restored = load(link);
    if (link->restored < 0) {
        open_model(link);
        int again = link->keeper != NULL ? load(link) : 0;
        if (again < 0) {
            open_model(link);
        } else if (again > 0) {
            link->restored = again;
        }
    }
}

int mb_link_start(mb_link *link) {
    if (link == NULL || link->port == NULL || link->buffer == NULL || link->options == NULL ||
        (uintptr_t)link->buffer % MB_ALIGNMENT != 0) {
        return MB_ERR_INPUT;
    }
    link->frame_bytes = link->buffer_bytes / 2 / MB_ALIGNMENT * MB_ALIGNMENT;
    if (link->frame_bytes < FRAME_PAYLOAD + HELLO_BYTES + FRAME_CRC_BYTES) {
        return MB_ERR_INPUT;
    }
    link->request = (uint8_t *)link->buffer;
    link->reply = link->request + link->frame_bytes;
    link->client = 0;
    link->n_damaged = 0;
    link->is_waiting = 0;
    link->has_reply = 0;
    mb_zero(&link->info, sizeof link->info);
    (void)mb_verify(link->blob, link->blob_bytes, &link->info); /* mb_open() says what is wrong */
    boot(link);
    return link->opened;
}

/* ---- requests: each puts its reply in place and returns a result ------------------------- */

/* The options go as they lie in memory. */
typedef char options_are_whole
    [offsetof(mb_options, contexts) + sizeof(uint32_t) == HELLO_OPTIONS_BYTES ? 1 : -1];

static void put_text(const mb_link *link, uint32_t at, const char *text) {
    for (uint32_t i = 0; text != NULL && text[i] != 0 && i + 1u < HELLO_TEXT_BYTES; i++) {
        mb_payload(link)[at + i] = (uint8_t)text[i];
    }
}

static int hello(mb_link *link) {
    const mb_info *info = &link->info;
    mb_zero(mb_payload(link), HELLO_BYTES);
    mb_put(link, HELLO_VERSION, LINK_VERSION);
    mb_put(link, HELLO_FLAGS,
           (has_storage(link) ? HELLO_HAS_STORAGE : 0u) |
               (link->port->cycles != NULL ? HELLO_COUNTS_CYCLES : 0u) |
               (link->frames != NULL && info->n_channels != 0 ? HELLO_TAKES_FRAMES : 0u));
    mb_put(link, HELLO_MOST_BYTES, (uint32_t)mb_most_bytes(link));
    mb_put(link, HELLO_OPENED, (uint32_t)link->opened);
    mb_put(link, HELLO_RESTORED, (uint32_t)link->restored);
    if (info->n_inputs != 0) {
        mb_put(link, HELLO_IDENTITY, u32((const uint8_t *)link->blob, HEADER_CRC));
    }
    mb_put(link, HELLO_N_INPUTS, info->n_inputs);
    mb_put(link, HELLO_N_OUTPUTS, info->n_outputs);
    mb_put(link, HELLO_ARENA_BYTES, (uint32_t)link->arena_bytes);
    mb_put(link, HELLO_STATE_BYTES, (uint32_t)mb_state_bytes(link->model));
    mb_put(link, HELLO_CLOCK_HZ, link->clock_hz);
    mb_put(link, HELLO_N_DAMAGED, link->n_damaged);
    mb_put_long(link, HELLO_SESSION, link->session);
    mb_put(link, HELLO_N_LEARNT, link->n_learnt);
    mb_put(link, HELLO_IS_UNKEPT, link->is_unkept);
    mb_copy(mb_payload(link) + HELLO_OPTIONS, link->options, HELLO_OPTIONS_BYTES);
    put_text(link, HELLO_METABIT, mb_version());
    put_text(link, HELLO_KERNELS, mb_isa_name(mb_isa_used(link->model)));
    put_text(link, HELLO_BOARD, link->board);
    link->reply_bytes = HELLO_BYTES;
    return MB_OK;
}

/* The self-test runs in the arena, so the model is opened again after it. */
static int self_test(mb_link *link) {
    if (link->is_unkept) {
        return LINK_UNKEPT;
    }
    uint64_t before = mb_cycles(link);
    int result = mb_self_test(link->arena, link->arena_bytes, link->blob, link->blob_bytes);
    mb_put_long(link, 0, mb_cycles(link) - before);
    link->reply_bytes = 8;
    boot(link);
    return result;
}

static int predict(mb_link *link) {
    const uint8_t *asked = link->request + FRAME_PAYLOAD;
    size_t per_sample = link->info.n_inputs;
    if (link->request_bytes <= PREDICT_SAMPLES) {
        return LINK_BAD_REQUEST;
    }
    size_t bytes = link->request_bytes - PREDICT_SAMPLES, n = bytes / per_sample;
    if (n != u32(asked, PREDICT_N) || bytes % per_sample != 0) {
        return LINK_BAD_REQUEST;
    }
    return mb_reply_predicted(link, asked + PREDICT_SAMPLES, n);
}

static int begin(mb_link *link) {
    uint64_t session;
    if (link->request_bytes != 8) {
        return LINK_BAD_REQUEST;
    }
    mb_copy(&session, link->request + FRAME_PAYLOAD + LEARN_SESSION, 8);
    if (session != link->session) {
        link->session = session;
        link->n_learnt = 0;
        link->is_unkept = 1;
    }
    mb_put_learnt(link);
    return MB_OK;
}

static int learn(mb_link *link) {
    const uint8_t *asked = link->request + FRAME_PAYLOAD;
    size_t per_sample = 4u + (size_t)link->info.n_inputs;
    if (link->request_bytes <= LEARN_TRUTH) {
        return LINK_BAD_REQUEST;
    }
    size_t bytes = link->request_bytes - LEARN_TRUTH, n = bytes / per_sample;
    if (n != u32(asked, LEARN_N) || bytes % per_sample != 0) {
        return LINK_BAD_REQUEST;
    }
    const int32_t *truth = (const int32_t *)(const void *)(asked + LEARN_TRUTH);
    return mb_reply_learnt(link, asked, asked + LEARN_TRUTH + 4u * n, truth, n);
}

/* Keep what was learnt, with the session and its number of samples. */
static int save(mb_link *link) {
    mb_progress progress = {link->session, link->n_learnt};
    int error = link->keeper != NULL ? link->keeper->save(link)
                                     : mb_kept_save(link->port, link->model, &progress);
    if (error == MB_OK) {
        link->is_unkept = 0;
    }
    return error;
}

static int commit(mb_link *link) {
    if (!has_storage(link)) {
        return LINK_NO_STORAGE;
    }
    int result = link->is_unkept ? save(link) : MB_OK; /* flash wears: not twice the same */
    mb_put_learnt(link);
    return result;
}

static int status(mb_link *link) {
    mb_status now;
    int result = mb_get_status(link->model, &now);
    if (result == MB_OK) {
        mb_copy(mb_payload(link), &now, sizeof now);
        link->reply_bytes = sizeof now;
    }
    return result;
}

static int state_out(mb_link *link) {
    const uint8_t *asked = link->request + FRAME_PAYLOAD;
    if (link->request_bytes != PIECE_WANTED_BYTES) {
        return LINK_BAD_REQUEST;
    }
    size_t offset = u32(asked, PIECE_OFFSET), bytes = u32(asked, PIECE_BYTES);
    size_t in_all = mb_state_bytes(link->model);
    if (bytes > mb_most_bytes(link) || offset > in_all || bytes > in_all - offset) {
        return LINK_BAD_REQUEST;
    }
    link->reply_bytes = bytes;
    return mb_piece_out(link, offset, mb_payload(link), bytes);
}

/* False: the host has stopped sending pieces, and there is nothing to answer. */
static bool state_in(mb_link *link, int *result) {
    if (link->request_bytes != 4) {
        *result = LINK_BAD_REQUEST;
        return true;
    }
    bool is_mixed;
    int loaded = mb_pieces_in(link, u32(link->request, FRAME_PAYLOAD), &is_mixed);
    if (loaded == MB_OK) {
        link->session = 0; /* what comes in is the work of no session of this device */
        link->n_learnt = 0;
        link->is_unkept = 1;
    } else if (is_mixed) {
        boot(link);
    }
    mb_zero(mb_payload(link), PIECE_WANTED_BYTES); /* no more bytes are wanted */
    link->reply_bytes = loaded == 1 ? 0 : PIECE_WANTED_BYTES;
    *result = loaded;
    return loaded != 1;
}

static int without_model(mb_link *link, uint8_t kind) {
    return kind == REQUEST_HELLO ? hello(link) : link->opened;
}

static int with_model(mb_link *link, uint8_t kind) {
    switch (kind) {
    case REQUEST_HELLO:
        return hello(link);
    case REQUEST_SELF_TEST:
        return self_test(link);
    case REQUEST_PREDICT:
        return predict(link);
    case REQUEST_BEGIN:
        return begin(link);
    case REQUEST_LEARN:
        return learn(link);
    case REQUEST_COMMIT:
        return commit(link);
    case REQUEST_STATUS:
        return status(link);
    case REQUEST_STATE_OUT:
        return state_out(link);
    default:
        return link->frames == NULL ? LINK_BAD_REQUEST : link->frames(link, kind);
    }
}

void mb_link_serve(mb_link *link) {
    while (mb_request_next(link)) {
        uint8_t kind = link->request[FRAME_KIND];
        int result = MB_OK;
        if (link->model == NULL) {
            result = without_model(link, kind);
        } else if (kind != REQUEST_STATE_IN) {
            result = with_model(link, kind);
        } else if (!state_in(link, &result)) {
            continue;
        }
        mb_request_reply(link, result);
    }
}
