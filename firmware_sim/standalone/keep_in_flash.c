/* keep_in_flash.c: what has been learnt is kept as states, in the board's flash. */
#include "keep.h"
#include "keep_area.h"

int fw_keep_start(mb_link *line, mb_link_port *port) {
    mb_flash *flash;
    int result = fw_keep_area_start(&flash);
    (void)line;
    port->keep_start = mb_flash_keep_start;
    port->keep_write = mb_flash_keep_write;
    port->keep_end = mb_flash_keep_end;
    port->kept_bytes = mb_flash_kept_bytes;
    port->kept_read = mb_flash_kept_read;
    port->context = flash;
    return result;
}
