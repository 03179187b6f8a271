/* subject.h: the model, its samples and the host's answers; linux_program.py writes them. */
#ifndef FW_SUBJECT_H
#define FW_SUBJECT_H

#include "metabit.h"

/* What build.py links into every firmware. */
extern const uint8_t fw_blob[], fw_blob_end[];
extern const mb_options fw_options;
extern uint8_t fw_arena[], fw_arena_end[];
extern int32_t fw_labels[]; /* (batch) */
extern int32_t fw_scores[]; /* (n_outputs) */

typedef struct fw_sizes {
    uint32_t n_samples;
    uint32_t n_inputs; /* bytes of a sample */
    uint32_t n_outputs;
    uint32_t batch;        /* samples of a learning step */
    uint32_t learns;       /* 1 if anything does */
    uint32_t warm_up;      /* steps before the timed ones */
    uint32_t window_steps; /* steps that are timed together, after the warm-up */
    uint32_t state_bytes;
} fw_sizes;

extern const fw_sizes fw_subject;
extern const char fw_about[];      /* fields of JSON that say which model this is */
extern const uint8_t fw_samples[]; /* (n_samples, n_inputs) */
extern const int32_t fw_truths[];  /* (n_samples) */

/* What the host computed: scores as exported (n_samples, n_outputs); then what it predicted before
 * each step ((warm_up + window_steps) * batch), and its state after them (state_bytes). */
extern const int32_t fw_host_scores[];
extern const int32_t fw_host_learnt[];
extern const uint8_t fw_host_state[];

#endif /* FW_SUBJECT_H */
