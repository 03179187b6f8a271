/* differences.h: in how many bits four of a byte's and any other four differ, as tables to look up
 * in. */
#ifndef MB_KERNELS_DIFFERENCES_H
#define MB_KERNELS_DIFFERENCES_H

#include <stdint.h>

/* Entry [x][h][w]: bits in which w differs from the low (h = 0) or high half of byte x. */
extern const uint8_t mb_differences[256][2][16];

#endif /* MB_KERNELS_DIFFERENCES_H */
