/* keep_in_flash.c: slots at the end of the board's flash, which take turns. */
#include "flash.h"
#include "keep.h"
#include "memory.h"
#include "metabit_flash.h"

extern uint8_t fw_keep[], fw_keep_end[];
extern const uint32_t fw_keep_page_bytes, fw_keep_slot_bytes;

/* Where there is room for two such slots, a slot has room for several records: then commits write
 * what has changed, and erase less. */
#define RECORDS_PER_SLOT 4u

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

int fw_keep_start(mb_link_port *port) {
    size_t area = (size_t)(fw_keep_end - fw_keep), slot = fw_keep_slot_bytes;
    slot *= area >= 2u * RECORDS_PER_SLOT * slot ? RECORDS_PER_SLOT : 1u;
    flash.n_slots = (uint32_t)(area / slot);
    flash.bytes = flash.n_slots * slot;
    flash.page_bytes = fw_keep_page_bytes;
    flash.write_bytes = fw_flash_write_bytes;
    flash.erase = erase;
    flash.write = write;
    flash.read = read;
    port->keep_start = mb_flash_keep_start;
    port->keep_write = mb_flash_keep_write;
    port->keep_end = mb_flash_keep_end;
    port->kept_bytes = mb_flash_kept_bytes;
    port->kept_read = mb_flash_kept_read;
    port->context = &flash;
    return mb_flash_start(&flash);
}
