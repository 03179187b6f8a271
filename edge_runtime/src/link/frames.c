/* frames.c: frames of a sensor come over the line, and the device's own front end makes samples of
 * them.
 *
 * Frames are numbered within a recording. After a reset the device knows none: it takes no frame
 * but the first of a recording, and has no window to predict or to learn from. So the host begins
 * again, with the frames of the window that it wants.
 */
#include "../file/envelope.h"
#include "../internal.h"
#include "protocol.h"
#include "replies.h"

static void put_frames(mb_link *link, uint32_t is_ready) {
    mb_put(link, FRAMED_NUMBER, link->n_frames);
    mb_put(link, FRAMED_IS_READY, is_ready);
    link->reply_bytes = FRAMED_BYTES;
}

/* Take frames, up to that frame which makes a sample. */
static int take(mb_link *link) {
    const uint8_t *asked = link->request + FRAME_PAYLOAD;
    size_t per_frame = 2u * (size_t)link->info.n_channels;
    if (link->request_bytes <= FRAMES_VALUES) {
        return LINK_BAD_REQUEST;
    }
    size_t bytes = link->request_bytes - FRAMES_VALUES, n = bytes / per_frame;
    uint32_t number = u32(asked, FRAMES_NUMBER), is_ready = 0;
    if (n != u32(asked, FRAMES_N) || bytes % per_frame != 0) {
        return LINK_BAD_REQUEST;
    }
    put_frames(link, 0);
    if (number != 0 &&
        (number != link->n_frames || u32(asked, FRAMES_RECORDING) != link->recording)) {
        return LINK_OTHER_SAMPLE;
    }
    if (number == 0) {
        link->recording = u32(asked, FRAMES_RECORDING);
        link->n_frames = 0;
        link->window = 0;
        (void)mb_restart_window(link->model);
    }
    const int16_t *frames = (const int16_t *)(const void *)(asked + FRAMES_VALUES);
    uint64_t before = mb_cycles(link);
    int64_t taken = mb_push(link->model, frames, n, &is_ready);
    if (taken < 0) {
        return (int)taken;
    }
    link->n_frames += (uint32_t)taken;
    link->window = is_ready ? link->n_frames : link->window;
    put_frames(link, is_ready);
    mb_put_long(link, FRAMED_CYCLES, mb_cycles(link) - before);
    link->reply_bytes = FRAMED_WHOLE_BYTES;
    return MB_OK;
}

/* Whether the sample that was made last is the sample that is meant. */
static bool is_there(const mb_link *link, const uint8_t *meant) {
    return link->window != 0 && u32(meant, WINDOW_NUMBER) == link->window &&
           u32(meant, WINDOW_RECORDING) == link->recording;
}

static int predict(mb_link *link) {
    if (link->request_bytes != WINDOW_BYTES) {
        return LINK_BAD_REQUEST;
    }
    put_frames(link, 0);
    if (!is_there(link, link->request + FRAME_PAYLOAD)) {
        return LINK_OTHER_SAMPLE;
    }
    return mb_reply_predicted(link, mb_window_sample(link->model), 1);
}

static int learn(mb_link *link) {
    const uint8_t *asked = link->request + FRAME_PAYLOAD;
    int32_t truth;
    if (link->request_bytes != LEARN_WINDOW_BYTES) {
        return LINK_BAD_REQUEST;
    }
    mb_put_learnt(link);
    if (!is_there(link, asked + LEARN_WINDOW)) {
        return LINK_OTHER_SAMPLE;
    }
    mb_copy(&truth, asked + LEARN_WINDOW_TRUTH, sizeof truth);
    return mb_reply_learnt(link, asked, mb_window_sample(link->model), &truth, 1);
}

int mb_link_frames(mb_link *link, uint8_t kind) {
    if (link->info.n_channels == 0) {
        return LINK_BAD_REQUEST;
    }
    switch (kind) {
    case REQUEST_FRAMES:
        return take(link);
    case REQUEST_PREDICT_WINDOW:
        return predict(link);
    case REQUEST_LEARN_WINDOW:
        return learn(link);
    default:
        return LINK_BAD_REQUEST;
    }
}
