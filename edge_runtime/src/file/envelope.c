/* envelope.c: header, section table and checksums of a .mbit blob; docs/FORMAT.md is its twin.
 *
 * The blob is hostile: no field is used before the checksum over it and its bounds have been
 * checked.
 */
#include "envelope.h"

#include "metabit.h"
#include "offsets.h"

#define SECTION_ALIGNMENT 64u
#define MAX_SECTIONS 64u
#define FORMAT_MAJOR 1u
#define ENDIAN_MARK 0x01020304u
#define CRITICAL 1u

#define TYPE(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static const uint8_t magic[HEADER_MAJOR] = {0x89, 'M', 'B', 'I', 'T', '\r', '\n', 0x1a};

static const uint32_t types[N_TYPES] = {
    TYPE('N', 'E', 'T', 'W'), TYPE('W', 'G', 'T', 'S'), TYPE('T', 'H', 'R', 'S'),
    TYPE('N', 'O', 'R', 'M'), TYPE('L', 'E', 'R', 'N'), TYPE('H', 'E', 'A', 'D'),
    TYPE('T', 'R', 'C', 'K'), TYPE('G', 'O', 'A', 'L'), TYPE('F', 'R', 'N', 'T'),
    TYPE('G', 'O', 'L', 'D'), TYPE('M', 'E', 'T', 'A'),
};

/* ---- checksum ------------------------------------------------------------------------------- */

static const uint32_t crc_table[16] = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
    0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
    0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
};

/* Four bits at a time: 64 bytes of table. */
uint32_t mb_crc32(uint32_t crc, const void *data, size_t bytes) {
    const uint8_t *at = (const uint8_t *)data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= at[i];
        crc = (crc >> 4) ^ crc_table[crc & 15u];
        crc = (crc >> 4) ^ crc_table[crc & 15u];
    }
    return ~crc;
}

/* ---- header and section table --------------------------------------------------------------- */

static int check_header(const uint8_t *b, size_t blob_bytes, uint32_t *n_sections) {
    if (blob_bytes < HEADER_BYTES || !mb_same(b + HEADER_MAGIC, magic, sizeof magic)) {
        return MB_ERR_FORMAT;
    }
    if (mb_crc32(0, b, HEADER_CRC) != u32(b, HEADER_CRC)) {
        return MB_ERR_CORRUPT;
    }
    uint32_t major = u32(b, HEADER_MAJOR) & 0xffffu; /* the minor version is above it */
    if (major != FORMAT_MAJOR || u32(b, HEADER_ENDIAN_MARK) != ENDIAN_MARK) {
        return MB_ERR_FORMAT;
    }
    *n_sections = u32(b, HEADER_N_SECTIONS);
    if (u32(b, HEADER_FILE_BYTES) != blob_bytes || *n_sections > MAX_SECTIONS ||
        !all_zero(b + HEADER_ZERO, HEADER_CRC - HEADER_ZERO) ||
        blob_bytes < HEADER_BYTES + (size_t)*n_sections * ENTRY_BYTES) {
        return MB_ERR_CORRUPT;
    }
    if (mb_crc32(0, b + HEADER_BYTES, *n_sections * ENTRY_BYTES) != u32(b, HEADER_TABLE_CRC)) {
        return MB_ERR_CORRUPT;
    }
    return MB_OK;
}

/* Note a section in the map. Unknown types are refused when critical and skipped otherwise. */
static int place(section_map *map, uint32_t type, uint32_t flags, uint32_t at, uint32_t bytes) {
    for (int i = 0; i < N_TYPES; i++) {
        if (types[i] == type) {
            if (map->offset[i] != 0) {
                return MB_ERR_CORRUPT; /* twice */
            }
            map->offset[i] = at;
            map->length[i] = bytes;
            return MB_OK;
        }
    }
    return (flags & CRITICAL) ? MB_ERR_FORMAT : MB_OK;
}

static int check_sections(const uint8_t *b, size_t blob_bytes, uint32_t n, section_map *map) {
    uint64_t end = HEADER_BYTES + (uint64_t)n * ENTRY_BYTES;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t entry = HEADER_BYTES + i * ENTRY_BYTES;
        uint32_t flags = u32(b, entry + ENTRY_FLAGS), at = u32(b, entry + ENTRY_OFFSET);
        uint32_t bytes = u32(b, entry + ENTRY_LENGTH);
        uint64_t expected = (end + SECTION_ALIGNMENT - 1u) & ~(uint64_t)(SECTION_ALIGNMENT - 1u);
        if (at != expected || (uint64_t)at + bytes > blob_bytes || flags > CRITICAL ||
            !all_zero(b + entry + ENTRY_ZERO, ENTRY_BYTES - ENTRY_ZERO) ||
            !all_zero(b + end, (size_t)(at - end)) ||
            mb_crc32(0, b + at, bytes) != u32(b, entry + ENTRY_CRC)) {
            return MB_ERR_CORRUPT;
        }
        end = (uint64_t)at + bytes;
        int error = place(map, u32(b, entry + ENTRY_TYPE), flags, at, bytes);
        if (error != MB_OK) {
            return error;
        }
    }
    bool complete = map->offset[NETWORK] && map->offset[WEIGHTS] && map->offset[THRESHOLDS] &&
                    map->offset[NORM];
    return end == blob_bytes && complete ? MB_OK : MB_ERR_CORRUPT;
}

int mb_find_sections(section_map *map, const uint8_t *blob, size_t blob_bytes) {
    uint32_t n_sections = 0;
    mb_zero(map, sizeof *map);
    int error = check_header(blob, blob_bytes, &n_sections);
    return error != MB_OK ? error : check_sections(blob, blob_bytes, n_sections, map);
}
