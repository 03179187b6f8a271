/* frame.c: a frame is a body and its CRC-32, in COBS, between zeros.
 *
 * COBS (consistent overhead byte stuffing, Cheshire and Baker 1999) writes bytes without any zero:
 * each stretch of up to 254 bytes that are not zero follows a number, its length plus one, and
 * stands for a zero after it too, unless the number is 255 or the frame ends. So a zero always is
 * the end of a frame, and a receiver that has lost track finds the next one.
 */
#include "frame.h"

#include "../file/envelope.h"
#include "protocol.h"

#define LONGEST 0xffu

/* Where the decoder stands in a frame. */
typedef struct decoder {
    size_t bytes;  /* decoded until now */
    uint32_t left; /* of the stretch */
    uint32_t code; /* of the stretch; LONGEST where no zero follows it */
    bool fits;
} decoder;

static void put(const mb_link *link, decoder *d, uint8_t byte) {
    if (d->bytes < link->frame_bytes) {
        link->request[d->bytes++] = byte;
    } else {
        d->fits = false;
    }
}

static void decode(const mb_link *link, decoder *d, uint8_t byte) {
    if (d->left > 0) {
        d->left--;
        put(link, d, byte);
        return;
    }
    if (d->code != LONGEST) {
        put(link, d, 0);
    }
    d->code = byte;
    d->left = byte - 1u;
}

static bool is_whole(const mb_link *link, const decoder *d) {
    if (!d->fits || d->left > 0 || d->bytes < FRAME_PAYLOAD + FRAME_CRC_BYTES) {
        return false;
    }
    size_t bytes = d->bytes - FRAME_CRC_BYTES;
    return mb_crc32(0, link->request, bytes) == u32(link->request, (uint32_t)bytes);
}

size_t mb_frame_receive(mb_link *link) {
    for (;;) {
        decoder d = {0, 0, LONGEST, true};
        bool is_empty = true;
        int byte;
        while ((byte = link->port->receive(link->port->context)) > 0) {
            decode(link, &d, (uint8_t)byte);
            is_empty = false;
        }
        if (byte < 0) {
            return 0;
        }
        if (is_whole(link, &d)) {
            return d.bytes - FRAME_CRC_BYTES;
        }
        link->n_damaged += !is_empty;
    }
}

void mb_frame_send(const mb_link *link, uint8_t *body, size_t bytes) {
    const mb_link_port *port = link->port;
    uint32_t crc = mb_crc32(0, body, bytes);
    mb_copy(body + bytes, &crc, sizeof crc);
    size_t end = bytes + FRAME_CRC_BYTES;
    uint8_t code = 0; /* a zero first: what noise has left on the line is a frame of its own */
    port->send(port->context, &code, 1);
    for (size_t at = 0; at <= end;) {
        size_t stretch = 0;
        while (at + stretch < end && body[at + stretch] != 0 && stretch < LONGEST - 1u) {
            stretch++;
        }
        code = (uint8_t)(stretch + 1u);
        port->send(port->context, &code, 1);
        port->send(port->context, body + at, stretch);
        at += stretch + (code != LONGEST); /* the zero that the stretch stands for */
        if (code == LONGEST && at == end) {
            break;
        }
    }
    code = 0;
    port->send(port->context, &code, 1);
}
