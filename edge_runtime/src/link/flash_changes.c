/* flash_changes.c: see flash_changes.h. */
#include "flash_changes.h"

#include "../bytes.h"
#include "flash_entry.h"

#define LINE MB_FLASH_LINE_BYTES
#define HEADER_BYTES 4u /* lines skipped, and a bit for each pair: uint16 each */
#define MOST_SKIPPED 0xFFFFu

size_t mb_flash_most_changes(size_t record_bytes) {
    size_t lines = (record_bytes + LINE - 1u) / LINE;
    return lines * (HEADER_BYTES + LINE);
}

/* Write a line's header and the pairs that its mask names. */
static int append_line(mb_flash *flash, uint32_t mask) {
    uint8_t packed[HEADER_BYTES + LINE];
    size_t n = HEADER_BYTES;
    packed[0] = (uint8_t)flash->n_skipped;
    packed[1] = (uint8_t)(flash->n_skipped >> 8);
    packed[2] = (uint8_t)mask;
    packed[3] = (uint8_t)(mask >> 8);
    for (uint32_t pair = 0; pair < LINE / 2u; pair++) {
        if ((mask >> pair & 1u) != 0) {
            packed[n++] = flash->line[2u * pair];
            packed[n++] = flash->line[2u * pair + 1u];
        }
    }
    flash->n_skipped = 0;
    return mb_flash_append(flash, packed, n);
}

/* Compare the line that has come with what was written whole. */
static int put_line(mb_flash *flash, size_t first, size_t n) {
    uint8_t before[LINE];
    uint32_t mask = 0;
    mb_zero(before, LINE);
    if (flash->read(flash->context, flash->whole_at + first, before, n) != 0) {
        return MB_ERR_STORAGE;
    }
    for (size_t i = 0; i < n; i++) {
        mask |= (uint32_t)(before[i] != flash->line[i]) << i / 2u;
    }
    /* An entry has bytes, even where nothing has changed. */
    bool must = flash->n_skipped == MOST_SKIPPED ||
                (flash->n_stored == 0 && first + n == flash->coming_bytes);
    if (mask == 0 && !must) {
        flash->n_skipped++;
        return MB_OK;
    }
    return append_line(flash, mask);
}

int mb_flash_put_changes(mb_flash *flash, const uint8_t *from, size_t bytes) {
    while (bytes > 0) {
        size_t start = flash->n_written % LINE, n = bytes < LINE - start ? bytes : LINE - start;
        mb_copy(flash->line + start, from, n);
        from += n;
        bytes -= n;
        flash->n_written += n;
        if (start + n == LINE || flash->n_written == flash->coming_bytes) {
            mb_zero(flash->line + start + n, LINE - start - n);
            int error = put_line(flash, flash->n_written - start - n, start + n);
            if (error != MB_OK) {
                return error;
            }
        }
    }
    return MB_OK;
}

/* Put the pairs of a line over those bytes of it that lie in `data`. */
static void apply_line(const uint8_t *pairs, uint32_t mask, size_t line_at, size_t offset,
                       uint8_t *data, size_t bytes) {
    size_t taken = 0;
    for (uint32_t i = 0; i < LINE; i++) {
        if ((mask >> i / 2u & 1u) != 0) {
            size_t at = line_at + i;
            if (at >= offset && at - offset < bytes) {
                data[at - offset] = pairs[taken];
            }
            taken++;
        }
    }
}

static uint32_t n_pairs(uint32_t mask) {
    uint32_t n = 0;
    for (; mask != 0; mask &= mask - 1u) {
        n++;
    }
    return n;
}

int mb_flash_apply_changes(mb_flash *flash, size_t offset, uint8_t *data, size_t bytes) {
    if (offset < flash->next_line * LINE) {
        flash->next_line = flash->next_change = 0;
    }
    while (flash->next_change + HEADER_BYTES <= flash->changes_bytes) {
        uint8_t header[HEADER_BYTES], pairs[LINE];
        size_t at = flash->changes_at + flash->next_change;
        if (flash->read(flash->context, at, header, HEADER_BYTES) != 0) {
            return MB_ERR_STORAGE;
        }
        uint32_t mask = header[2] | (uint32_t)header[3] << 8;
        size_t line = flash->next_line + (header[0] | (size_t)header[1] << 8);
        size_t n = 2u * n_pairs(mask);
        if (line * LINE >= offset + bytes ||
            n > flash->changes_bytes - flash->next_change - HEADER_BYTES) {
            break;
        }
        if (flash->read(flash->context, at + HEADER_BYTES, pairs, n) != 0) {
            return MB_ERR_STORAGE;
        }
        apply_line(pairs, mask, line * LINE, offset, data, bytes);
        if ((line + 1u) * LINE > offset + bytes) {
            break; /* what is read next lies in this line too */
        }
        flash->next_line = line + 1u;
        flash->next_change += HEADER_BYTES + n;
    }
    return MB_OK;
}
