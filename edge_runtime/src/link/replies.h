/* replies.h: what goes into the payload of a reply. */
#ifndef MB_REPLIES_H
#define MB_REPLIES_H

#include "metabit_link.h"

uint8_t *mb_payload(const mb_link *link);

/* Bytes that the payload of a reply may have. */
size_t mb_most_bytes(const mb_link *link);

void mb_put(const mb_link *link, uint32_t at, uint32_t value);
void mb_put_long(const mb_link *link, uint32_t at, uint64_t value);

/* The port's counter; 0 where it has none. */
uint64_t mb_cycles(const mb_link *link);

/* Predict n samples, and put labels, scores and cycles. Returns a result. */
int mb_reply_predicted(mb_link *link, const void *samples, size_t n);

/* The session, and how many of its samples are learnt. */
void mb_put_learnt(mb_link *link);

/* Learn n samples if they are those that come next, and put labels and cycles. Returns a result.
 *   asked  payload of the request, which begins with the session and the number of the first one */
int mb_reply_learnt(mb_link *link, const uint8_t *asked, const void *samples, const int32_t *truth,
                    size_t n);

#endif /* MB_REPLIES_H */
