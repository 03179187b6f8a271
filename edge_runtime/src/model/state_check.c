/* state_check.c: the bounds of every value in a state image, before any of it is used. */
#include "state_check.h"

#include "../arith.h"
#include "../file/envelope.h"
#include "../rule/centre.h"
#include "../rule/likeness.h"
#include "../rule/record.h"
#include "../rule/ring.h"
#include "tracker.h"

#define MOST_VALUE 1.12589991e15f

static const mb_layer *first_layer(const mb_model *model) {
    return &mb_layers(model)[model->first_learning];
}

uint32_t mb_values_start(const mb_model *model) {
    uint32_t at = mb_counts(model)                       ? mb_head_of(model)->counters_at
                  : model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->tracked_at
                                                         : first_layer(model)->rms_at;
    return at - model->learnt_at;
}

uint32_t mb_image_lacks(const mb_model *model, uint32_t version) {
    return version == FIRST_VERSION ? mb_values_start(model) - (uint32_t)sizeof(mb_learnt) : 0;
}

uint32_t mb_image_end(const mb_model *model, const mb_image_form *form) {
    return form->n_contexts > 0 ? (uint32_t)mb_contexts_bytes(model, form->n_contexts)
                                : model->learnt_bytes;
}

/* Whether the float at this offset of the learnt block is a mean square or a variance. */
static bool is_a_square(const mb_model *model, uint32_t at) {
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        uint32_t var_at = layer->running_at - model->learnt_at + 4u * layer->n_out;
        if (at == layer->rms_at - model->learnt_at ||
            (at >= var_at && at < var_at + 4u * layer->n_out)) {
            return true;
        }
    }
    return false;
}

/* Running values must stay in the ranges that a blob's must: all arithmetic is then finite. */
static bool floats_are_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n) {
    bool sane = true;
    for (uint32_t i = 0; i < n; i += 4) {
        float value, low = is_a_square(model, at + i) ? 0.0f : -MOST_VALUE;
        mb_copy(&value, bytes + i, sizeof value);
        sane &= value >= low && value <= MOST_VALUE;
    }
    return sane;
}

/* Means of inputs must be such as inputs can have. */
static bool means_are_sane(const uint8_t *bytes, uint32_t n) {
    const int32_t most = 255 * (1 << MB_MEAN_BITS);
    bool sane = true;
    for (uint32_t i = 0; i < n; i += 4) {
        int32_t mean;
        mb_copy(&mean, bytes + i, sizeof mean);
        sane &= mean >= -most && mean <= most;
    }
    return sane;
}

/* The generator must not be all zero: it would stay so. */
static bool counters_are_sane(const uint8_t *bytes) {
    static const uint32_t no_seed[4] = {0, 0, 0, 0};
    return !mb_same(bytes, no_seed, sizeof no_seed);
}

static bool record_is_sane(const uint8_t *bytes) {
    mb_record record;
    mb_copy(&record, bytes, sizeof record);
    return mb_record_is_sane(&record);
}

/* Of all that a head keeps, only its scale could do harm. What has no meaning yet must be zero. */
static bool head_is_sane(const uint8_t *bytes) {
    mb_counters counters;
    mb_copy(&counters, bytes, sizeof counters);
    return mb_is_scale(counters.scale) && counters.n_to_solve >= 1 && counters.reserved == 0;
}

/* Whether n bytes at `at` of the learnt block, where values lie, are such as could do no harm. */
static bool values_are_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n) {
    if (mb_counts(model)) {
        return head_is_sane(bytes);
    }
    return model->head_kind == MB_HEAD_TRACKING ? mb_tracker_is_sane(model, at, bytes, n)
                                                : floats_are_sane(model, at, bytes, n);
}

/* Labels of samples that are kept must be classes, and there are no more samples than fit. */
static bool ring_is_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n) {
    bool sane = true;
    if (at == model->ring_at - model->learnt_at) {
        uint32_t n_kept;
        mb_copy(&n_kept, bytes, sizeof n_kept);
        return n_kept <= model->ring_slots;
    }
    for (uint32_t i = 0; i < n; i++) {
        sane &= bytes[i] < model->n_outputs;
    }
    return sane;
}

/* Where values end, and nothing needs a check: at tables of a head, and at hidden weights. */
static uint32_t values_end(const mb_model *model) {
    if (mb_counts(model)) {
        return mb_values_start(model) + (uint32_t)sizeof(mb_counters);
    }
    return (model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->units_at
                                                 : first_layer(model)->levels_at) -
           model->learnt_at;
}

/* Parts of the learnt block, in their order, by where each begins. Shares of labels may be
 * anything. */
typedef struct block_parts {
    uint32_t record, recalls, means, values, unchecked, ring, labels, entries, end;
} block_parts;

static block_parts parts_of(const mb_model *model) {
    block_parts at;
    at.record = (uint32_t)sizeof(mb_learnt);
    at.recalls = at.record + (uint32_t)sizeof(mb_record);
    at.values = mb_values_start(model);
    at.means = model->head_kind != 0 ? at.values : model->means_at - model->learnt_at;
    at.unchecked = values_end(model);
    at.end = model->learnt_bytes;
    bool keeps = model->ring_slots > 0;
    at.ring = keeps ? model->ring_at - model->learnt_at : at.end;
    at.labels = keeps ? at.ring + 4u : at.end;
    at.entries = keeps ? at.ring + (uint32_t)mb_ring_index_bytes(model->ring_slots) : at.end;
    return at;
}

