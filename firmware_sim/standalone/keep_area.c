/* keep_area.c: slots at the end of the board's flash, which take turns. */
#include "keep_area.h"
#include "flash.h"
#include "memory.h"

extern uint8_t fw_keep[], fw_keep_end[];
extern const uint32_t fw_keep_page_bytes, fw_keep_slot_bytes;

/* A slot has room for several records, where two such slots fit: then commits write what has
 * changed, or samples, and erase less. */
#define MOST_RECORDS 4u

static mb_flash flash;

static int erase(void *context, size_t offset) {
    (void)context;
    return fw_flash_erase((uint32_t)(uintptr_t)(fw_keep + offset));
}

static int write(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context;
    return fw_flash_write((uint32_t)(uintptr_t)(fw_keep + offset), data, bytes);
}

/* Flash changes under the compiler's feet: each byte is looked at anew. */
static int read(void *context, size_t offset, void *data, size_t bytes) {
    const volatile uint8_t *from = fw_keep + offset;
    uint8_t *to = data;
    (void)context;
    for (size_t i = 0; i < bytes; i++) {
        to[i] = from[i];
    }
    return 0;
}

int fw_keep_area_start(mb_flash **started) {
    size_t area = (size_t)(fw_keep_end - fw_keep), slot = fw_keep_slot_bytes;
    size_t records = area / slot / 2u;
    slot *= records < MOST_RECORDS ? records : MOST_RECORDS;
    flash.n_slots = (uint32_t)(area / slot);
    flash.bytes = flash.n_slots * slot;
    flash.page_bytes = fw_keep_page_bytes;
    flash.write_bytes = fw_flash_write_bytes;
    flash.erase = erase;
    flash.write = write;
    flash.read = read;
    *started = &flash;
    return mb_flash_start(&flash);
}
