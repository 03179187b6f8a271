/* flash_changes.h: what has changed of a record since a record was written whole.
 *
 * The record is cut into lines. Of each line that differs there are the number of lines between it
 * and the one before, a bit for each pair of bytes that differs, and these pairs. */
#ifndef MB_FLASH_CHANGES_H
#define MB_FLASH_CHANGES_H

#include "metabit_flash.h"

/* The most that changes of a record take. */
size_t mb_flash_most_changes(size_t record_bytes);

/* Take the next bytes of the record, in order. Returns 0, or MB_ERR_STORAGE. */
int mb_flash_put_changes(mb_flash *flash, const uint8_t *from, size_t bytes);

/* Put the newest changes over `bytes` of the record at `offset`, as they were written whole.
 * Quickest where offsets only grow. Returns 0, or MB_ERR_STORAGE. */
int mb_flash_apply_changes(mb_flash *flash, size_t offset, uint8_t *data, size_t bytes);

#endif /* MB_FLASH_CHANGES_H */
