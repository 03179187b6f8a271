/* in_flash.h: the flash of a device that is fuzzed, where it keeps samples. */
#ifndef IN_FLASH_H
#define IN_FLASH_H

#include "exercise.h"

#include "metabit_journal.h"
#include "metabit_link.h"

#include <stdbool.h>

/* Flash in memory, and a journal in it. */
typedef struct in_flash {
    mb_flash flash;
    mb_journal journal;
    uint8_t *cells; /* NULL: the device keeps states elsewhere */
    bool fails;     /* from now on */
} in_flash;

/* New flash for a device, whose slots hold a record or two of a model. */
void make_flash(in_flash *f, const opened *o, uint32_t most_again);

/* The device begins: give it the journal. */
void begin_in_flash(in_flash *f, mb_link *link);

void free_flash(in_flash *f);

#endif /* IN_FLASH_H */
