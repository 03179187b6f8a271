/* link.c: libFuzzer's entry for what a host says to a device. An input is a model file, as in
 * state.c, and requests: the kind, choices, the length of the payload (2 bytes), and the payload.
 * Whatever a host says, the device answers within its memory, and what it keeps loads again; where
 * it keeps samples, in every second talk, they lead to the state that they led to. */
#include "exercise.h"
#include "in_flash.h"
#include "repair.h"

#include "../../../edge_runtime/src/file/envelope.h"
#include "../../../edge_runtime/src/link/protocol.h"

#include "metabit_link.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_AT 8u
#define REQUEST_HEADER 4u
#define MOST_PAYLOAD 1024u
#define MOST_REQUESTS 24u
#define MOST_BYTES 1536u /* of all requests: a longer talk takes longer, and says nothing new */
#define CLIENT 7u

/* Choices of a request. */
enum {
    IS_DAMAGED = 1,   /* its checksum is wrong */
    IS_REPEATED = 2,  /* it has the number of the one before */
    IS_STRANGE = 4,   /* another client's */
    AFTER_RESET = 8,  /* the device starts again before it */
    IS_HONEST = 16,   /* its pieces are of a state that the model has learnt */
    IS_RAW = 32,      /* the payload goes over the line as it is */
    KEEPS_FAIL = 64,  /* storage refuses from now on, or takes again */
    LEARNS_NEXT = 128 /* session and number are those that the device waits for */
};

/* A host, its line to the device, and what the device keeps. */
typedef struct host {
    mb_link link;
    const uint8_t *requests;
    size_t n_requests_bytes, at;
    uint8_t line[MOST_PAYLOAD + 64u];
    size_t line_bytes, sent;
    const uint8_t *learnt; /* an image */
    size_t learnt_bytes;
    uint8_t *kept, *coming;
    size_t kept_bytes, coming_bytes;
    in_flash in_flash;
    uint32_t sequence, n_requests;
    bool is_honest, keeps_fail, resets;
} host;

/* Put a frame on the line: COBS with stretches of what is not zero. */
static void put_frame(host *h, const uint8_t *body, size_t bytes) {
    size_t code_at = h->line_bytes++;
    uint8_t code = 1;
    for (size_t i = 0; i < bytes; i++) {
        if (body[i] != 0) {
            h->line[h->line_bytes++] = body[i];
            code++;
        }
        if (body[i] == 0 || code == 0xffu) {
            h->line[code_at] = code;
            code = 1;
            code_at = h->line_bytes++;
        }
    }
    h->line[code_at] = code;
    h->line[h->line_bytes++] = 0;
}

static void put_request(host *h, uint8_t kind, uint8_t choices, const uint8_t *data, size_t n) {
    uint8_t body[FRAME_PAYLOAD + MOST_PAYLOAD + FRAME_CRC_BYTES] = {0};
    h->sequence += (choices & IS_REPEATED) == 0;
    put_word(body, FRAME_CLIENT, (choices & IS_STRANGE) != 0 ? CLIENT + 1u : CLIENT);
    put_word(body, FRAME_SEQUENCE, h->sequence);
    body[FRAME_KIND] = kind;
    memcpy(body + FRAME_PAYLOAD, data, n);
    if ((choices & LEARNS_NEXT) != 0 && n >= LEARN_TRUTH) {
        memcpy(body + FRAME_PAYLOAD + LEARN_SESSION, &h->link.session, 8);
        put_word(body, FRAME_PAYLOAD + LEARN_NUMBER, h->link.n_learnt);
    }
    size_t end = FRAME_PAYLOAD + n;
    put_word(body, end, mb_crc32(0, body, end) ^ ((choices & IS_DAMAGED) != 0));
    put_frame(h, body, end + FRAME_CRC_BYTES);
}

/* The device waits for a piece: give it one. False where it does not. */
static bool answer_honestly(host *h) {
    uint8_t piece[PIECE_DATA + MOST_PAYLOAD];
    const uint8_t *wanted = h->link.reply + FRAME_PAYLOAD;
    uint8_t kind = h->link.reply[FRAME_KIND];
    if (!h->is_honest || h->link.reply_bytes != PIECE_WANTED_BYTES ||
        (kind != (REQUEST_STATE_IN | REPLY) && kind != (REQUEST_PIECE | REPLY))) {
        return false;
    }
    size_t offset = word_at(wanted, PIECE_OFFSET), n = word_at(wanted, PIECE_BYTES);
    if (n == 0 || n > MOST_PAYLOAD - PIECE_DATA) {
        return false;
    }
    PROMISE(offset <= h->learnt_bytes && n <= h->learnt_bytes - offset);
    put_word(piece, PIECE_OFFSET, (uint32_t)offset);
    memcpy(piece + PIECE_DATA, h->learnt + offset, n);
    put_request(h, REQUEST_PIECE, 0, piece, PIECE_DATA + n);
    return true;
}

