/* memory.c: see memory.h. The linker script defines where everything lies. */
#include "memory.h"

#include <stdint.h>

extern uint32_t fw_data_start[], fw_data_end[], fw_bss_start[], fw_bss_end[];
extern const uint32_t fw_data_load[];

void fw_prepare_memory(void) {
    const uint32_t *from = fw_data_load;
    for (uint32_t *to = fw_data_start; to < fw_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = fw_bss_start; to < fw_bss_end; to++) {
        *to = 0;
    }
}
