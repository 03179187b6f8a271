/* differences.c: the table of differences.h, made by the preprocessor. */
#if defined(__GNUC__) && defined(__x86_64__)

#include "differences.h"

#define ONES(n) ((n) & 1) + ((n) >> 1 & 1) + ((n) >> 2 & 1) + ((n) >> 3 & 1)
#define FOUR(x, w) ONES((x) ^ (w)), ONES((x) ^ (w + 1)), ONES((x) ^ (w + 2)), ONES((x) ^ (w + 3))
#define SIXTEEN(x) {FOUR(x, 0), FOUR(x, 4), FOUR(x, 8), FOUR(x, 12)}
#define BYTE(x) {SIXTEEN((x) & 15), SIXTEEN((x) >> 4)}
#define BYTES_4(x) BYTE(x), BYTE(x + 1), BYTE(x + 2), BYTE(x + 3)
#define BYTES_16(x) BYTES_4(x), BYTES_4(x + 4), BYTES_4(x + 8), BYTES_4(x + 12)
#define BYTES_64(x) BYTES_16(x), BYTES_16(x + 16), BYTES_16(x + 32), BYTES_16(x + 48)

const uint8_t mb_differences[256][2][16]
    __attribute__((aligned(64))) = {BYTES_64(0), BYTES_64(64), BYTES_64(128), BYTES_64(192)};

#else
typedef int mb_no_differences; /* a file of ISO C is not empty */
#endif
