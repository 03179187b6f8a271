/* kept.c: the record in a device's storage. State and session are one record, because a device that
 * knew one of them from before a commit and the other from after it would learn samples twice. */
#include "kept.h"

#include "../file/envelope.h"
#include "protocol.h"

#define MAGIC 0x316b626du /* "mbk1" */

static int write_state(void *context, size_t offset, const void *data, size_t bytes) {
    const mb_link_port *port = (const mb_link_port *)context;
    return port->keep_write(port->context, KEPT_STATE + offset, data, bytes);
}

static int read_state(void *context, size_t offset, void *data, size_t bytes) {
    const mb_link_port *port = (const mb_link_port *)context;
    return port->kept_read(port->context, KEPT_STATE + offset, data, bytes);
}

bool mb_has_storage(const mb_link_port *port) { return port->keep_start != NULL; }

int mb_kept_save(const mb_link_port *port, const mb_model *model, const mb_progress *progress) {
    uint8_t header[KEPT_STATE];
    uint32_t magic = MAGIC, state_bytes = (uint32_t)mb_state_bytes(model);
    if (state_bytes == 0) {
        return MB_ERR_NO_STATE;
    }
    mb_copy(header + KEPT_MAGIC, &magic, 4);
    mb_copy(header + KEPT_N_LEARNT, &progress->n_learnt, 4);
    mb_copy(header + KEPT_SESSION, &progress->session, 8);
    mb_copy(header + KEPT_STATE_BYTES, &state_bytes, 4);
    uint32_t crc = mb_crc32(0, header, KEPT_CRC);
    mb_copy(header + KEPT_CRC, &crc, 4);
    if (port->keep_start(port->context, KEPT_STATE + state_bytes) != 0 ||
        port->keep_write(port->context, 0, header, KEPT_STATE) != 0) {
        return MB_ERR_STORAGE;
    }
    int error = mb_state_save(model, write_state, (void *)(uintptr_t)port);
    return error == MB_OK && port->keep_end(port->context) != 0 ? MB_ERR_STORAGE : error;
}

int mb_kept_load(const mb_link_port *port, mb_model *model, mb_progress *progress) {
    uint8_t header[KEPT_STATE];
    size_t bytes = mb_has_storage(port) ? port->kept_bytes(port->context) : 0;
    if (bytes == 0) {
        return 0;
    }
    if (bytes < KEPT_STATE) {
        return MB_ERR_CORRUPT;
    }
    if (port->kept_read(port->context, 0, header, KEPT_STATE) != 0) {
        return MB_ERR_STORAGE;
    }
    if (u32(header, KEPT_MAGIC) != MAGIC) {
        return MB_ERR_FORMAT;
    }
    if (mb_crc32(0, header, KEPT_CRC) != u32(header, KEPT_CRC) ||
        u32(header, KEPT_STATE_BYTES) != bytes - KEPT_STATE) {
        return MB_ERR_CORRUPT;
    }
    int error = mb_state_load(model, read_state, (void *)(uintptr_t)port);
    if (error != MB_OK) {
        return error;
    }
    progress->n_learnt = u32(header, KEPT_N_LEARNT);
    mb_copy(&progress->session, header + KEPT_SESSION, 8);
    return 1;
}
