/* journal_link.c: a device that keeps what it learns in a journal. */
#include "metabit_journal.h"
#include "metabit_link.h"

static int load(mb_link *link) {
    mb_journal *journal = link->journal;
    int found = mb_journal_start(journal, link->model);
    if (found <= 0) {
        return found;
    }
    link->session = journal->session;
    link->n_learnt = journal->n_learnt;
    return journal->passes_over ? 2 : 1;
}

static int learn(mb_link *link, const void *samples, const int32_t *labels, size_t n,
                 int32_t *predicted) {
    return mb_journal_learn(link->journal, samples, labels, n, predicted);
}

static int save(mb_link *link) {
    link->journal->session = link->session;
    link->journal->n_learnt = link->n_learnt;
    return mb_journal_commit(link->journal);
}

const mb_link_keeper mb_link_journal = {load, learn, save};
