/* memory.h: variables as C wants them, before anything else runs. */
#ifndef FW_MEMORY_H
#define FW_MEMORY_H

/* Copy initialised variables out of flash, and clear the others. */
void fw_prepare_memory(void);

#endif /* FW_MEMORY_H */
