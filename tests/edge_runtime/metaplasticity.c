/* The functions of src/metaplasticity.h, so that Python can call them. */
#include "metaplasticity.h"

float c_f_meta(float share, float m) { return mb_f_meta(share, m); }

void c_table(uint16_t *table, float m, uint32_t bits) { mb_table(table, m, bits); }

void c_grow(uint16_t *table, uint32_t k, uint32_t bits) { mb_grow(table, k, bits); }

/* Try to move each of n hidden weights of a row; `signs` are its packed signs. */
void c_try_move(uint8_t *levels, uint8_t *signs, uint32_t bits, uint32_t n, const uint8_t *rises,
                const uint16_t *chance, const uint16_t *table) {
    mb_mover mover = {table, 0, 0, 0, 0};
    mb_row row = {levels, signs, bits, mb_walk_row(0, (n + 31u) / 32u, 0)};
    for (uint32_t i = 0; i < n; i++) {
        mb_try_move(&mover, &row, i, rises[i], chance[i]);
    }
}

int c_consolidated(uint16_t entry) { return mb_consolidated(entry); }