/* Put the next request on the line. False at the end, and before a reset. */
static bool next_request(host *h) {
    const uint8_t *r = h->requests + h->at;
    size_t left = h->n_requests_bytes - h->at;
    if (left < REQUEST_HEADER || h->n_requests == MOST_REQUESTS) {
        return false;
    }
    size_t n = (r[2] | (size_t)r[3] << 8) % (MOST_PAYLOAD + 1u);
    n = n < left - REQUEST_HEADER ? n : left - REQUEST_HEADER;
    uint8_t kind = r[0], choices = r[1];
    if ((choices & AFTER_RESET) != 0 && !h->resets) {
        h->resets = true;
        return false;
    }
    h->resets = false;
    h->n_requests++;
    h->at += REQUEST_HEADER + n;
    h->keeps_fail ^= (choices & KEEPS_FAIL) != 0;
    h->in_flash.fails = h->keeps_fail;
    if ((choices & IS_RAW) != 0) {
        memcpy(h->line, r + REQUEST_HEADER, n);
        h->line_bytes = n;
        return true;
    }
    h->is_honest = (choices & IS_HONEST) != 0 && kind == REQUEST_STATE_IN && h->learnt != NULL;
    if (h->is_honest) {
        uint8_t bytes[4];
        put_word(bytes, 0, (uint32_t)h->learnt_bytes);
        put_request(h, kind, 0, bytes, 4);
    } else {
        put_request(h, kind, choices, r + REQUEST_HEADER, n);
    }
    return true;
}

static int receive(void *context) {
    host *h = (host *)context;
    while (h->sent == h->line_bytes) {
        h->sent = h->line_bytes = 0;
        if (!answer_honestly(h) && !next_request(h)) {
            return -1;
        }
    }
    return h->line[h->sent++];
}

static void send(void *context, const void *data, size_t bytes) {
    const volatile uint8_t *from = (const volatile uint8_t *)data;
    (void)context;
    for (size_t i = 0; i < bytes; i++) {
        (void)from[i]; /* the sanitizer looks */
    }
}

/* ---- storage --------------------------------------------------------------------------------- */

static int keep_start(void *context, size_t bytes) {
    host *h = (host *)context;
    free(h->coming);
    h->coming = (uint8_t *)malloc(bytes);
    h->coming_bytes = bytes;
    return h->keeps_fail || h->coming == NULL;
}

static int keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    const host *h = (const host *)context;
    PROMISE(offset <= h->coming_bytes && bytes <= h->coming_bytes - offset);
    memcpy(h->coming + offset, data, bytes);
    return 0;
}

static int keep_end(void *context) {
    host *h = (host *)context;
    free(h->kept);
    h->kept = h->coming;
    h->kept_bytes = h->coming_bytes;
    h->coming = NULL;
    return 0;
}

static size_t kept_bytes(void *context) { return ((const host *)context)->kept_bytes; }

static int kept_read(void *context, size_t offset, void *data, size_t bytes) {
    const host *h = (const host *)context;
    if (offset > h->kept_bytes || bytes > h->kept_bytes - offset) {
        return -1;
    }
    memcpy(data, h->kept + offset, bytes);
    return 0;
}

/* ---- devices --------------------------------------------------------------------------------- */

#define MOST_DEVICES 512u

/* A device before anybody speaks to it. It hangs on the file and its options alone, and the mutator
 * changes neither, so that opening a model and letting it learn is done once for many inputs. */
typedef struct device {
    uint8_t *blob; /* aligned, as the core wants it; NULL: this place is free */
    size_t blob_bytes;
    uint32_t choice;
    opened opened;   /* closed again; of no bytes where no such model opens */
    uint8_t *learnt; /* an image of what it learns alone */
    size_t learnt_bytes;
} device;

