/* state.c: the learnt state as an image of bytes, out and back in.
 *
 * The image is a header, the learnt block as it lies in the arena, and a CRC-32 over both
 * (docs/FORMAT.md). It is hostile input like the blob: it is read once to check it, and only then a
 * second time to use it.
 */
#include "../file/envelope.h"
#include "../rule/likeness.h"
#include "../rule/record.h"
#include "../rule/worth.h"
#include "open.h"
#include "state_check.h"

#define VERSION 2u

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

static void fill_header(const mb_model *model, const mb_image_form *form,
                        uint8_t header[STATE_HEADER_BYTES]) {
    mb_zero(header, STATE_HEADER_BYTES);
    mb_copy(header + STATE_MAGIC, magic, sizeof magic);
    put(header, STATE_VERSION, form->version);
    put(header, STATE_BYTES,
        (uint32_t)STATE_HEADER_BYTES + mb_image_end(model, form) -
            mb_image_lacks(model, form->version) + 4u);
    put(header, STATE_FILE_CRC, model->identity);
    put(header, STATE_LEARN_LAYERS, model->n_layers - model->first_learning);
    put(header, STATE_BITS, model->state_bits);
    put(header, STATE_BANK, model->bank);
    put(header, STATE_HEAD, model->head_kind);
    put(header, STATE_UNITS,
        model->head_kind == MB_HEAD_TRACKING ? mb_tracker_of(model)->n_units : 0);
    put(header, STATE_REPLAY, model->ring_slots);
    put(header, STATE_CONTEXTS, form->n_contexts);
    put(header, STATE_BLOCK_BYTES, form->n_contexts > 0 ? mb_block_bytes(model) : 0);
}

static bool learns(const mb_model *model) { return model != NULL && mb_learns(model); }

/* The image that this model writes. */
static mb_image_form form_of(const mb_model *model) {
    mb_image_form form = {VERSION, mb_has_contexts(model) ? model->n_contexts : 0};
    return form;
}

static uint8_t *learnt_of(const mb_model *model) {
    return (uint8_t *)mb_in_arena(model, mb_has_contexts(model) ? mb_contexts_of(model)->blocks_at
                                                                : model->learnt_at);
}

size_t mb_state_bytes(const mb_model *model) {
    if (!learns(model)) {
        return 0;
    }
    mb_image_form form = form_of(model);
    return STATE_HEADER_BYTES + (size_t)mb_image_end(model, &form) + 4u;
}

int mb_state_save(const mb_model *model, mb_write_fn write, void *context) {
    uint8_t header[STATE_HEADER_BYTES];
    if (model == NULL || write == NULL) {
        return MB_ERR_INPUT;
    }
    if (!learns(model)) {
        return MB_ERR_NO_STATE;
    }
    mb_image_form form = form_of(model);
    const void *learnt = learnt_of(model);
    uint32_t bytes = mb_image_end(model, &form);
    fill_header(model, &form, header);
    uint32_t crc = mb_crc32(0, header, sizeof header);
    crc = mb_crc32(crc, learnt, bytes);
    if (write(context, 0, header, sizeof header) != 0 ||
        write(context, STATE_HEADER_BYTES, learnt, bytes) != 0 ||
        write(context, STATE_HEADER_BYTES + bytes, &crc, sizeof crc) != 0) {
        return MB_ERR_STORAGE;
    }
    return MB_OK;
}

/* What an image of the first version lacks starts anew. */
static void start_lacking(mb_model *model) {
    ((mb_learnt *)mb_in_arena(model, model->learnt_at))->n_learnt = 0;
    mb_start_record(model);
    if (model->head_kind == 0) {
        mb_start_worth(model);
        mb_zero(mb_in_arena(model, model->means_at),
                model->learnt_at + mb_values_start(model) - model->means_at);
    }
}

/* Second pass: into the learnt block of a network alone, or of the first context. */
static int read_alone(mb_model *model, uint32_t version, mb_read_fn read, void *context) {
    uint8_t *learnt = learnt_of(model);
    uint32_t counters = (uint32_t)sizeof(mb_learnt);
    uint32_t from = counters + mb_image_lacks(model, version);
    if (read(context, STATE_HEADER_BYTES, learnt, counters) != 0 ||
        read(context, STATE_HEADER_BYTES + counters, learnt + from, model->learnt_bytes - from) !=
            0) {
        return MB_ERR_STORAGE;
    }
    if (mb_has_contexts(model)) {
        mb_start_router(model);
    }
    if (version == FIRST_VERSION) {
        mb_enter_context(model, 0);
        start_lacking(model);
    }
    return MB_OK;
}

/* Second pass: into the blocks of as many contexts as both the image and the model have, and into
 * the router. Others are not open here and there, and stay as they are in the blob. */
