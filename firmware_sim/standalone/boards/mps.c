/* mps.c: Arm's MPS2 and MPS3 boards. Their clocks run from the start; the serial port is the APB
 * UART of the Cortex-M System Design Kit. Registers: its technical reference manual; addresses:
 * application notes AN385 and AN547, from memory. */
#include "../board.h"

#if defined(__ARM_ARCH_8M_MAIN__)
#define UART 0x59303000u /* AN547, Corstone-300, secure */
#else
#define UART 0x40004000u /* AN385, AN386, AN500 */
#endif
#define DATA FW_REGISTER(UART)
#define STATE FW_REGISTER(UART + 0x04u)
#define CTRL FW_REGISTER(UART + 0x08u)
#define BAUDDIV FW_REGISTER(UART + 0x10u)

#define CLOCK_HZ 25000000u

void fw_board_start(void) {
    BAUDDIV = CLOCK_HZ / 115200u;
    CTRL = 3u; /* send and receive */
}

void fw_board_put(uint8_t byte) {
    while (STATE & 1u) { /* full */
    }
    DATA = byte;
}

int fw_board_get(void) { return STATE & 2u ? (int)(DATA & 0xFFu) : -1; }
