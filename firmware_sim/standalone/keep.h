/* keep.h: where a firmware keeps what it has learnt. One of keep_*.c is linked. */
#ifndef FW_KEEP_H
#define FW_KEEP_H

#include "metabit_link.h"

/* Give the line its storage, if there is any. Returns MB_OK, or why there is none although there
 * should be. */
int fw_keep_start(mb_link *line, mb_link_port *port);

#endif /* FW_KEEP_H */