static int read_contexts(mb_model *model, uint32_t n_contexts, mb_read_fn read, void *context) {
    bool has = mb_has_contexts(model);
    uint32_t n = n_contexts < model->n_contexts ? n_contexts : model->n_contexts;
    uint32_t counters = 4u * mb_likeness_counters(model), floats = 4u * mb_likeness_floats(model);
    uint8_t *learnt = learnt_of(model);
    size_t at = STATE_HEADER_BYTES, router = mb_router_bytes(model->n_outputs);
    int failed = read(context, at, learnt, has ? mb_block_bytes(model) * n : model->learnt_bytes);
    if (has) {
        mb_start_router(model);
        uint8_t *to = (uint8_t *)mb_router_of(model);
        at += (size_t)mb_block_bytes(model) * n_contexts;
        failed |= read(context, at, to, router);
        failed |= read(context, at + router, to + router, (size_t)counters * n);
        failed |= read(context, at + router + (size_t)counters * n_contexts,
                       to + router + (size_t)counters * model->n_contexts, (size_t)floats * n);
    }
    return failed != 0 ? MB_ERR_STORAGE : MB_OK;
}

/* Whether all contexts that are open in an image, which is whole, have room. */
static int check_room(const mb_model *model, uint32_t n_contexts, mb_read_fn read, void *context) {
    mb_router router;
    size_t at = STATE_HEADER_BYTES + (size_t)mb_block_bytes(model) * n_contexts;
    if (read(context, at, &router, sizeof router) != 0) {
        return MB_ERR_STORAGE;
    }
    return router.n_open <= model->n_contexts ? MB_OK : MB_ERR_MISMATCH;
}

static int read_learnt(mb_model *model, const mb_image_form *form, mb_read_fn read, void *context) {
    int error = MB_OK;
    model->is_changed = 1;
    if (form->n_contexts == 0) {
        error = read_alone(model, form->version, read, context);
    } else {
        error = check_room(model, form->n_contexts, read, context);
        if (error == MB_OK) {
            error = read_contexts(model, form->n_contexts, read, context);
        }
    }
    if (error == MB_OK) {
        mb_refresh(model);
    }
    return error;
}

/* The checksum of an image that may be another model's. */
static int check_sum(mb_read_fn read, void *context, size_t bytes) {
    uint8_t chunk[STATE_CHUNK_BYTES];
    uint32_t crc = 0, expected;
    size_t end = bytes - sizeof expected;
    for (size_t at = 0; at < end;) {
        size_t n = end - at < STATE_CHUNK_BYTES ? end - at : STATE_CHUNK_BYTES;
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

/* The form of image whose header this is, as far as this model can load it: of contexts, however
 * many there was room for, or of a network alone. But what the image has not must not be open here,
 * because opening is from the blob. */
static mb_image_form form_that_loads(const mb_model *model, const uint8_t *header) {
    mb_image_form form = form_of(model);
    uint32_t version, contexts, n_open = 1;
    mb_copy(&version, header + STATE_VERSION, sizeof version);
    mb_copy(&contexts, header + STATE_CONTEXTS, sizeof contexts);
    if (mb_has_contexts(model)) {
        n_open = mb_router_of(model)->n_open;
    }
    bool may_have = model->head_kind == 0 && model->first_learning == 0 && contexts != 1 &&
                    contexts <= MB_MAX_CONTEXTS &&
                    mb_contexts_bytes(model, contexts) <= UINT32_MAX - STATE_HEADER_BYTES - 4u;
    if (may_have && n_open <= (contexts > 0 ? contexts : 1u)) {
        form.n_contexts = contexts;
    }
    if (version == FIRST_VERSION && form.n_contexts == 0) {
        form.version = FIRST_VERSION;
    }
    return form;
}

/* The checksum is compared before any other field: a damaged field is damage, and not a state of
 * something else. */
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
    size_t bytes = mb_state_image_bytes(header);
    if (bytes < STATE_HEADER_BYTES + sizeof(uint32_t)) {
        return mb_same(header, magic, sizeof magic) ? MB_ERR_CORRUPT : MB_ERR_FORMAT;
    }
    mb_image_form form = form_that_loads(model, header);
    fill_header(model, &form, ours);
    bool is_ours = mb_same(header, ours, sizeof header);
    int error =
        is_ours ? mb_check_image(model, &form, read, context) : check_sum(read, context, bytes);
    if (error != MB_OK) {
        return error;
    }
    if (!mb_same(header, ours, STATE_BYTES)) {
        return MB_ERR_FORMAT;
    }
    return is_ours ? read_learnt(model, &form, read, context) : MB_ERR_MISMATCH;
}
