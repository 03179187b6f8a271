/* pieces.c: state images are longer than a frame, and than the memory that a device has left. */
#include "pieces.h"

#include "../file/envelope.h"
#include "requests.h"

/* ---- out ------------------------------------------------------------------------------------- */

/* The part of the image that is wanted. */
typedef struct part {
    size_t offset, bytes;
    uint8_t *to;
} part;

/* The image is written from its beginning each time, and what is not wanted falls aside. So no
 * piece depends on the one before it, and a reset between two does no harm. */
static int write_part(void *context, size_t offset, const void *data, size_t bytes) {
    const part *p = (const part *)context;
    const uint8_t *from = (const uint8_t *)data;
    for (size_t i = 0; i < bytes; i++) {
        size_t at = offset + i - p->offset; /* wraps around before the part */
        if (at < p->bytes) {
            p->to[at] = from[i];
        }
    }
    return 0;
}

int mb_piece_out(const mb_link *link, size_t offset, void *to, size_t bytes) {
    part p = {offset, bytes, (uint8_t *)to};
    return mb_state_save(link->model, write_part, &p);
}

/* ---- in -------------------------------------------------------------------------------------- */

/* An image that comes in. It is read to its end to be checked, and then again to be used. */
typedef struct arrival {
    mb_link *link;
    size_t bytes;
    bool is_checked, is_used, has_stopped;
} arrival;

/* Ask for a piece, and wait for it. */
static bool fetch(mb_link *link, size_t offset, uint8_t *to, uint32_t bytes) {
    uint32_t at = (uint32_t)offset;
    mb_copy(link->reply + FRAME_PAYLOAD + PIECE_OFFSET, &at, 4);
    mb_copy(link->reply + FRAME_PAYLOAD + PIECE_BYTES, &bytes, 4);
    link->reply_bytes = PIECE_WANTED_BYTES;
    mb_request_reply(link, MB_OK);
    if (!mb_request_next(link)) {
        return false;
    }
    const uint8_t *payload = link->request + FRAME_PAYLOAD;
    if (link->request[FRAME_KIND] != REQUEST_PIECE ||
        link->request_bytes != (size_t)PIECE_DATA + bytes || u32(payload, PIECE_OFFSET) != at) {
        link->is_waiting = 1;
        return false;
    }
    mb_copy(to, payload + PIECE_DATA, bytes);
    return true;
}

static int read_pieces(void *context, size_t offset, void *data, size_t bytes) {
    arrival *a = (arrival *)context;
    size_t most = a->link->frame_bytes - FRAME_PAYLOAD - PIECE_DATA - FRAME_CRC_BYTES;
    if (offset > a->bytes || bytes > a->bytes - offset) {
        return 1;
    }
    bool again = a->is_checked;
    a->is_checked |= offset + bytes == a->bytes;
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < most ? bytes - done : most;
        if (!fetch(a->link, offset + done, (uint8_t *)data + done, (uint32_t)n)) {
            a->has_stopped = true;
            return 1;
        }
        a->is_used |= again;
        done += n;
    }
    return 0;
}

int mb_pieces_in(mb_link *link, size_t bytes, bool *is_mixed) {
    arrival a = {link, bytes, false, false, false};
    int error = mb_state_load(link->model, read_pieces, &a);
    *is_mixed = a.is_used && error != MB_OK;
    return a.has_stopped ? 1 : error;
}
