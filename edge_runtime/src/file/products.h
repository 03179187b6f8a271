/* products.h: a symmetric matrix of sums of products, 24 bits per number, its upper triangle only.
 *
 * Row after row, from the diagonal to the right, three bytes per number, the lowest first.
 */
#ifndef MB_PRODUCTS_H
#define MB_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

#define MB_PRODUCT_BYTES 3u

/* Numbers in the triangle of an (n, n) matrix. */
static inline uint32_t mb_triangle(uint32_t n) { return n * (n + 1u) / 2u; }

/* Number of entry (i, j) in the triangle; i <= j. */
static inline uint32_t mb_entry(uint32_t n, uint32_t i, uint32_t j) {
    return i * n - i * (i + 1u) / 2u + j;
}

static inline int32_t mb_product(const uint8_t *products, uint32_t entry) {
    const uint8_t *at = products + (size_t)MB_PRODUCT_BYTES * entry;
    uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
    return (int32_t)(bits ^ 0x800000u) - 0x800000;
}

static inline void mb_set_product(uint8_t *products, uint32_t entry, int32_t value) {
    uint8_t *at = products + (size_t)MB_PRODUCT_BYTES * entry;
    at[0] = (uint8_t)((uint32_t)value);
    at[1] = (uint8_t)((uint32_t)value >> 8);
    at[2] = (uint8_t)((uint32_t)value >> 16);
}

#endif /* MB_PRODUCTS_H */
