/* record.h: how well samples were predicted before they were learnt, and whether that has become
 * worse: part of the learnt state, of layers and of heads.
 *
 * The test for drift is Page's and Hinkley's (Page 1954, "Continuous inspection schemes",
 * Biometrika 41), on wrong answers: what they exceed their running mean by, and by 1/32, is summed
 * up, never below 0. Where the sum exceeds 50, the errors have risen. The test then starts anew.
 */
#ifndef MB_RECORD_H
#define MB_RECORD_H

#include "../internal.h"

#define MB_RECORD_BITS 24u /* of shares, after the point */
#define MB_DRIFT_LIMIT (50u << MB_RECORD_BITS)
#define MB_DRIFTING_FOR 512u /* samples for which a drift is reported */
#define MB_NEVER_SEEN 65535u /* recall of a class of which no sample has come */

typedef struct mb_record {
    uint32_t n_judged; /* samples; stops at the largest number */
    uint32_t right;    /* share of right answers, of the last 512 samples or so */
    uint32_t n_since;  /* samples since the test for drift started; stops at the largest number */
    uint32_t wrong;    /* share of wrong answers since then, of the last 1,024 or so */
    uint32_t excess;   /* sum of the test */
    uint32_t n_drifts; /* stops at the largest number */
    /* Then uint16 per class: share of right answers among the last 32 samples or so of the class,
     * in 1/65536. */
} mb_record;

/* Bytes of the record of a model with these classes. */
static inline uint32_t mb_record_bytes(uint32_t n_classes) {
    return (uint32_t)sizeof(mb_record) + 4u * mb_words(16u * n_classes);
}

static inline mb_record *mb_record_of(const mb_model *model) {
    return (mb_record *)mb_in_arena(model, model->record_at);
}

/* (n_outputs) */
static inline uint16_t *mb_recalls(const mb_model *model) {
    return (uint16_t *)(void *)(mb_record_of(model) + 1);
}

/* Start: no sample has come. */
void mb_start_record(const mb_model *model);

/* Judge an answer. */
void mb_judge(const mb_model *model, uint32_t label, uint32_t predicted);

/* Whether a record that was read could have been written. */
bool mb_record_is_sane(const mb_record *record);

#endif /* MB_RECORD_H */
