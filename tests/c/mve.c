/* mve.c: the 8-bit kernel of the set for MVE against the scalar one, on an emulated Cortex-M55
 * without an operating system.
 *
 * Samples end where memory ends, so that reading a byte after them is a fault. Says what it found,
 * and leaves the emulator, through semihosting.
 */
#include "../../edge_runtime/src/kernels/choose.h"
#include "../../edge_runtime/src/kernels/scalar.h"
#include <metabit.h>

#define SAMPLES_END 0x20080000u /* the last byte of the data memory and one, on MPS3 AN547 */
#define STACK_HIGH 0x21400000u
#define MOST_IN 1025u
#define MOST_OUT 40u

static uint8_t weights[MOST_IN / 8u * MOST_OUT + 8u * MOST_OUT] __attribute__((aligned(4)));
static int32_t expected[MOST_OUT], found[MOST_OUT + 1u];

static uint32_t semihost(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void leave(const char *message) {
    semihost(0x04, message);               /* SYS_WRITE0 */
    semihost(0x18, (const void *)0x20026); /* SYS_EXIT, ADP_Stopped_ApplicationExit */
    for (;;) {
    }
}

static void fault(void) { leave("fault\n"); }

static uint32_t draw(void) {
    static uint32_t seed;
    seed = seed * 1664525u + 1013904223u;
    return seed >> 16;
}

static void try_shape(uint32_t n_in, uint32_t n_out) {
    static const int16_t inputs[][2] = {{0, 0}, {0, 255}, {0, 77}, {1, -128}, {1, 127}, {1, 0}};
    const mb_matrix matrix = {weights, n_in, n_out, (n_in + 31u) / 32u, MB_ROWS};
    uint8_t *x = (uint8_t *)(SAMPLES_END - n_in);
    for (uint32_t i = 0; i < n_in; i++) {
        x[i] = (uint8_t)draw();
    }
    for (uint32_t i = 0; i < 4u * matrix.words * n_out; i++) {
        const uint32_t first = i % (4u * matrix.words) * 8u; /* of the eight inputs of this byte */
        const uint32_t there = first + 8u <= n_in ? 8u : first < n_in ? n_in - first : 0;
        weights[i] = (uint8_t)(draw() & ((1u << there) - 1u));
    }
    for (uint32_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        const mb_as_uint8 type = mb_sample_type((uint32_t)inputs[i][0], inputs[i][1]);
        found[n_out] = 12345;
        mb_dense_bytes_scalar(expected, &matrix, x, type);
        mb_kernels_number(1)->dense_bytes(found, &matrix, x, type);
        for (uint32_t j = 0; j < n_out; j++) {
            if (found[j] != expected[j] || found[n_out] != 12345) {
                leave("differs from scalar\n");
            }
        }
    }
}

static void start(void) {
    static const uint32_t lengths[] = {1,  2,  15,  16,  17,  31,  32,  33,
                                       63, 64, 127, 128, 129, 255, 784, 1025};
    static const uint32_t rows[] = {1, 2, 31, 33};
    *(volatile uint32_t *)0xE000ED88u |=
        0x00F00000u; /* CPACR: floats and vectors, off after reset */
    __asm__ volatile("dsb\n isb" ::: "memory");
    for (uint32_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (uint32_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            try_shape(lengths[i], rows[j]);
        }
    }
    leave(mb_isa_name(1));
}

const struct {
    uint32_t stack;
    void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {STACK_HIGH,
                                                        {start, fault, fault, fault, fault, fault}};
