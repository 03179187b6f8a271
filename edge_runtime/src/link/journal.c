/* journal.c: samples in place of the states that they lead to. */
#include "metabit_journal.h"

#include "../file/envelope.h"
#include "../internal.h"
#include "flash_entry.h"
#include "kept.h"
#include "protocol.h"

static mb_link_port port_of(const mb_journal *journal) {
    mb_link_port port = {NULL,
                         NULL,
                         NULL,
                         mb_flash_keep_start,
                         mb_flash_keep_write,
                         mb_flash_keep_end,
                         mb_flash_kept_bytes,
                         mb_flash_kept_read,
                         journal->flash};
    return port;
}

/* ---- the checksum of a state ----------------------------------------------------------------- */

/* A state image ends with its checksum, which is written last. */
static int keep_last_word(void *context, size_t offset, const void *data, size_t bytes) {
    (void)offset;
    mb_copy(context, (const uint8_t *)data + bytes - sizeof(uint32_t), sizeof(uint32_t));
    return 0;
}

static uint32_t checksum_of(const mb_model *model) {
    uint32_t crc = 0;
    (void)mb_state_save(model, keep_last_word, &crc);
    return crc;
}

/* ---- learn again ----------------------------------------------------------------------------- */

/* Learn the samples of one entry. */
static int learn_entry(mb_journal *journal, const mb_flash_log *entry) {
    mb_model *model = journal->model;
    const mb_flash *flash = journal->flash;
    int32_t *labels = (int32_t *)journal->step;
    uint8_t *samples = (uint8_t *)(labels + model->batch);
    size_t per_sample = LOG_SAMPLE + (size_t)model->n_inputs, at = entry->at;
    uint32_t n = 0;
    for (size_t left = entry->bytes - LOG_END_BYTES; left > 0; left -= per_sample) {
        uint16_t label;
        if (left < per_sample || n == model->batch) {
            return MB_ERR_CORRUPT;
        }
        if (flash->read(flash->context, at, &label, sizeof label) != 0 ||
            flash->read(flash->context, at + LOG_SAMPLE, samples + (size_t)n * model->n_inputs,
                        model->n_inputs) != 0) {
            return MB_ERR_STORAGE;
        }
        labels[n++] = label & (LOG_END_OF_STEP - 1);
        at += per_sample;
        if ((label & LOG_END_OF_STEP) != 0) {
            if (mb_learn(model, samples, labels, n, NULL) != MB_OK) {
                return MB_ERR_CORRUPT;
            }
            journal->n_again += n;
            n = 0;
        }
    }
    return n == 0 ? MB_OK : MB_ERR_CORRUPT;
}

