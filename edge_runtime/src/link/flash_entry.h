/* flash_entry.h: write the bytes of an entry of a slot, and look at them again. What is returned is
 * MB_OK or MB_ERR_STORAGE. */
#ifndef MB_FLASH_ENTRY_H
#define MB_FLASH_ENTRY_H

#include "metabit_flash.h"

/* The checksum of `bytes` at `at` of the area; `unit` is the scratch. */
int mb_flash_crc(mb_flash *flash, size_t at, size_t bytes, uint32_t *crc);

/* Write whole units of what is in `unit`, and erase the pages that they reach. */
int mb_flash_put(mb_flash *flash, size_t at, size_t bytes);

/* Add bytes to the entry that is being written. */
int mb_flash_append(mb_flash *flash, const uint8_t *from, size_t bytes);

/* Write what waits for a whole write, read the entry back, and seal it. */
int mb_flash_seal(mb_flash *flash);

/* Give up the entry of the log that is being written, if there is one. */
void mb_flash_drop_log(mb_flash *flash);

/* Bytes of the entry that a seal is of, if the seal is whole and they lie before `end`; or 0.
 *   at  where the bytes begin */
size_t mb_flash_sealed_bytes(const mb_flash *flash, const uint8_t *seal, size_t at, size_t end);

#endif /* MB_FLASH_ENTRY_H */
