/* keep_area.h: the end of the board's flash, for keep_*.c that keep something there. */
#ifndef FW_KEEP_AREA_H
#define FW_KEEP_AREA_H

#include "metabit_flash.h"

/* Find what is kept. Returns as mb_flash_start(). */
int fw_keep_area_start(mb_flash **flash);

#endif /* FW_KEEP_AREA_H */