/* Learn the samples of all entries, and compare the state with what they led to. */
static int learn_again(mb_journal *journal) {
    const mb_flash *flash = journal->flash;
    uint8_t end[LOG_END_BYTES];
    mb_flash_log entry = {0, 0, 0};
    uint32_t expected = 0;
    int found;
    while ((found = mb_flash_log_next(flash, &entry)) == 1) {
        if (entry.bytes < LOG_END_BYTES) {
            return MB_ERR_CORRUPT;
        }
        int error = learn_entry(journal, &entry);
        if (error != MB_OK) {
            return error;
        }
        if (flash->read(flash->context, entry.at + entry.bytes - LOG_END_BYTES, end,
                        LOG_END_BYTES) != 0) {
            return MB_ERR_STORAGE;
        }
        mb_copy(&journal->session, end + LOG_SESSION, 8);
        journal->n_learnt = u32(end, LOG_N_LEARNT);
        expected = u32(end, LOG_STATE_CRC);
    }
    if (found < 0) {
        return found;
    }
    bool none = entry.number == flash->record;
    return none || checksum_of(journal->model) == expected ? MB_OK : MB_ERR_MISMATCH;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool is_possible(const mb_journal *journal, const mb_model *model) {
    return journal != NULL && model != NULL && journal->flash != NULL && journal->step != NULL &&
           (uintptr_t)journal->step % MB_ALIGNMENT == 0 &&
           journal->step_bytes >=
               MB_JOURNAL_STEP_BYTES((size_t)model->n_inputs, (size_t)model->batch);
}

int mb_journal_start(mb_journal *journal, mb_model *model) {
    if (!is_possible(journal, model)) {
        return MB_ERR_INPUT;
    }
    mb_link_port port = port_of(journal);
    mb_progress progress = {0, 0};
    mb_flash_drop_log(journal->flash);
    journal->model = NULL;
    journal->n_again = journal->n_coming = 0;
    int found = mb_kept_load(&port, model, &progress);
    if (found < 0) {
        return found;
    }
    journal->model = model;
    journal->session = progress.session;
    journal->n_learnt = progress.n_learnt;
    journal->needs_record = found == 0 || journal->passes_over;
    if (!journal->needs_record) {
        int error = learn_again(journal);
        if (error != MB_OK) {
            journal->model = NULL;
            journal->passes_over = error != MB_ERR_STORAGE;
            return error;
        }
    }
    journal->kept_session = journal->session;
    model->is_changed = 0;
    return found;
}

/* Write a sample down. Returns whether the next commit may still do without a whole state. */
static bool note(mb_journal *journal, const uint8_t *sample, int32_t label, bool ends_step) {
    mb_flash *flash = journal->flash;
    size_t n_inputs = journal->model->n_inputs;
    size_t bytes = (LOG_SAMPLE + n_inputs) * (journal->n_coming + (size_t)1);
    uint16_t word = (uint16_t)(label | (ends_step ? LOG_END_OF_STEP : 0));
    if (journal->n_coming >= journal->most_again ||
        journal->n_again >= journal->most_again - journal->n_coming ||
        bytes > flash->record_bytes / 2u || label >= LOG_END_OF_STEP ||
        mb_flash_log_write(flash, &word, sizeof word) != MB_OK ||
        mb_flash_log_write(flash, sample, n_inputs) != MB_OK) {
        return false;
    }
    journal->n_coming++;
    return true;
}

int mb_journal_learn(mb_journal *journal, const void *samples, const int32_t *labels, size_t n,
                     int32_t *predicted) {
    if (journal == NULL || journal->model == NULL) {
        return MB_ERR_INPUT;
    }
    mb_model *model = journal->model;
    const uint8_t *sample = (const uint8_t *)samples;
    journal->needs_record |= model->is_changed;
    int error = mb_learn(model, samples, labels, n, predicted);
    if (error != MB_OK) {
        return error;
    }
    model->is_changed = 0;
    journal->n_learnt =
        n > UINT32_MAX - journal->n_learnt ? UINT32_MAX : journal->n_learnt + (uint32_t)n;
    for (size_t i = 0; i < n && !journal->needs_record; i++, sample += model->n_inputs) {
        bool ends_step = i + 1u == n || (i + 1u) % model->batch == 0;
        journal->needs_record = !note(journal, sample, labels[i], ends_step);
    }
    return MB_OK;
}

static int commit_record(mb_journal *journal) {
    mb_link_port port = port_of(journal);
    mb_progress progress = {journal->session, journal->n_learnt};
    int error = mb_kept_save(&port, journal->model, &progress);
    if (error == MB_OK) {
        journal->n_again = 0;
        journal->needs_record = journal->passes_over = 0;
    }
    return error;
}

static int commit_samples(mb_journal *journal) {
    uint8_t end[LOG_END_BYTES];
    uint32_t crc = checksum_of(journal->model);
    mb_copy(end + LOG_SESSION, &journal->session, 8);
    mb_copy(end + LOG_N_LEARNT, &journal->n_learnt, 4);
    mb_copy(end + LOG_STATE_CRC, &crc, 4);
    int error = mb_flash_log_write(journal->flash, end, LOG_END_BYTES);
    error = error == MB_OK ? mb_flash_log_end(journal->flash) : error;
    if (error == MB_OK) {
        journal->n_again += journal->n_coming;
    }
    return error;
}

int mb_journal_commit(mb_journal *journal) {
    if (journal == NULL || journal->model == NULL) {
        return MB_ERR_INPUT;
    }
    journal->needs_record |= journal->model->is_changed;
    if (!journal->needs_record && journal->n_coming == 0 &&
        journal->session == journal->kept_session) {
        return MB_OK;
    }
    int error = journal->needs_record ? MB_ERR_STORAGE : commit_samples(journal);
    if (error != MB_OK) {
        journal->needs_record = 1;
        error = commit_record(journal);
    }
    if (error == MB_OK) {
        journal->model->is_changed = 0;
        journal->kept_session = journal->session;
        journal->n_coming = 0;
    }
    return error;
}