/* Whether n bytes at `at` of a learnt block, all of one part, are such as could do no harm. */
static bool block_is_sane(const mb_model *model, const block_parts *parts, uint32_t at,
                          const uint8_t *bytes, uint32_t n) {
    if (at < parts->record) {
        return counters_are_sane(bytes);
    }
    if (at < parts->recalls) {
        return record_is_sane(bytes);
    }
    if (at >= parts->means && at < parts->values) {
        return means_are_sane(bytes, n);
    }
    if (at >= parts->values && at < parts->unchecked) {
        return values_are_sane(model, at, bytes, n);
    }
    if (at >= parts->ring && at < parts->entries) {
        return ring_is_sane(model, at, bytes, n);
    }
    return true;
}

/* Where the part of a learnt block ends that `at` lies in. */
static uint32_t end_in_block(const block_parts *parts, uint32_t at) {
    return at < parts->record      ? parts->record
           : at < parts->recalls   ? parts->recalls
           : at < parts->means     ? parts->means
           : at < parts->values    ? parts->values
           : at < parts->unchecked ? parts->unchecked
           : at < parts->ring      ? parts->ring
           : at < parts->labels    ? parts->labels
           : at < parts->entries   ? parts->entries
                                   : parts->end;
}

/* Parts of what is learnt in all contexts, by where each begins: blocks, each with its parts, then
 * the router, shares and counters, which may be anything, and floats. */
typedef struct all_parts {
    block_parts block;
    uint32_t n_contexts, block_bytes, router, counters, floats, end;
} all_parts;

static all_parts all_parts_of(const mb_model *model, const mb_image_form *form) {
    all_parts at;
    at.block = parts_of(model);
    at.n_contexts = form->n_contexts;
    at.end = mb_image_end(model, form);
    at.block_bytes = at.router = at.counters = at.floats = at.end;
    if (form->n_contexts > 0) {
        uint32_t floats = 4u * mb_likeness_floats(model) * form->n_contexts;
        at.block_bytes = mb_block_bytes(model);
        at.router = at.block_bytes * form->n_contexts;
        at.counters = at.router + (uint32_t)sizeof(mb_router);
        at.floats = at.end - floats;
    }
    return at;
}

/* Means of sums may be anything finite, sizes not below zero. */
static bool likeness_is_sane(const mb_model *model, uint32_t first, const uint8_t *bytes,
                             uint32_t n) {
    bool sane = true;
    for (uint32_t i = 0; i < n; i += 4) {
        float value, low = mb_likeness_is_size(model, first + i / 4u) ? 0.0f : -MOST_VALUE;
        mb_copy(&value, bytes + i, sizeof value);
        sane &= value >= low && value <= MOST_VALUE;
    }
    return sane;
}

static bool router_is_sane(const uint8_t *bytes, uint32_t n_contexts) {
    mb_router router;
    mb_copy(&router, bytes, sizeof router);
    return mb_router_is_sane(&router, n_contexts);
}

/* Whether n bytes at `at` of what is learnt, all of one part, are such as could do no harm. */
static bool is_sane(const mb_model *model, const all_parts *parts, uint32_t at,
                    const uint8_t *bytes, uint32_t n) {
    if (at < parts->router) {
        uint32_t in_block = at % parts->block_bytes;
        return in_block >= parts->block.end ||
               block_is_sane(model, &parts->block, in_block, bytes, n);
    }
    if (at < parts->counters) {
        return router_is_sane(bytes, parts->n_contexts);
    }
    return at < parts->floats || likeness_is_sane(model, (at - parts->floats) / 4u, bytes, n);
}

/* Where the part ends that `at` lies in: chunks that are checked end there. */
static uint32_t end_of_part(const all_parts *parts, uint32_t at) {
    if (at < parts->router) {
        uint32_t in_block = at % parts->block_bytes;
        bool fills_up = in_block >= parts->block.end;
        uint32_t end = fills_up ? parts->block_bytes : end_in_block(&parts->block, in_block);
        return at - in_block + end;
    }
    return at < parts->counters ? parts->counters : at < parts->floats ? parts->floats : parts->end;
}

int mb_check_image(const mb_model *model, const mb_image_form *form, mb_read_fn read,
                   void *context) {
    uint8_t chunk[STATE_CHUNK_BYTES];
    const all_parts parts = all_parts_of(model, form);
    uint32_t crc, expected, at = 0;
    size_t place = STATE_HEADER_BYTES;
    bool sane = true;
    if (read(context, 0, chunk, STATE_HEADER_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    crc = mb_crc32(0, chunk, STATE_HEADER_BYTES);
    while (at < parts.end) {
        uint32_t left = end_of_part(&parts, at) - at;
        uint32_t n = left < STATE_CHUNK_BYTES ? left : STATE_CHUNK_BYTES;
        if (read(context, place, chunk, n) != 0) {
            return MB_ERR_STORAGE;
        }
        crc = mb_crc32(crc, chunk, n);
        sane &= is_sane(model, &parts, at, chunk, n);
        place += n;
        at += n;
        at += at == parts.block.record ? mb_image_lacks(model, form->version) : 0;
    }
    if (read(context, place, &expected, sizeof expected) != 0) {
        return MB_ERR_STORAGE;
    }
    return crc == expected && sane ? MB_OK : MB_ERR_CORRUPT;
}
