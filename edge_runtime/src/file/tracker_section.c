/* tracker_section.c: check what the section TRCK says, and find its parts. */
#include "tracker_section.h"

#include "offsets.h"

/* Values of a wide network that a tracking head sees, all classes together, and the limits for one:
 * its tables then take about 24 KiB. */
#define TABLE_VALUES 1400u
#define LEAST_VALUES 32u
#define MOST_VALUES 128u

#define N_SHARES 4u
#define MOST_VALUE 17179869184.0f /* above every value: 512 sums of 65,536 products */

/* The layer whose values are seen instead of many inputs: the first dense hidden layer, or the last
 * convolution. Layers further up have lost what tells apart classes that training did not know. */
static uint32_t seen_layer(const mb_blob_view *view) {
    uint32_t n_hidden = view->info.n_layers - 1u;
    for (uint32_t i = 0; i < n_hidden; i++) {
        if (view->layers[i].window.kernel == 0) {
            return i;
        }
    }
    return n_hidden - 1u;
}

static uint32_t most_values(uint32_t n_classes) {
    uint32_t most = TABLE_VALUES / n_classes;
    return most < LEAST_VALUES ? LEAST_VALUES : most > MOST_VALUES ? MOST_VALUES : most;
}

mb_tracked_values mb_what_is_tracked(const mb_blob_view *view, uint32_t n_classes) {
    mb_tracked_values seen = {MB_HEAD_INPUTS, 0, view->info.n_inputs, 0};
    bool few = view->info.n_inputs <= MB_TRACKED_INPUTS;
    uint32_t most = few ? MB_TRACKED_INPUTS : most_values(n_classes);
    if (view->info.n_inputs > most && view->info.n_layers > 1) {
        seen.layer = seen_layer(view);
        const mb_layer_view *layer = &view->layers[seen.layer];
        seen.source = layer->window.kernel != 0 ? MB_HEAD_ONES : MB_HEAD_SUMS;
        seen.n_source = layer->n_out;
    }
    seen.n_values = seen.n_source < most ? seen.n_source : most;
    return seen;
}

bool mb_tracked_is_sane(uint32_t d, uint32_t k, uint32_t i, float value) {
    uint32_t means = N_SHARES, spreads = means + d, counts = spreads + d, shrink = counts + k;
    uint32_t centres = shrink + k, squares = centres + k * d;
    if (i < means) {
        return within(value, 0.0f, 2.0f); /* shares */
    }
    if (i < counts) {
        return within(value, i < spreads ? -MOST_VALUE : 0.0f, MOST_VALUE);
    }
    if (i < centres) {
        return within(value, 0.0f, i < shrink ? 1024.0f : 1.0f);
    }
    return i < squares ? within(value, -4.0f, 4.0f) : within(value, 0.0f, 128.0f);
}

static bool floats_are_sane(const mb_blob_view *view, uint32_t d, uint32_t k) {
    uint32_t at = view->tracker.kept_at + TRACKED_FLOATS;
    bool sane = true;
    for (uint32_t i = 0; i < N_SHARES + 2u * (d + k + k * d); i++) {
        sane &= mb_tracked_is_sane(d, k, i, f32(view->bytes, at + 4u * i));
    }
    return sane;
}

int mb_read_tracker(mb_blob_view *view, const section_map *map) {
    uint32_t start = map->offset[TRACKER];
    if (start == 0) {
        return MB_OK;
    }
    if (map->length[TRACKER] < TRACKER_KEPT) {
        return MB_ERR_CORRUPT;
    }
    uint32_t h = u32(view->bytes, start + TRACKER_UNITS);
    uint32_t k = u32(view->bytes, start + TRACKER_CLASSES), own = view->info.n_outputs;
    bool classes = view->head.kind != 0 ? k == view->head.n_classes
                                        : k == own || (k > own && k <= MB_MAX_CLASSES);
    if (!classes) {
        return MB_ERR_CORRUPT;
    }
    uint32_t d = mb_what_is_tracked(view, k).n_values, n = 2u * d + 1u;
    if (h > (view->info.n_inputs > MB_TRACKED_INPUTS ? 0 : MB_MAX_UNITS) ||
        u32(view->bytes, start + TRACKER_ANSWERS) > 1) {
        return MB_ERR_CORRUPT;
    }
    uint64_t bytes = TRACKED_FLOATS + 4u * (N_SHARES + 2u * ((uint64_t)d + k + (uint64_t)k * d));
    bytes += 2u * (uint64_t)h * n + 4u * (uint64_t)k * (n + h);
    if (bytes + TRACKER_KEPT != map->length[TRACKER]) {
        return MB_ERR_CORRUPT;
    }
    view->tracker.n_units = h;
    view->tracker.kept_at = start + TRACKER_KEPT;
    view->tracker.kept_bytes = (uint32_t)bytes;
    view->info.n_classes = k;
    view->info.has_tracker = 1;
    view->info.tracker_units = h;
    return floats_are_sane(view, d, k) ? MB_OK : MB_ERR_CORRUPT;
}
