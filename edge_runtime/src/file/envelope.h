/* envelope.h: the sections of a .mbit blob, and how to read a number in them. */
#ifndef MB_ENVELOPE_H
#define MB_ENVELOPE_H

#include "../bytes.h"

enum {
    NETWORK,
    WEIGHTS,
    THRESHOLDS,
    NORM,
    LEARN,
    HEAD,
    TRACKER,
    GOAL,
    FRONT,
    GOLDEN,
    META,
    N_TYPES
};

/* Where each known section lies; offset 0 and length 0 when it is absent. */
typedef struct section_map {
    uint32_t offset[N_TYPES];
    uint32_t length[N_TYPES];
} section_map;

/* Check header, section table and every checksum, and find the sections. */
int mb_find_sections(section_map *map, const uint8_t *blob, size_t blob_bytes);

/* Continue a CRC-32 (the polynomial of zlib and Ethernet) over more data; it starts at 0. */
uint32_t mb_crc32(uint32_t crc, const void *data, size_t bytes);

static inline uint32_t u32(const uint8_t *bytes, uint32_t at) {
    uint32_t value;
    mb_copy(&value, bytes + at, sizeof value);
    return value;
}

static inline float f32(const uint8_t *bytes, uint32_t at) {
    float value;
    mb_copy(&value, bytes + at, sizeof value);
    return value;
}

/* False for NaN too. */
static inline bool within(float value, float low, float high) {
    return value >= low && value <= high;
}

static inline bool all_zero(const uint8_t *bytes, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

#endif /* MB_ENVELOPE_H */
