/* string.h: the four calls that the core uses, for a toolchain without a C library. The compiler's
 * run-time library has them, as every compiler needs them for its own generated code. */
#ifndef FW_STRING_H
#define FW_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif /* FW_STRING_H */
