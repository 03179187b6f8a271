/* state.c: the learnt state as an image of bytes, out and back in.
 *
 * The image is a header, the learnt block as it lies in the arena, and a CRC-32 over both
 * (docs/FORMAT.md). It is hostile input like the blob: it is read once to check it, and only then a
 * second time to use it.
 */
#include "../arith.h"
#include "../file/envelope.h"
#include "../file/offsets.h"
#include "../internal.h"
#include "../rule/centre.h"
#include "../rule/record.h"
#include "../rule/ring.h"
#include "../rule/worth.h"
#include "open.h"
#include "tracker.h"

#define VERSION 2u
#define FIRST_VERSION 1u /* has counters and values, and nothing between them */
#define STATE_HEADER_BYTES ((size_t)STATE_RANDOM)
#define CHUNK_BYTES 256u

static const uint8_t magic[STATE_VERSION] = {0x89, 'M', 'B', 'S', 'T', '\r', '\n', 0x1a};

/* The learnt block of the arena is written as it lies there, so mb_learnt and what follows it are
 * part of the format. */
typedef char mb_learnt_is_as_the_format_says
    [offsetof(mb_learnt, rng) == 0 &&
             offsetof(mb_learnt, n_steps) == STATE_N_STEPS - STATE_RANDOM &&
             offsetof(mb_learnt, n_learnt) == STATE_N_LEARNT - STATE_RANDOM &&
             sizeof(mb_learnt) == STATE_N_JUDGED - STATE_RANDOM &&
             offsetof(mb_record, right) == STATE_RIGHT - STATE_N_JUDGED &&
             offsetof(mb_record, n_since) == STATE_N_SINCE - STATE_N_JUDGED &&
             offsetof(mb_record, wrong) == STATE_WRONG - STATE_N_JUDGED &&
             offsetof(mb_record, excess) == STATE_EXCESS - STATE_N_JUDGED &&
             offsetof(mb_record, n_drifts) == STATE_N_DRIFTS - STATE_N_JUDGED &&
             sizeof(mb_record) == STATE_RECALLS - STATE_N_JUDGED
         ? 1
         : -1];

static void put(uint8_t *header, uint32_t at, uint32_t value) {
    mb_copy(header + at, &value, sizeof value);
}

static const mb_layer *first_layer(const mb_model *model) {
    return &mb_layers(model)[model->first_learning];
}

/* Where values begin in the learnt block: what a head counts, or running values of layers. */
static uint32_t values_start(const mb_model *model) {
    uint32_t at = mb_counts(model)                       ? mb_head_of(model)->counters_at
                  : model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->tracked_at
                                                         : first_layer(model)->rms_at;
    return at - model->learnt_at;
}

/* Bytes of the learnt block that an image of this version lacks: those between counters and
 * values. */
static uint32_t lacking(const mb_model *model, uint32_t version) {
    return version == FIRST_VERSION ? values_start(model) - (uint32_t)sizeof(mb_learnt) : 0;
}

static void fill_header(const mb_model *model, uint32_t version,
                        uint8_t header[STATE_HEADER_BYTES]) {
    mb_zero(header, STATE_HEADER_BYTES);
    mb_copy(header + STATE_MAGIC, magic, sizeof magic);
    put(header, STATE_VERSION, version);
    put(header, STATE_BYTES, (uint32_t)mb_state_bytes(model) - lacking(model, version));
    put(header, STATE_FILE_CRC, model->identity);
    put(header, STATE_LEARN_LAYERS, model->n_layers - model->first_learning);
    put(header, STATE_BITS, model->state_bits);
    put(header, STATE_BANK, model->bank);
    put(header, STATE_HEAD, model->head_kind);
    put(header, STATE_UNITS,
        model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->n_units : 0);
    put(header, STATE_REPLAY, model->ring_slots);
}

static bool learns(const mb_model *model) { return model != NULL && mb_learns(model); }

size_t mb_state_bytes(const mb_model *model) {
    return learns(model) ? STATE_HEADER_BYTES + (size_t)model->learnt_bytes + 4u : 0;
}

int mb_state_save(const mb_model *model, mb_write_fn write, void *context) {
    uint8_t header[STATE_HEADER_BYTES];
    if (model == NULL || write == NULL) {
        return MB_ERR_INPUT;
    }
    if (!learns(model)) {
        return MB_ERR_NO_STATE;
    }
    const void *learnt = mb_in_arena(model, model->learnt_at);
    size_t end = STATE_HEADER_BYTES + (size_t)model->learnt_bytes;
    fill_header(model, VERSION, header);
    uint32_t crc = mb_crc32(0, header, sizeof header);
    crc = mb_crc32(crc, learnt, model->learnt_bytes);
    if (write(context, 0, header, sizeof header) != 0 ||
        write(context, STATE_HEADER_BYTES, learnt, model->learnt_bytes) != 0 ||
        write(context, end, &crc, sizeof crc) != 0) {
        return MB_ERR_STORAGE;
    }
    return MB_OK;
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
        float value, low = is_a_square(model, at + i) ? 0.0f : -1.12589991e15f;
        mb_copy(&value, bytes + i, sizeof value);
        sane &= value >= low && value <= 1.12589991e15f;
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
        return values_start(model) + (uint32_t)sizeof(mb_counters);
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
    at.values = values_start(model);
    at.means = model->head_kind != 0 ? at.values : model->means_at - model->learnt_at;
    at.unchecked = values_end(model);
    at.end = model->learnt_bytes;
    bool keeps = model->ring_slots > 0;
    at.ring = keeps ? model->ring_at - model->learnt_at : at.end;
    at.labels = keeps ? at.ring + 4u : at.end;
    at.entries = keeps ? at.ring + (uint32_t)mb_ring_index_bytes(model->ring_slots) : at.end;
    return at;
}

