/* window.c: frames as they come, and the sample when a window is whole. */
#include "../file/offsets.h"
#include "integers.h"
#include "row.h"

#define COUNT_LIMIT 32767

static mb_front *front_of(const mb_model *model) {
    return model != NULL && model->front_at != 0 ? (mb_front *)mb_in_arena(model, model->front_at)
                                                 : NULL;
}

/* Counts that stop at their end, so that none of them starts again. */
static void count(uint32_t *counter, uint32_t n) {
    *counter = *counter > UINT32_MAX - n ? UINT32_MAX : *counter + n;
}

/* Bring a frame to the scale of its channels, and append it. */
static void append(mb_model *model, mb_front *front, const int16_t *frame) {
    const uint8_t *scale = (const uint8_t *)mb_in_blob(model, front->channels_at);
    int16_t *to = (int16_t *)mb_in_arena(model, front->frames_at);
    to += (size_t)front->n_filled * front->n_channels;
    for (uint32_t c = 0; c < front->n_channels; c++, scale += CHANNEL_BYTES) {
        int32_t offset;
        uint16_t multiplier, shift;
        mb_copy(&offset, scale + CHANNEL_OFFSET, sizeof offset);
        mb_copy(&multiplier, scale + CHANNEL_MULTIPLIER, sizeof multiplier);
        mb_copy(&shift, scale + CHANNEL_SHIFT, sizeof shift);
        int64_t value = mb_shifted((int64_t)(frame[c] - offset) * multiplier, shift);
        int64_t limited = mb_limited(value, COUNT_LIMIT);
        count(&front->n_limited, value != limited);
        to[c] = (int16_t)limited;
    }
    count(&front->n_counts, front->n_channels);
    front->n_filled++;
}

/* Append the row of a whole window to the sample, and keep the frames that the next window shares
 * with it. */
static void finish(mb_model *model, mb_front *front) {
    int8_t *sample = (int8_t *)mb_in_arena(model, front->sample_at);
    size_t older = (size_t)front->n_features * (front->stack - 1u);
    mb_copy(sample, sample + front->n_features, older); /* forward, so they may overlap */
    mb_make_row(model, front, sample + older);
    count(&front->n_windows, 1);
    front->n_rows += front->n_rows < front->stack ? 1u : 0u;
    uint32_t kept = front->hop < front->length ? front->length - front->hop : 0;
    int16_t *frames = (int16_t *)mb_in_arena(model, front->frames_at);
    size_t start = (size_t)(front->length - kept) * front->n_channels;
    mb_copy(frames, frames + start, (size_t)2 * kept * front->n_channels);
    front->n_filled = kept;
    front->n_to_skip = front->hop - (front->length - kept);
}

int64_t mb_push(mb_model *model, const int16_t *frames, size_t n_frames, uint32_t *ready) {
    mb_front *front = front_of(model);
    if (front == NULL || ready == NULL || (frames == NULL && n_frames > 0)) {
        return MB_ERR_INPUT;
    }
    *ready = 0;
    for (size_t i = 0; i < n_frames; i++, frames += front->n_channels) {
        if (front->n_to_skip > 0) {
            front->n_to_skip--;
            continue;
        }
        append(model, front, frames);
        if (front->n_filled == front->length) {
            finish(model, front);
            if (front->n_rows == front->stack) {
                *ready = 1;
                return (int64_t)i + 1;
            }
        }
    }
    return (int64_t)n_frames;
}

const int8_t *mb_window_sample(const mb_model *model) {
    const mb_front *front = front_of(model);
    return front != NULL ? (const int8_t *)mb_in_arena(model, front->sample_at) : NULL;
}

int mb_restart_window(mb_model *model) {
    mb_front *front = front_of(model);
    if (front == NULL) {
        return MB_ERR_INPUT;
    }
    front->n_filled = 0;
    front->n_to_skip = 0;
    front->n_rows = 0;
    return MB_OK;
}

int mb_get_window_status(const mb_model *model, mb_window_status *status) {
    const mb_front *front = front_of(model);
    if (front == NULL || status == NULL) {
        return MB_ERR_INPUT;
    }
    status->n_windows = front->n_windows;
    status->n_counts = front->n_counts;
    status->n_limited = front->n_limited;
    return MB_OK;
}
