/* spin.c: a clock made of additions; see metabit_bench.h. */
#include "metabit_bench.h"

/* An empty statement that the compiler must assume to change `sum`, so that no two additions become
 * one. The addend is a variable, because some processors add constants while renaming registers. */
#define ADD(sum, addend)         \
    do {                         \
        (sum) += (addend);       \
        __asm__("" : "+r"(sum)); \
    } while (0)
#define ADD_4(sum, addend) \
    ADD(sum, addend);      \
    ADD(sum, addend);      \
    ADD(sum, addend);      \
    ADD(sum, addend)

uint64_t mb_spin(uint64_t n, uint64_t addend) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n / 16u; i++) { /* the loop's own counting runs beside the additions */
        ADD_4(sum, addend);
        ADD_4(sum, addend);
        ADD_4(sum, addend);
        ADD_4(sum, addend);
    }
    return sum;
}