static void make_device(device *d, const uint8_t *blob, size_t bytes, uint32_t choice) {
    free(d->blob);
    free(d->learnt);
    memset(d, 0, sizeof *d);
    d->blob = (uint8_t *)malloc(bytes);
    d->blob_bytes = bytes;
    d->choice = choice;
    PROMISE(d->blob != NULL);
    memcpy(d->blob, blob, bytes);
    d->opened = open_model(d->blob, bytes, choice | 1u); /* no closer look */
    if (d->opened.model != NULL) {
        use_model(&d->opened, 3);
        d->learnt = state_of(&d->opened, &d->learnt_bytes);
        close_model(&d->opened);
    }
}

/* The device of a file and options; a new device takes the place of the oldest. */
static const device *device_of(const uint8_t *blob, size_t bytes, uint32_t choice) {
    static device devices[MOST_DEVICES];
    static size_t oldest;
    for (size_t i = 0; i < MOST_DEVICES; i++) {
        const device *d = &devices[i];
        if (d->blob != NULL && d->choice == choice && d->blob_bytes == bytes &&
            memcmp(d->blob, blob, bytes) == 0) {
            return d;
        }
    }
    device *made = &devices[oldest];
    oldest = (oldest + 1u) % MOST_DEVICES;
    make_device(made, blob, bytes, choice);
    return made;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Serve until nothing is left to ask. A device that is reset has what it kept, and no error; when
 * all is said, its model still works, which is looked at closer after one talk in four. */
static void converse(host *h, opened *o) {
    const mb_link_port port = {receive,  send,       NULL,      keep_start, keep_write,
                               keep_end, kept_bytes, kept_read, h};
    size_t half = MOST_PAYLOAD / 2u, bytes = 2u * half;
    uint8_t *buffer = (uint8_t *)malloc(bytes);
    PROMISE(buffer != NULL);
    h->link.port = &port;
    h->link.buffer = buffer;
    h->link.buffer_bytes = bytes;
    h->link.frames = mb_link_frames;
    do {
        size_t kept_bytes = h->kept_bytes;
        if (h->in_flash.cells != NULL) {
            begin_in_flash(&h->in_flash, &h->link);
            kept_bytes = mb_flash_kept_bytes(&h->in_flash.flash);
        }
        PROMISE(mb_link_start(&h->link) == MB_OK);
        PROMISE(h->link.restored == (kept_bytes > 0));
        mb_link_serve(&h->link);
        PROMISE(h->link.restored == 0 || h->link.restored == 1);
        PROMISE(h->link.model != NULL);
    } while (h->resets);
    o->model = h->link.model;
    if (h->n_requests_bytes % 4u == 0) {
        use_model(o, 1);
    }
    free(buffer);
}

/* Requests alone change; the file and its options have a fuzzer of their own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    size_t at = size < REQUESTS_AT ? 0 : REQUESTS_AT + (size_t)word_at(data, 0);
    if (at <= REQUESTS_AT || at > size) {
        return size;
    }
    if (seed % 64u == 1u) {
        put_word(data, 4, seed);
    }
    size_t most = max_size - at < MOST_BYTES ? max_size - at : MOST_BYTES;
    return at + LLVMFuzzerMutate(data + at, size - at < most ? size - at : most, most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t at = size < REQUESTS_AT ? 0 : REQUESTS_AT + (size_t)word_at(data, 0);
    if (at <= REQUESTS_AT || at > size) {
        return 0;
    }
    const device *d = device_of(data + REQUESTS_AT, at - REQUESTS_AT, word_at(data, 4));
    if (d->opened.arena_bytes > 0) {
        static host h;
        opened o = d->opened;
        o.arena = malloc(o.arena_bytes);
        PROMISE(o.arena != NULL);
        memset(&h, 0, sizeof h);
        h.learnt = d->learnt;
        h.learnt_bytes = d->learnt_bytes;
        h.link.blob = d->blob;
        h.link.blob_bytes = d->blob_bytes;
        h.link.options = &o.options;
        h.link.arena = o.arena;
        h.link.arena_bytes = o.arena_bytes;
        h.requests = data + at;
        h.n_requests_bytes = size - at;
        if (h.n_requests_bytes % 2u == 1u) {
            opened room = open_again(&d->opened, d->blob, d->blob_bytes);
            make_flash(&h.in_flash, &room, (uint32_t)(h.n_requests_bytes / 2u % 32u));
            close_model(&room);
        }
        converse(&h, &o);
        free_flash(&h.in_flash);
        close_model(&o);
        free(h.kept);
        free(h.coming);
    }
    return 0;
}
