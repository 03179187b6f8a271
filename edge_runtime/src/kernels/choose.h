/* choose.h: the kernel sets of this build, and which of them a model runs with. */
#ifndef MB_CHOOSE_H
#define MB_CHOOSE_H

#include "kernels.h"

/* Number `isa` of list.h, counted from 1; NULL after the last. */
const mb_kernels *mb_kernels_number(uint32_t isa);

/* Resolve mb_options.isa: 0 is the best that runs here. Returns 0 for a set that does not. */
uint32_t mb_choose_kernels(uint32_t wanted);

#endif /* MB_CHOOSE_H */
