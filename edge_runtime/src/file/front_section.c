/* front_section.c: check what the section FRNT says, and find its parts. */
#include "front_section.h"

#include "offsets.h"

#define MAX_CHANNELS 256u
#define MAX_LENGTH 4096u
#define MAX_SPECTRUM_LENGTH 1024u
#define MAX_HOP 65536u
#define MAX_BANDS 64u
#define MAX_STACK 256u
#define MAX_COUNT 32767
#define MAX_SHIFT 15u
#define MAX_CENTRE (1 << 27)
#define MAX_GAIN_SHIFT 40u
#define N_STATISTICS 5u
#define CHANGE (1u << 4)

static uint32_t u16(const uint8_t *bytes, uint32_t at) {
    return (uint32_t)bytes[at] | (uint32_t)bytes[at + 1u] << 8;
}

static uint32_t n_statistics(uint32_t mask) {
    uint32_t n = 0;
    for (; mask != 0; mask >>= 1) {
        n += mask & 1u;
    }
    return n;
}

static bool read_operations(mb_blob_view *v, uint32_t at) {
    const uint8_t *b = v->bytes;
    mb_front_view *front = &v->front;
    front->n_channels = u32(b, at + FRONT_N_CHANNELS);
    front->length = u32(b, at + FRONT_LENGTH);
    front->hop = u32(b, at + FRONT_HOP);
    front->statistics = u32(b, at + FRONT_STATISTICS);
    front->n_bands = u32(b, at + FRONT_N_BANDS);
    front->log = u32(b, at + FRONT_LOG);
    front->stack = u32(b, at + FRONT_STACK);
    if (front->n_channels < 1 || front->n_channels > MAX_CHANNELS || front->length < 1 ||
        front->length > MAX_LENGTH || front->hop < 1 || front->hop > MAX_HOP ||
        front->statistics >= 1u << N_STATISTICS || front->n_bands > MAX_BANDS ||
        front->log > MB_LOG_ONLY || front->stack < 1 || front->stack > MAX_STACK ||
        u32(b, at + FRONT_ZERO) != 0 ||
        (front->n_bands > 0 && front->length > MAX_SPECTRUM_LENGTH) ||
        (front->length == 1 && (front->n_bands > 0 || (front->statistics & CHANGE) != 0))) {
        return false;
    }
    front->n_transform = 2;
    while (front->n_transform < front->length) {
        front->n_transform *= 2u;
    }
    front->n_values = front->n_channels * (n_statistics(front->statistics) + front->n_bands);
    front->n_features = front->n_values * (front->log == MB_LOG_ALSO ? 2u : 1u);
    return front->n_features > 0 && front->n_features * front->stack == v->info.n_inputs &&
           v->info.input_signed == 1 && v->info.zero_point == 0;
}

static bool channels_are_sane(const mb_blob_view *v) {
    bool sane = true;
    for (uint32_t c = 0; c < v->front.n_channels; c++) {
        uint32_t at = v->front.channels_at + CHANNEL_BYTES * c;
        int32_t offset = (int32_t)u32(v->bytes, at + CHANNEL_OFFSET);
        uint32_t multiplier = u16(v->bytes, at + CHANNEL_MULTIPLIER);
        float unit = f32(v->bytes, at + CHANNEL_UNIT);
        sane &= offset >= -MAX_COUNT - 1 && offset <= MAX_COUNT;
        sane &= multiplier >= 1 && multiplier <= MAX_COUNT;
        sane &= u16(v->bytes, at + CHANNEL_SHIFT) <= MAX_SHIFT;
        sane &= unit >= 1e-30f && unit <= 1e30f;
    }
    return sane;
}

/* Whether bands rise and lie within the spectrum, and what fills their number up is 0. */
static bool bands_are_sane(const mb_blob_view *v, uint32_t end) {
    const mb_front_view *front = &v->front;
    uint32_t n = front->n_bands > 0 ? front->n_bands + 1u : 0;
    bool sane = all_zero(v->bytes + front->edges_at + 2u * n, end - front->edges_at - 2u * n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t edge = u16(v->bytes, front->edges_at + 2u * i);
        sane &= edge <= front->n_transform / 2u + 1u;
        sane &= i == 0 || edge > u16(v->bytes, front->edges_at + 2u * (i - 1u));
    }
    return sane;
}

static bool scales_are_sane(const mb_blob_view *v) {
    bool sane = true;
    for (uint32_t i = 0; i < v->front.n_features; i++) {
        uint32_t at = v->front.scales_at + SCALE_BYTES * i;
        int32_t centre = (int32_t)u32(v->bytes, at + SCALE_CENTRE);
        sane &= centre >= -MAX_CENTRE && centre <= MAX_CENTRE;
        sane &= u16(v->bytes, at + SCALE_SHIFT) <= MAX_GAIN_SHIFT;
    }
    return sane;
}

int mb_read_front(mb_blob_view *view, const section_map *map) {
    uint32_t start = map->offset[FRONT];
    mb_front_view *front = &view->front;
    if (start == 0) {
        return MB_OK;
    }
    if (map->length[FRONT] < FRONT_CHANNELS || !read_operations(view, start)) {
        return MB_ERR_CORRUPT;
    }
    uint32_t n_edges = front->n_bands > 0 ? front->n_bands + 1u : 0;
    front->channels_at = start + FRONT_CHANNELS;
    front->edges_at = front->channels_at + CHANNEL_BYTES * front->n_channels;
    front->scales_at = front->edges_at + 4u * ((n_edges + 1u) / 2u);
    uint64_t end = (uint64_t)front->scales_at + (uint64_t)SCALE_BYTES * front->n_features;
    if (end != (uint64_t)start + map->length[FRONT] || !channels_are_sane(view) ||
        !bands_are_sane(view, front->scales_at) || !scales_are_sane(view)) {
        return MB_ERR_CORRUPT;
    }
    view->info.n_channels = front->n_channels;
    view->info.window_frames = front->length;
    view->info.hop_frames = front->hop;
    return MB_OK;
}
