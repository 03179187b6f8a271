/* requests.c: a client names itself by a number drawn at random, and counts its requests.
 *
 * A request that comes a second time, because the line repeated it or because the host has not seen
 * the reply, is answered with the reply that is still in the buffer. An older one, which has
 * wandered, is dropped: its client has the reply already. After a reset the device knows no client;
 * whoever does not say hello is told so, and learns from the reply to hello what the device still
 * knows.
 */
#include "requests.h"

#include "../file/envelope.h"
#include "frame.h"

/* What a client that has not said hello gets; the reply to another one stays as it is. */
static void refuse(const mb_link *link) {
    uint8_t body[FRAME_PAYLOAD + FRAME_CRC_BYTES];
    mb_copy(body, link->request, FRAME_PAYLOAD);
    body[FRAME_KIND] |= REPLY;
    body[FRAME_RESULT] = LINK_STRANGER;
    mb_frame_send(link, body, FRAME_PAYLOAD);
}

static void send_reply(const mb_link *link) {
    mb_frame_send(link, link->reply, FRAME_PAYLOAD + link->reply_bytes);
}

bool mb_request_next(mb_link *link) {
    if (link->is_waiting) {
        link->is_waiting = 0;
        return true;
    }
    for (;;) {
        size_t bytes = mb_frame_receive(link);
        if (bytes == 0) {
            return false;
        }
        uint32_t client = u32(link->request, FRAME_CLIENT);
        uint32_t sequence = u32(link->request, FRAME_SEQUENCE);
        bool is_known = client == link->client;
        if (link->request[FRAME_KIND] & REPLY) {
            continue; /* its own words, from a line that echoes */
        }
        if (!is_known && link->request[FRAME_KIND] != REQUEST_HELLO) {
            refuse(link);
        } else if (is_known && sequence == link->sequence && link->has_reply) {
            send_reply(link);
        } else if (!is_known || (int32_t)(sequence - link->sequence) > 0) {
            link->client = client;
            link->sequence = sequence;
            link->request_bytes = bytes - FRAME_PAYLOAD;
            link->reply_bytes = 0;
            link->has_reply = 0;
            return true;
        }
    }
}

void mb_request_reply(mb_link *link, int result) {
    mb_copy(link->reply, link->request, FRAME_PAYLOAD);
    link->reply[FRAME_KIND] |= REPLY;
    link->reply[FRAME_RESULT] = (uint8_t)result;
    link->has_reply = 1;
    send_reply(link);
}
