/* metabit_journal.h: keep what a model learns in bare flash, as the samples that it learns.
 * Learning gives the same bits whenever it is done, so a whole state and the samples after it are
 * the next state: a commit writes the samples that came since the last one, which are shorter than
 * a state, and whoever starts learns them again.
 *
 *     static mb_flash flash = {...};                        // as in metabit_flash.h
 *     static uint64_t step[(MB_JOURNAL_STEP_BYTES(N_INPUTS, 1) + 7u) / 8u];
 *     static mb_journal journal = {
 *         .flash = &flash, .most_again = MB_JOURNAL_MOST_AGAIN,
 *         .step = step, .step_bytes = sizeof step,
 *     };
 *
 *     mb_open(&model, ...);
 *     mb_flash_start(&flash);
 *     mb_journal_start(&journal, model);                    // loads, and learns again
 *     mb_journal_learn(&journal, sample, &truth, 1, NULL);  // in place of mb_learn()
 *     mb_journal_commit(&journal);
 *
 * A power cut at any moment leaves the commit before or the new one, as mb_flash does alone.
 *
 * A whole state is written where samples would not do, or not pay: at first; where the slot is
 * full; where a start would have more than `most_again` samples to learn; where the samples of a
 * commit take more than half of a state; and where something else than mb_journal_learn() has
 * changed the model: mb_learn(), mb_observe(), mb_state_load(). With the samples lies the checksum
 * of the state that they lead to. A start that comes to another one, because a newer firmware
 * learns otherwise or has other options, says so and does not continue with it.
 *
 * Samples lie in flash as they came in, and can be read there by whoever can read the flash.
 */
#ifndef METABIT_JOURNAL_H
#define METABIT_JOURNAL_H

#include "metabit.h"
#include "metabit_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A default for mb_journal.most_again. */
#define MB_JOURNAL_MOST_AGAIN 256u

/* Bytes of mb_journal.step; batch is mb_options.batch, at least 1. */
#define MB_JOURNAL_STEP_BYTES(n_inputs, batch) ((batch) * ((n_inputs) + 4u))

/* A model and the flash that keeps what it learns. Fill in what comes first, leave the rest
 * alone. */
typedef struct mb_journal {
    mb_flash *flash; /* which mb_flash_start() has started */
    /* The most samples that a start learns again. A sample takes what mb_learn() takes; commits
     * write less, the more samples there are. 0: whole states only. */
    uint32_t most_again;
    /* Scratch of a start: MB_JOURNAL_STEP_BYTES, begins at a multiple of MB_ALIGNMENT. */
    void *step;
    size_t step_bytes;
    /* Kept with each commit, and found by a start: a number of the caller's own, and how many
     * samples were learnt under it. mb_journal_learn() counts; set both to begin another
     * session. */
    uint64_t session;
    uint32_t n_learnt;

    uint32_t n_again;      /* samples that a start would learn again, */
    uint32_t n_coming;     /* and those that came after the last commit */
    uint64_t kept_session; /* of the last commit */
    mb_model *model;
    uint8_t needs_record; /* the next commit writes a whole state */
    uint8_t passes_over;  /* the next start leaves the samples in flash alone */
} mb_journal;

/* Load what was kept last into a model that has just been opened: the whole state, and then learn
 * the samples after it again. Returns 1; 0 if nothing was kept; or an error, and then the model
 * must be opened again.
 * Errors: as mb_state_load(); MB_ERR_INPUT (NULL, scratch that is misaligned or too small);
 * MB_ERR_MISMATCH, MB_ERR_CORRUPT also where the samples do not lead to the state that they led to,
 * or are none of this model. mb_journal.passes_over is then 1: open the model again, and the next
 * call loads the whole state alone, and n_learnt is of that. */
MB_API int mb_journal_start(mb_journal *journal, mb_model *model);

/* Learn as mb_learn(), and write the samples down for the next commit. Where flash fails, the next
 * commit writes a whole state instead.
 * Errors: as mb_learn(); MB_ERR_INPUT (the journal is NULL or was not started). */
MB_API int mb_journal_learn(mb_journal *journal, const void *samples, const int32_t *labels,
                            size_t n, int32_t *predicted);

/* Keep what was learnt. Writes nothing where nothing has changed since the last commit. After an
 * error what was kept before is still there, and the next commit writes a whole state.
 * Errors: MB_ERR_INPUT (NULL, or not started), MB_ERR_NO_STATE (nothing learns), MB_ERR_STORAGE. */
MB_API int mb_journal_commit(mb_journal *journal);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_JOURNAL_H */
