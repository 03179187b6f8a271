/* flash_find.c: find the newest record when a program starts. */
#include "flash_entry.h"
#include "flash_slots.h"

#include "../file/envelope.h"
#include "protocol.h"

/* What the entries of one slot come to. */
typedef struct found {
    uint32_t number;        /* of the newest sound entry, */
    uint32_t record, whole; /* of the record that it is of, and of the whole one under that */
    uint32_t last;          /* of the last seal */
    size_t record_bytes, whole_at, changes_at, changes_bytes, log_at;
    size_t end; /* of the last entry */
} found;

static bool is_possible(const mb_flash *flash) {
    size_t unit = flash->write_bytes, page = flash->page_bytes;
    return flash->erase != NULL && flash->write != NULL && flash->read != NULL &&
           flash->n_slots >= 2 && unit != 0 && (unit & (unit - 1)) == 0 &&
           unit <= MB_FLASH_MOST_WRITE_BYTES && page != 0 && page % unit == 0 &&
           flash->bytes % flash->n_slots == 0 && slot_bytes(flash) % page == 0 &&
           slot_bytes(flash) > seal_bytes(flash);
}

/* Take an entry that is sound: a record, or what belongs to one. A log ends where a part of it is
 * missing. */
static void take(found *f, const uint8_t *seal, size_t at, size_t bytes, size_t end) {
    uint32_t magic = u32(seal, SEAL_MAGIC), number = u32(seal, SEAL_NUMBER);
    uint32_t of = u32(seal, SEAL_OF);
    if (magic == LOG_MAGIC) {
        f->number += f->record != 0 && of == f->record && number == f->number + 1u;
        return;
    }
    if (magic == WHOLE_MAGIC) {
        f->whole = number;
        f->record_bytes = bytes;
        f->whole_at = at;
        f->changes_at = f->changes_bytes = 0;
    } else if (f->whole != 0 && of == f->whole) {
        f->changes_at = at;
        f->changes_bytes = bytes;
    } else {
        return;
    }
    f->number = f->record = number;
    f->log_at = end;
}

/* Go through the entries of a slot. One whose seal is whole and whose bytes are not is passed. What
 * has a smaller number than the one before it is of an earlier round, not yet erased. */
static int look_through(mb_flash *flash, uint32_t slot, found *f) {
    uint8_t seal[SEAL_BYTES];
    uint32_t crc;
    size_t end = slot_end(flash, slot), at = end - slot_bytes(flash);
    mb_zero(f, sizeof *f);
    while (seal_bytes(flash) < end - at) {
        if (flash->read(flash->context, at, seal, SEAL_BYTES) != 0) {
            return MB_ERR_STORAGE;
        }
        size_t first = at + seal_bytes(flash),
               bytes = mb_flash_sealed_bytes(flash, seal, first, end);
        if (bytes == 0 || u32(seal, SEAL_NUMBER) <= f->last) {
            at = page_from(flash, at + 1u);
            continue;
        }
        f->last = u32(seal, SEAL_NUMBER);
        if (mb_flash_crc(flash, first, bytes, &crc) != MB_OK) {
            return MB_ERR_STORAGE;
        }
        at = f->end = first + in_whole_writes(flash, bytes);
        if (crc == u32(seal, SEAL_ENTRY_CRC)) {
            take(f, seal, first, bytes, at);
        }
    }
    return MB_OK;
}

/* The next entry goes after the last, unless a write was cut there. */
static int find_free(mb_flash *flash, size_t at) {
    flash->free_at = flash->erased_to = page_from(flash, at);
    for (size_t from = at; from < flash->erased_to;) {
        size_t left = flash->erased_to - from;
        size_t n = left < sizeof flash->unit ? left : sizeof flash->unit;
        if (flash->read(flash->context, from, flash->unit, n) != 0) {
            return MB_ERR_STORAGE;
        }
        for (size_t i = 0; i < n; i++) {
            if (flash->unit[i] != ERASED) {
                return MB_OK;
            }
        }
        from += n;
    }
    flash->free_at = at;
    return MB_OK;
}

int mb_flash_start(mb_flash *flash) {
    found f;
    uint32_t newest = 0;
    size_t end = 0;
    if (flash == NULL || !is_possible(flash)) {
        return MB_ERR_INPUT;
    }
    flash->slot = flash->n_slots;
    flash->number = flash->whole = flash->record = flash->logged = 0;
    flash->is_logging = 0;
    flash->record_bytes = flash->coming_bytes = flash->changes_bytes = 0;
    flash->next_line = flash->next_change = 0;
    for (uint32_t slot = 0; slot < flash->n_slots; slot++) {
        if (look_through(flash, slot, &f) != MB_OK) {
            return MB_ERR_STORAGE;
        }
        flash->number = f.last > flash->number ? f.last : flash->number;
        if (f.number > newest) {
            newest = flash->logged = f.number;
            flash->slot = slot;
            flash->whole = f.whole;
            flash->record = f.record;
            flash->log_at = f.log_at;
            flash->record_bytes = f.record_bytes;
            flash->whole_at = f.whole_at;
            flash->changes_at = f.changes_at;
            flash->changes_bytes = f.changes_bytes;
            end = f.end;
        }
    }
    return newest == 0 ? MB_OK : find_free(flash, end);
}
