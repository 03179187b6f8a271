/* cycles.c: DWT_CYCCNT of a Cortex-M3 and above, mcycle of RISC-V.
 *
 * Sources: Armv7-M and Armv8-M architecture reference manuals, "Data Watchpoint and Trace unit";
 * the RISC-V privileged specification, "Hardware Performance Monitor". That a Cortex-M7 wants the
 * unit unlocked first, and that Hazard3 holds its counter until mcountinhibit is cleared: from
 * memory.
 */
#include "cycles.h"
#include "board.h"

#if defined(__riscv)

static uint32_t low(void) {
    uint32_t value;
    __asm__ volatile("csrr %0, mcycle" : "=r"(value));
    return value;
}

static int start(void) {
    uint32_t before = low();
    if (low() == before) {
        __asm__ volatile("csrw 0x320, zero"); /* mcountinhibit, which not every core has */
    }
    return 1;
}

#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__) || \
    defined(__ARM_ARCH_8_1M_MAIN__)

#define DEMCR FW_REGISTER(0xE000EDFCu)
#define TRCENA (1u << 24)
#define DWT_CTRL FW_REGISTER(0xE0001000u)
#define CYCCNTENA 1u
#define NOCYCCNT (1u << 25)
#define DWT_CYCCNT FW_REGISTER(0xE0001004u)
#define DWT_LAR FW_REGISTER(0xE0001FB0u)

static uint32_t low(void) { return DWT_CYCCNT; }

static int start(void) {
    DEMCR |= TRCENA;
    DWT_LAR = 0xC5ACCE55u;
    DWT_CTRL |= CYCCNTENA;
    return (DWT_CTRL & NOCYCCNT) == 0;
}

#else

static uint32_t low(void) { return 0; }

static int start(void) { return 0; }

#endif

static uint32_t last, wraps;

int fw_cycles_start(void) {
    if (!start()) {
        return 0;
    }
    last = low();
    return low() != last;
}

uint64_t fw_cycles(void *context) {
    uint32_t now = low();
    (void)context;
    wraps += now < last;
    last = now;
    return (uint64_t)wraps << 32 | now;
}
