/* in_flash.c: see in_flash.h. */
#include "in_flash.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 256u
#define UNIT_BYTES 8u

static int flash_erase(void *context, size_t offset) {
    const in_flash *f = (const in_flash *)context;
    PROMISE(offset % PAGE_BYTES == 0 && offset < f->flash.bytes);
    if (!f->fails) {
        memset(f->cells + offset, 0xff, PAGE_BYTES);
    }
    return f->fails;
}

static int flash_write(void *context, size_t offset, const void *data, size_t bytes) {
    const in_flash *f = (const in_flash *)context;
    PROMISE(offset % UNIT_BYTES == 0 && bytes % UNIT_BYTES == 0);
    PROMISE(offset <= f->flash.bytes && bytes <= f->flash.bytes - offset);
    for (size_t i = 0; i < bytes; i++) {
        PROMISE(f->cells[offset + i] == 0xff); /* written once after an erasure */
    }
    if (!f->fails) {
        memcpy(f->cells + offset, data, bytes);
    }
    return f->fails;
}

static int flash_read(void *context, size_t offset, void *data, size_t bytes) {
    const in_flash *f = (const in_flash *)context;
    PROMISE(offset <= f->flash.bytes && bytes <= f->flash.bytes - offset);
    memcpy(data, f->cells + offset, bytes);
    return 0;
}

void make_flash(in_flash *f, const opened *o, uint32_t most_again) {
    size_t slot = (2u * mb_state_bytes(o->model) / PAGE_BYTES + 4u) * PAGE_BYTES;
    uint32_t batch = o->options.batch > 0 ? o->options.batch : 1u;
    memset(f, 0, sizeof *f);
    f->flash = (mb_flash){.bytes = 2u * slot,
                          .page_bytes = PAGE_BYTES,
                          .write_bytes = UNIT_BYTES,
                          .n_slots = 2,
                          .erase = flash_erase,
                          .write = flash_write,
                          .read = flash_read,
                          .context = f};
    f->journal.most_again = most_again;
    f->journal.step_bytes = MB_JOURNAL_STEP_BYTES((size_t)o->info.n_inputs, (size_t)batch);
    f->journal.step = malloc(f->journal.step_bytes);
    f->cells = (uint8_t *)malloc(f->flash.bytes);
    PROMISE(f->journal.step != NULL && f->cells != NULL);
    memset(f->cells, 0xff, f->flash.bytes);
}

void begin_in_flash(in_flash *f, mb_link *link) {
    mb_journal begun = {.flash = &f->flash,
                        .most_again = f->journal.most_again,
                        .step = f->journal.step,
                        .step_bytes = f->journal.step_bytes};
    f->journal = begun;
    PROMISE(mb_flash_start(&f->flash) == MB_OK);
    link->keeper = &mb_link_journal;
    link->journal = &f->journal;
}

void free_flash(in_flash *f) {
    free(f->cells);
    free(f->journal.step);
}
