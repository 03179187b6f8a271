/* replies.c: see replies.h. */
#include "replies.h"

#include "../file/envelope.h"
#include "../internal.h"
#include "protocol.h"

uint8_t *mb_payload(const mb_link *link) { return link->reply + FRAME_PAYLOAD; }

size_t mb_most_bytes(const mb_link *link) {
    return link->frame_bytes - FRAME_PAYLOAD - FRAME_CRC_BYTES;
}

void mb_put(const mb_link *link, uint32_t at, uint32_t value) {
    mb_copy(mb_payload(link) + at, &value, sizeof value);
}

void mb_put_long(const mb_link *link, uint32_t at, uint64_t value) {
    mb_copy(mb_payload(link) + at, &value, sizeof value);
}

uint64_t mb_cycles(const mb_link *link) {
    return link->port->cycles == NULL ? 0 : link->port->cycles(link->port->context);
}

int mb_reply_predicted(mb_link *link, const void *samples, size_t n) {
    size_t per_reply = 4u * (1u + (size_t)link->info.n_outputs);
    if (n > (mb_most_bytes(link) - PREDICTED_LABELS) / per_reply) {
        return LINK_BAD_REQUEST;
    }
    int32_t *labels = (int32_t *)(void *)(mb_payload(link) + PREDICTED_LABELS);
    uint64_t before = mb_cycles(link);
    int result = mb_predict(link->model, samples, n, labels, labels + n);
    mb_put_long(link, PREDICTED_CYCLES, mb_cycles(link) - before);
    link->reply_bytes = PREDICTED_LABELS + n * per_reply;
    return result;
}

void mb_put_learnt(mb_link *link) {
    mb_put_long(link, LEARNT_SESSION, link->session);
    mb_put(link, LEARNT_N, link->n_learnt);
    link->reply_bytes = LEARNT_BYTES;
}

int mb_reply_learnt(mb_link *link, const uint8_t *asked, const void *samples, const int32_t *truth,
                    size_t n) {
    if (n > (mb_most_bytes(link) - LEARNT_LABELS) / 4u) {
        return LINK_BAD_REQUEST;
    }
    mb_put_learnt(link);
    if (!mb_same(asked + LEARN_SESSION, &link->session, 8) || link->session == 0 ||
        u32(asked, LEARN_NUMBER) != link->n_learnt) {
        return LINK_OTHER_SAMPLE;
    }
    int32_t *predicted = (int32_t *)(void *)(mb_payload(link) + LEARNT_LABELS);
    uint64_t before = mb_cycles(link);
    int result = link->keeper != NULL ? link->keeper->learn(link, samples, truth, n, predicted)
                                      : mb_learn(link->model, samples, truth, n, predicted);
    if (result != MB_OK) {
        return result;
    }
    link->n_learnt += (uint32_t)n;
    link->is_unkept = 1;
    mb_put_learnt(link);
    mb_put_long(link, LEARNT_CYCLES, mb_cycles(link) - before);
    link->reply_bytes = LEARNT_LABELS + 4u * n;
    return MB_OK;
}
