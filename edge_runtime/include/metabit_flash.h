/* metabit_flash.h: keep a record in bare flash, so that a power cut at any moment leaves the record
 * before or the new one. metabit_link.h takes it as the storage of a device.
 *
 *     static mb_flash flash = {
 *         .bytes = 2 * SLOT_BYTES, .page_bytes = 4096, .write_bytes = 4, .n_slots = 2,
 *         .erase = flash_erase, .write = flash_write, .read = flash_read,
 *     };
 *     static mb_link_port port = {
 *         .receive = uart_receive, .send = uart_send,
 *         .keep_start = mb_flash_keep_start, .keep_write = mb_flash_keep_write,
 *         .keep_end = mb_flash_keep_end,
 *         .kept_bytes = mb_flash_kept_bytes, .kept_read = mb_flash_kept_read,
 *         .context = &flash,
 *     };
 *     mb_flash_start(&flash); // before mb_link_start()
 *
 * The area is cut into slots that take turns, so that the erasures are spread over all of them. A
 * record is written into the slot after the newest one and read back, and only then sealed: bytes
 * without a whole seal, or without the checksum that it says, count as empty. Where a slot has
 * room for more, the next records go into the same slot, each as what has changed since the record
 * that was written whole. So few large slots, of four or more records, are written and erased the
 * least; many small ones lose the least where a bit of a whole record goes bad, since its changes
 * are lost with it. A record may have a log beside it: bytes that are added to it commit by commit,
 * until the next record takes the place of both (metabit_journal.h). docs/DEVICE.md describes the
 * bytes.
 */
#ifndef METABIT_FLASH_H
#define METABIT_FLASH_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What flash is written in, at most: write_bytes of any chip. */
#define MB_FLASH_MOST_WRITE_BYTES 256u
/* Bytes before each entry of a slot: its seal. */
#define MB_FLASH_SEAL_BYTES(write_bytes) ((write_bytes) > 32u ? (write_bytes) : 32u)

/* Changes are looked for in lines of so many bytes. */
#define MB_FLASH_LINE_BYTES 32u

/* An area of flash that keeps one record. Fill in what comes first, and leave the rest alone. */
typedef struct mb_flash {
    /* The area; each slot has bytes / n_slots bytes, which must be whole pages. */
    size_t bytes;
    size_t page_bytes;  /* that are erased at once */
    size_t write_bytes; /* that are written at once, once after an erasure: 1, 2, 4 ... 256 */
    uint32_t n_slots;   /* at least 2 */
    /* Erase the page that begins at `offset` of the area: all its bits are 1 then. Write bytes, a
     * multiple of write_bytes, at an offset that is one too. Read any bytes. They return 0, or
     * anything else for an error. None may be NULL. */
    int (*erase)(void *context, size_t offset);
    int (*write)(void *context, size_t offset, const void *data, size_t bytes);
    mb_read_fn read;
    void *context; /* is handed to each call as it is */

    uint32_t slot;       /* of the newest whole record; n_slots: there is none */
    uint32_t number;     /* of the newest seal */
    uint32_t crc;        /* of what is being written */
    uint32_t whole;      /* number of the newest whole record, */
    uint32_t record;     /* of the newest record, whole or as changes, */
    uint32_t logged;     /* and of the end of its log */
    size_t record_bytes; /* of the newest record */
    size_t whole_at;     /* where the whole record lies, and */
    size_t changes_at;   /* what has changed since */
    size_t changes_bytes;
    size_t log_at;                 /* where its log begins */
    size_t free_at;                /* where the next entry of the slot goes */
    size_t erased_to;              /* what is written next is erased up to here */
    size_t coming_at;              /* of the entry that is being written; */
    size_t coming_bytes;           /* of its record; */
    size_t n_written;              /* bytes of the record that have come, */
    size_t n_stored;               /* and of the entry that have been written */
    uint32_t n_skipped;            /* lines alike since the last that differed */
    uint32_t kind;                 /* of the entry that is being written */
    uint32_t is_logging;           /* an entry of the log is being written */
    size_t next_line, next_change; /* where the next read of changes begins */
    uint8_t line[MB_FLASH_LINE_BYTES];
    uint8_t unit[MB_FLASH_MOST_WRITE_BYTES]; /* those that wait for a whole write */
} mb_flash;

/* Find the newest whole record.
 * Errors: MB_ERR_INPUT (NULL, or sizes that do not go together), MB_ERR_STORAGE (read() failed). */
MB_API int mb_flash_start(mb_flash *flash);

/* Callbacks for mb_link_port, whose context is the mb_flash. One keep_start(), writes in order
 * without gaps, and a keep_end() put a record in place of the one before, which can be read until
 * keep_end() has returned 0. They return 0 or MB_ERR_STORAGE; after an error the record before is
 * still there. kept_bytes() is 0 where there is no record. */
MB_API int mb_flash_keep_start(void *flash, size_t bytes);
MB_API int mb_flash_keep_write(void *flash, size_t offset, const void *data, size_t bytes);
MB_API int mb_flash_keep_end(void *flash);
MB_API size_t mb_flash_kept_bytes(void *flash);
MB_API int mb_flash_kept_read(void *flash, size_t offset, void *data, size_t bytes);

/* The log of the record. Any number of log_write() and a log_end() add an entry to it, which counts
 * from log_end() on; what was written is lost where a record is kept instead, or the power goes.
 * They return 0, or MB_ERR_STORAGE: flash has failed, the slot is full, there is no record, or a
 * part of its log was lost. The entry is then given up, and the next record has a log of its
 * own. */
MB_API int mb_flash_log_write(mb_flash *flash, const void *data, size_t bytes);
MB_API int mb_flash_log_end(mb_flash *flash);

/* An entry of the log, for mb_flash_log_next(). All 0 stands before the first one. */
typedef struct mb_flash_log {
    uint32_t number;
    size_t at;    /* where its bytes lie, for mb_flash.read */
    size_t bytes; /* how many there are */
} mb_flash_log;

/* Go to the next entry of the log, in the order in which they were written. Returns 1; 0 where
 * there is none; or MB_ERR_STORAGE. */
MB_API int mb_flash_log_next(const mb_flash *flash, mb_flash_log *entry);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_FLASH_H */