/* Whether n bytes at `at` of the learnt block, all of one part, are such as could do no harm. */
static bool is_sane(const mb_model *model, const block_parts *parts, uint32_t at,
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

/* Where the part ends that `at` lies in: chunks that are checked end there. */
static uint32_t end_of_part(const block_parts *parts, uint32_t at) {
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

/* First pass: the checksum over everything, and every value that could do harm. */
static int check_image(const mb_model *model, uint32_t version, mb_read_fn read, void *context) {
    uint8_t chunk[CHUNK_BYTES];
    const block_parts parts = parts_of(model);
    uint32_t crc, expected, at = 0;
    size_t place = STATE_HEADER_BYTES;
    bool sane = true;
    if (read(context, 0, chunk, STATE_HEADER_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    crc = mb_crc32(0, chunk, STATE_HEADER_BYTES);
    while (at < parts.end) {
        uint32_t left = end_of_part(&parts, at) - at;
        uint32_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        if (read(context, place, chunk, n) != 0) {
            return MB_ERR_STORAGE;
        }
        crc = mb_crc32(crc, chunk, n);
        sane &= is_sane(model, &parts, at, chunk, n);
        place += n;
        at += n;
        at += at == parts.record ? lacking(model, version) : 0;
    }
    if (read(context, place, &expected, sizeof expected) != 0) {
        return MB_ERR_STORAGE;
    }
    return crc == expected && sane ? MB_OK : MB_ERR_CORRUPT;
}

/* What an image of the first version lacks starts anew. */
static void start_lacking(mb_model *model) {
    ((mb_learnt *)mb_in_arena(model, model->learnt_at))->n_learnt = 0;
    mb_start_record(model);
    if (model->head_kind == 0) {
        mb_start_worth(model);
        mb_zero(mb_in_arena(model, model->means_at),
                model->learnt_at + values_start(model) - model->means_at);
    }
}

/* Second pass: into the learnt block. */
static int read_block(mb_model *model, uint32_t version, mb_read_fn read, void *context) {
    uint8_t *learnt = (uint8_t *)mb_in_arena(model, model->learnt_at);
    uint32_t counters = (uint32_t)sizeof(mb_learnt), from = counters + lacking(model, version);
    if (read(context, STATE_HEADER_BYTES, learnt, counters) != 0 ||
        read(context, STATE_HEADER_BYTES + counters, learnt + from, model->learnt_bytes - from) !=
            0) {
        return MB_ERR_STORAGE;
    }
    if (version == FIRST_VERSION) {
        start_lacking(model);
    }
    mb_refresh(model);
    return MB_OK;
}

/* The checksum of an image that may be another model's. */
static int check_sum(mb_read_fn read, void *context, size_t bytes) {
    uint8_t chunk[CHUNK_BYTES];
    uint32_t crc = 0, expected;
    size_t end = bytes - sizeof expected;
    for (size_t at = 0; at < end;) {
        size_t n = end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES;
        if (read(context, at, chunk, n) != 0) {
            return MB_ERR_STORAGE;
        }
        crc = mb_crc32(crc, chunk, n);
        at += n;
    }
    if (read(context, end, &expected, sizeof expected) != 0) {
        return MB_ERR_STORAGE;
    }
    return crc == expected ? MB_OK : MB_ERR_CORRUPT;
}

size_t mb_state_image_bytes(const void *first) {
    const uint8_t *header = (const uint8_t *)first;
    uint32_t bytes;
    if (first == NULL || !mb_same(header, magic, sizeof magic)) {
        return 0;
    }
    mb_copy(&bytes, header + STATE_BYTES, sizeof bytes);
    return bytes;
}

/* The checksum is compared before any other field: a damaged field is damage, and not a state of
 * something else. */
int mb_state_load(mb_model *model, mb_read_fn read, void *context) {
    uint8_t header[STATE_HEADER_BYTES], ours[STATE_HEADER_BYTES];
    uint32_t version;
    if (model == NULL || read == NULL) {
        return MB_ERR_INPUT;
    }
    if (!learns(model)) {
        return MB_ERR_NO_STATE;
    }
    if (read(context, 0, header, sizeof header) != 0) {
        return MB_ERR_STORAGE;
    }
    size_t bytes = mb_state_image_bytes(header);
    if (bytes < STATE_HEADER_BYTES + sizeof(uint32_t)) {
        return mb_same(header, magic, sizeof magic) ? MB_ERR_CORRUPT : MB_ERR_FORMAT;
    }
    mb_copy(&version, header + STATE_VERSION, sizeof version);
    fill_header(model, version == FIRST_VERSION ? version : VERSION, ours);
    bool is_ours = mb_same(header, ours, sizeof header);
    int error =
        is_ours ? check_image(model, version, read, context) : check_sum(read, context, bytes);
    if (error != MB_OK) {
        return error;
    }
    if (!mb_same(header, ours, STATE_BYTES)) {
        return MB_ERR_FORMAT;
    }
    return is_ours ? read_block(model, version, read, context) : MB_ERR_MISMATCH;
}
