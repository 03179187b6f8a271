/* flash.c: a record in flash. Slots take turns, and the seal that makes a record count is written
 * last. */
#include "metabit_flash.h"

#include "../file/envelope.h"
#include "flash_changes.h"
#include "flash_entry.h"
#include "flash_slots.h"
#include "protocol.h"

static uint32_t next_slot(const mb_flash *flash) { return (flash->slot + 1u) % flash->n_slots; }

int mb_flash_keep_start(void *context, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    flash->coming_bytes = 0;
    if (bytes == 0 || bytes > slot_bytes(flash) - seal_bytes(flash)) {
        return MB_ERR_STORAGE;
    }
    bool is_first = flash->slot == flash->n_slots;
    size_t left = is_first ? 0 : slot_end(flash, flash->slot) - flash->free_at;
    /* Changes only grow. Where they have become half of the record, a whole one costs less soon. */
    flash->is_change = bytes == flash->record_bytes && flash->changes_bytes <= bytes / 2u &&
                       entry_bytes(flash, mb_flash_most_changes(bytes)) <= left;
    if (entry_bytes(flash, bytes) <= left) {
        flash->coming_at = flash->free_at;
    } else {
        flash->coming_at = flash->erased_to = next_slot(flash) * slot_bytes(flash);
    }
    flash->free_at += left; /* an entry that is not sealed leaves a slot that nothing is added to */
    flash->coming_bytes = bytes;
    flash->n_written = flash->n_stored = 0;
    flash->n_skipped = 0;
    flash->crc = 0;
    return MB_OK;
}

int mb_flash_keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    if (offset != flash->n_written || bytes > flash->coming_bytes - offset) {
        return MB_ERR_STORAGE;
    }
    if (flash->is_change) {
        return mb_flash_put_changes(flash, (const uint8_t *)data, bytes);
    }
    flash->n_written += bytes;
    return mb_flash_append(flash, (const uint8_t *)data, bytes);
}

/* Write the seal, and read it back. */
static int put_seal(mb_flash *flash) {
    uint8_t seal[SEAL_BYTES], back[SEAL_BYTES];
    uint32_t magic = flash->is_change ? CHANGE_MAGIC : WHOLE_MAGIC, number = flash->number + 1u;
    uint32_t bytes = (uint32_t)flash->n_stored;
    mb_zero(seal, SEAL_BYTES);
    mb_copy(seal + SEAL_MAGIC, &magic, 4);
    mb_copy(seal + SEAL_NUMBER, &number, 4);
    mb_copy(seal + SEAL_ENTRY_BYTES, &bytes, 4);
    mb_copy(seal + SEAL_ENTRY_CRC, &flash->crc, 4);
    if (flash->is_change) {
        mb_copy(seal + SEAL_WHOLE, &flash->whole, 4);
    }
    uint32_t crc = mb_crc32(0, seal, SEAL_CRC);
    mb_copy(seal + SEAL_CRC, &crc, 4);
    mb_copy(flash->unit, seal, SEAL_BYTES);
    for (size_t i = SEAL_BYTES; i < seal_bytes(flash); i++) {
        flash->unit[i] = ERASED;
    }
    if (mb_flash_put(flash, flash->coming_at, seal_bytes(flash)) != MB_OK ||
        flash->read(flash->context, flash->coming_at, back, SEAL_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    return mb_same(seal, back, SEAL_BYTES) ? MB_OK : MB_ERR_STORAGE;
}

/* The entry that was sealed is the newest. */
static void take_entry(mb_flash *flash) {
    size_t at = flash->coming_at + seal_bytes(flash);
    flash->slot = (uint32_t)(flash->coming_at / slot_bytes(flash));
    flash->number++;
    flash->record_bytes = flash->coming_bytes;
    flash->changes_at = at;
    flash->changes_bytes = flash->is_change ? flash->n_stored : 0;
    if (!flash->is_change) {
        flash->whole = flash->number;
        flash->whole_at = at;
    }
    flash->free_at = flash->coming_at + entry_bytes(flash, flash->n_stored);
    flash->next_line = flash->next_change = 0;
    flash->coming_bytes = 0;
}

int mb_flash_keep_end(void *context) {
    mb_flash *flash = (mb_flash *)context;
    uint32_t crc;
    if (flash->coming_bytes == 0 || flash->n_written != flash->coming_bytes ||
        mb_flash_finish(flash) != MB_OK ||
        mb_flash_crc(flash, flash->coming_at + seal_bytes(flash), flash->n_stored, &crc) != MB_OK ||
        crc != flash->crc || put_seal(flash) != MB_OK) {
        return MB_ERR_STORAGE;
    }
    take_entry(flash);
    return MB_OK;
}

size_t mb_flash_kept_bytes(void *context) { return ((const mb_flash *)context)->record_bytes; }

int mb_flash_kept_read(void *context, size_t offset, void *data, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    if (offset > flash->record_bytes || bytes > flash->record_bytes - offset ||
        flash->read(flash->context, flash->whole_at + offset, data, bytes) != 0) {
        return MB_ERR_STORAGE;
    }
    return mb_flash_apply_changes(flash, offset, (uint8_t *)data, bytes);
}
