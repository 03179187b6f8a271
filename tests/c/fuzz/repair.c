/* repair.c: see repair.h. */
#include "repair.h"

#include "../../../edge_runtime/src/file/envelope.h"
#include "../../../edge_runtime/src/file/offsets.h"

#include <string.h>

#define MOST_SECTIONS 64u

uint32_t word_at(const uint8_t *data, size_t at) {
    uint32_t word;
    memcpy(&word, data + at, sizeof word);
    return word;
}

void put_word(uint8_t *data, size_t at, uint32_t word) { memcpy(data + at, &word, sizeof word); }

void repair_blob(uint8_t *blob, size_t bytes) {
    if (bytes < HEADER_BYTES) {
        return;
    }
    uint32_t n = word_at(blob, HEADER_N_SECTIONS);
    for (uint32_t i = 0; i < n && i < MOST_SECTIONS; i++) {
        size_t entry = HEADER_BYTES + (size_t)i * ENTRY_BYTES;
        if (entry + ENTRY_BYTES > bytes) {
            break;
        }
        uint32_t at = word_at(blob, entry + ENTRY_OFFSET);
        uint32_t length = word_at(blob, entry + ENTRY_LENGTH);
        if (at <= bytes && length <= bytes - at) {
            put_word(blob, entry + ENTRY_CRC, mb_crc32(0, blob + at, length));
        }
    }
    if (n <= MOST_SECTIONS && HEADER_BYTES + (size_t)n * ENTRY_BYTES <= bytes) {
        put_word(blob, HEADER_TABLE_CRC, mb_crc32(0, blob + HEADER_BYTES, n * ENTRY_BYTES));
    }
    put_word(blob, HEADER_FILE_BYTES, (uint32_t)bytes);
    put_word(blob, HEADER_CRC, mb_crc32(0, blob, HEADER_CRC));
}

void repair_state(uint8_t *image, size_t bytes) {
    if (bytes >= 4u) {
        put_word(image, bytes - 4u, mb_crc32(0, image, bytes - 4u));
    }
}
