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
#include "open.h"
#include "tracker.h"

#define VERSION 1u
#define STATE_HEADER_BYTES ((size_t)STATE_RANDOM)
#define CHUNK_BYTES 256u

static const uint8_t magic[STATE_VERSION] = {0x89, 'M', 'B', 'S', 'T', '\r', '\n', 0x1a};

/* The learnt block of the arena is written as it lies there, so mb_learnt is part of the format. */
typedef char mb_learnt_is_as_the_format_says
    [offsetof(mb_learnt, rng) == 0 &&
             offsetof(mb_learnt, n_steps) == STATE_N_STEPS - STATE_RANDOM &&
             offsetof(mb_learnt, reserved) == STATE_RESERVED - STATE_RANDOM &&
             sizeof(mb_learnt) == STATE_RUNNING - STATE_RANDOM
         ? 1
         : -1];

static void put(uint8_t *header, uint32_t at, uint32_t value) {
    mb_copy(header + at, &value, sizeof value);
}

static void fill_header(const mb_model *model, uint8_t header[STATE_HEADER_BYTES]) {
    mb_zero(header, STATE_HEADER_BYTES);
    mb_copy(header + STATE_MAGIC, magic, sizeof magic);
    put(header, STATE_VERSION, VERSION);
    put(header, STATE_BYTES, (uint32_t)mb_state_bytes(model));
    put(header, STATE_FILE_CRC, model->identity);
    put(header, STATE_LEARN_LAYERS, model->n_layers - model->first_learning);
    put(header, STATE_BITS, model->state_bits);
    put(header, STATE_BANK, model->bank);
    put(header, STATE_HEAD, model->head_kind);
    put(header, STATE_UNITS,
        model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->n_units : 0);
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
    fill_header(model, header);
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

/* Of all that a head keeps, only its scale could do harm. */
static bool head_is_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n) {
    mb_counters counters;
    uint32_t start = mb_head_of(model)->counters_at - model->learnt_at;
    if (at > start || at + n < start + sizeof counters) {
        return true; /* the counters lie in the first chunk, as a whole */
    }
    mb_copy(&counters, bytes + (start - at), sizeof counters);
    return mb_is_scale(counters.scale) && counters.n_to_solve >= 1;
}

/* First pass: the checksum over everything, and every value that could do harm. */
static int check_image(const mb_model *model, mb_read_fn read, void *context) {
    static const uint32_t no_seed[4] = {0, 0, 0, 0};
    uint8_t chunk[CHUNK_BYTES];
    uint32_t float_start = (uint32_t)sizeof(mb_learnt), float_end = float_start;
    uint32_t crc, expected, at = 0;
    bool sane = true;
    if (model->head_kind == 0) {
        float_end = mb_layers(model)[model->first_learning].levels_at - model->learnt_at;
    }
    if (read(context, 0, chunk, STATE_HEADER_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    crc = mb_crc32(0, chunk, STATE_HEADER_BYTES);
    while (at < model->learnt_bytes) {
        /* Chunks end at the borders of the float region, so that none is half floats. */
        uint32_t border = at < float_start ? float_start
                          : at < float_end ? float_end
                                           : model->learnt_bytes;
        uint32_t n = border - at < CHUNK_BYTES ? border - at : CHUNK_BYTES;
        if (read(context, STATE_HEADER_BYTES + (size_t)at, chunk, n) != 0) {
            return MB_ERR_STORAGE;
        }
        crc = mb_crc32(crc, chunk, n);
        if (at < float_start) { /* the generator must not be all zero: it would stay so */
            sane &= !mb_same(chunk, no_seed, sizeof no_seed);
        } else if (at < float_end) {
            sane &= floats_are_sane(model, at, chunk, n);
        } else if (mb_counts(model)) {
            sane &= head_is_sane(model, at, chunk, n);
        } else if (model->head_kind == MB_HEAD_TRACKING) {
            sane &= mb_tracker_is_sane(model, at, chunk, n);
        }
        at += n;
    }
    if (read(context, STATE_HEADER_BYTES + (size_t)at, &expected, sizeof expected) != 0) {
        return MB_ERR_STORAGE;
    }
    return crc == expected && sane ? MB_OK : MB_ERR_CORRUPT;
}

int mb_state_load(mb_model *model, mb_read_fn read, void *context) {
    uint8_t header[STATE_HEADER_BYTES], ours[STATE_HEADER_BYTES];
    if (model == NULL || read == NULL) {
        return MB_ERR_INPUT;
    }
    if (!learns(model)) {
        return MB_ERR_NO_STATE;
    }
    if (read(context, 0, header, sizeof header) != 0) {
        return MB_ERR_STORAGE;
    }
    fill_header(model, ours);
    if (!mb_same(header, ours, STATE_BYTES)) {
        return MB_ERR_FORMAT;
    }
    if (!mb_same(header, ours, sizeof header)) {
        return MB_ERR_MISMATCH;
    }
    int error = check_image(model, read, context);
    if (error != MB_OK) {
        return error;
    }
    void *learnt = mb_in_arena(model, model->learnt_at);
    if (read(context, STATE_HEADER_BYTES, learnt, model->learnt_bytes) != 0) {
        return MB_ERR_STORAGE;
    }
    mb_refresh(model);
    return MB_OK;
}
