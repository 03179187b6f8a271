/* keep_at_host.c: the host keeps the record, of a board that it emulates or debugs. */
#include "debug_line.h"
#include "keep.h"

static int keep_start(void *context, size_t bytes) {
    (void)context;
    return fw_debug_ask(FW_DEBUG_KEEP_START, 0, NULL, (uint32_t)bytes);
}

static int keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context;
    return fw_debug_ask(FW_DEBUG_KEEP, (uint32_t)offset, data, (uint32_t)bytes);
}

static int keep_end(void *context) {
    (void)context;
    return fw_debug_ask(FW_DEBUG_KEEP_END, 0, NULL, 0);
}

static size_t kept_bytes(void *context) {
    (void)context;
    return fw_debug_ask(FW_DEBUG_KEPT_BYTES, 0, NULL, 0) == 0 ? fw_debug.bytes : 0;
}

static int kept_read(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    return fw_debug_ask(FW_DEBUG_KEPT, (uint32_t)offset, data, (uint32_t)bytes);
}

int fw_keep_start(mb_link *line, mb_link_port *port) {
    (void)line;
    port->keep_start = keep_start;
    port->keep_write = keep_write;
    port->keep_end = keep_end;
    port->kept_bytes = kept_bytes;
    port->kept_read = kept_read;
    return MB_OK;
}
