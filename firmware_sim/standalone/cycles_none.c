/* cycles_none.c: an emulated core has no cycles to count. */
#include "cycles.h"

int fw_cycles_start(void) { return 0; }

uint64_t fw_cycles(void *context) {
    (void)context;
    return 0;
}
