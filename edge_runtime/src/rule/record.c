/* record.c: fading shares of right answers, and the test for drift. */
#include "record.h"

#include "../arith.h"

#define ONE (1 << MB_RECORD_BITS)
#define RIGHT_SLOWEST 9u
#define WRONG_SLOWEST 10u
#define RECALL_SHIFT 5u
#define TOLERATED (ONE / 32) /* errors above their mean that are no drift yet */

void mb_start_record(const mb_model *model) {
    mb_zero(mb_record_of(model), mb_record_bytes(model->n_outputs));
    for (uint32_t j = 0; j < model->n_outputs; j++) {
        mb_recalls(model)[j] = MB_NEVER_SEEN;
    }
}

/* One more of a number that stops at its end. */
static void count(uint32_t *n) { *n += *n < UINT32_MAX; }

static void follow(uint32_t *share, bool yes, uint32_t shift) {
    *share = (uint32_t)mb_fade((int32_t)*share, yes ? ONE : 0, shift);
}

static void test_for_drift(mb_record *record, bool is_right) {
    count(&record->n_since);
    follow(&record->wrong, !is_right, mb_fade_shift(record->n_since, WRONG_SLOWEST));
    int32_t excess = (is_right ? 0 : ONE) - (int32_t)record->wrong - TOLERATED;
    int32_t sum = (int32_t)record->excess + excess;
    record->excess = sum > 0 ? (uint32_t)sum : 0;
    if (record->excess > MB_DRIFT_LIMIT) {
        count(&record->n_drifts);
        record->n_since = 0;
        record->excess = 0;
    }
}

void mb_judge(const mb_model *model, uint32_t label, uint32_t predicted) {
    mb_record *record = mb_record_of(model);
    uint16_t *recall = mb_recalls(model) + label;
    bool is_right = predicted == label;
    count(&record->n_judged);
    follow(&record->right, is_right, mb_fade_shift(record->n_judged, RIGHT_SLOWEST));
    if (*recall == MB_NEVER_SEEN) {
        *recall = is_right ? MB_NEVER_SEEN - 1u : 0;
    } else {
        uint32_t kept = *recall - ((uint32_t)*recall >> RECALL_SHIFT);
        *recall = (uint16_t)(kept + (is_right ? MB_NEVER_SEEN >> RECALL_SHIFT : 0));
    }
    test_for_drift(record, is_right);
}

bool mb_record_is_sane(const mb_record *record) {
    return record->right <= (uint32_t)ONE && record->wrong <= (uint32_t)ONE &&
           record->excess <= MB_DRIFT_LIMIT;
}
