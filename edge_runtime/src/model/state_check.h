/* state_check.h: a state image that may be anybody's, checked before it is used. */
#ifndef MB_STATE_CHECK_H
#define MB_STATE_CHECK_H

#include "../file/offsets.h"
#include "../rule/contexts.h"

#define FIRST_VERSION 1u /* has counters and values, and nothing between them */
#define STATE_HEADER_BYTES ((size_t)STATE_RANDOM)
#define STATE_CHUNK_BYTES 256u /* that are read at once */

/* What an image holds. */
typedef struct mb_image_form {
    uint32_t version;
    uint32_t n_contexts; /* whose blocks and router it holds; 0: one learnt block alone */
} mb_image_form;

/* Where values begin in the learnt block: what a head counts, or running values of layers. */
uint32_t mb_values_start(const mb_model *model);

/* Bytes of the learnt block that an image of this version lacks: those between counters and
 * values. */
uint32_t mb_image_lacks(const mb_model *model, uint32_t version);

/* Bytes of what is learnt, without what an image of the first version lacks. */
uint32_t mb_image_end(const mb_model *model, const mb_image_form *form);

/* Read an image whose header is right: compare its checksum, and check every value that could do
 * harm. */
int mb_check_image(const mb_model *model, const mb_image_form *form, mb_read_fn read,
                   void *context);

#endif /* MB_STATE_CHECK_H */
