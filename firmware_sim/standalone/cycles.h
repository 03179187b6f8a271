/* cycles.h: the core's own counter of cycles. */
#ifndef FW_CYCLES_H
#define FW_CYCLES_H

#include <stdint.h>

/* Start the counter. Returns 0 where the core has none, as a Cortex-M0+, or where it stands still,
 * as on some emulators. */
int fw_cycles_start(void);

/* Cycles since the start. A counter of 32 bits is extended, so ask at least once in 2^32 cycles. */
uint64_t fw_cycles(void *context);

#endif /* FW_CYCLES_H */
