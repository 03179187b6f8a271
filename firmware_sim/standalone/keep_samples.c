/* keep_samples.c: what has been learnt is kept as samples, in the board's flash. */
#include "keep.h"
#include "keep_area.h"
#include "metabit_journal.h"

extern uint8_t fw_step[], fw_step_end[];
extern const uint32_t fw_most_again;

static mb_journal journal;

int fw_keep_start(mb_link *line, mb_link_port *port) {
    (void)port;
    journal.most_again = fw_most_again;
    journal.step = fw_step;
    journal.step_bytes = (size_t)(fw_step_end - fw_step);
    line->keeper = &mb_link_journal;
    line->journal = &journal;
    return fw_keep_area_start(&journal.flash);
}
