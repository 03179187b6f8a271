/* rp2040_boot2.S: the first 256 bytes of the flash. The boot ROM reads them slowly into RAM, checks
 * the CRC in the last four (flash_image.py puts it there), and runs them. They let the flash answer
 * reads four bits at a time (command EBh, with the command itself left out from then on), which
 * wants the flash's quad-enable bit, and start the image after them.
 *
 * Registers: RP2040 data sheet, chapter SSI; commands: data sheet of the W25Q16JV, the flash of the
 * Pico. Runs on rp2040js; the timing of a real flash is not in it. */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

#define PADS 0x40020000
#define SSI 0x18000000
#define CTRLR0 0x00
#define CTRLR1 0x04
#define SSIENR 0x08
#define BAUDR 0x14
#define SR 0x28
#define DR0 0x60
/* These two lie further than an instruction reaches; r5 holds the address of the first. */
#define RX_SAMPLE_DLY 0xf0
#define SPI_CTRLR0 0x04

    .section .header, "ax", %progbits
    .global fw_boot2, fw_boot2_end
    .type fw_boot2, %function
    .thumb_func
fw_boot2:
    ldr r4, =PADS
    movs r0, #0x21 /* the clock's pin: 8 mA, fast edges */
    str r0, [r4, #0x04]
    movs r0, #0x50 /* the pins of the data: 4 mA, inputs, no Schmitt trigger */
    str r0, [r4, #0x08]
    str r0, [r4, #0x0c]
    str r0, [r4, #0x10]
    str r0, [r4, #0x14]

    ldr r4, =SSI
    movs r5, #RX_SAMPLE_DLY
    adds r5, r4
    movs r0, #0
    str r0, [r4, #SSIENR]
    movs r0, #2 /* half of the core's clock */
    str r0, [r4, #BAUDR]
    movs r0, #1
    str r0, [r5]
    ldr r0, =(7 << 16) /* frames of 8 bits, sent and received */
    str r0, [r4, #CTRLR0]
    movs r0, #1
    str r0, [r4, #SSIENR]

    movs r0, #0x35 /* status register 2 */
    bl read_status
    movs r1, #2 /* quad enable */
    tst r0, r1
    bne is_quad
    movs r0, #0x06 /* write enable */
    str r0, [r4, #DR0]
    bl finish
    ldr r0, [r4, #DR0]
    movs r0, #0x01 /* write both status registers */
    str r0, [r4, #DR0]
    movs r0, #0
    str r0, [r4, #DR0]
    str r1, [r4, #DR0]
    bl finish
    ldr r0, [r4, #DR0]
    ldr r0, [r4, #DR0]
    ldr r0, [r4, #DR0]
still_writing:
    movs r0, #0x05 /* status register 1 */
    bl read_status
    movs r1, #1
    tst r0, r1
    bne still_writing
is_quad:
    movs r0, #0
    str r0, [r4, #SSIENR]

    /* One read with the command; its mode bits say that the next reads come without. */
    ldr r0, =(2 << 21 | 31 << 16 | 3 << 8) /* four lines, frames of 32 bits, address then data */
    str r0, [r4, #CTRLR0]
    movs r0, #0
    str r0, [r4, #CTRLR1]
    ldr r0, =(4 << 11 | 2 << 8 | 8 << 2 | 1) /* four waits, a command of 8 bits, 32 of address */
    str r0, [r5, #SPI_CTRLR0]
    movs r0, #1
    str r0, [r4, #SSIENR]
    movs r0, #0xeb
    str r0, [r4, #DR0]
    movs r0, #0xa0
    str r0, [r4, #DR0]
    bl finish
    movs r0, #0
    str r0, [r4, #SSIENR]

    /* From now on: the mode bits stand in the place of the command. */
    ldr r0, =(0xa0 << 24 | 4 << 11 | 8 << 2 | 2)
    str r0, [r5, #SPI_CTRLR0]
    movs r0, #1
    str r0, [r4, #SSIENR]

    ldr r0, =0x10000100 /* the vector table of the image */
    ldr r1, =0xe000ed08
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2

/* Send the command in r0, and return the byte that follows. Both bytes are queued at once, because
 * the flash is deselected as soon as the queue is empty. */
    .thumb_func
read_status:
    mov r6, lr
    str r0, [r4, #DR0]
    movs r0, #0
    str r0, [r4, #DR0]
    bl finish
    ldr r0, [r4, #DR0]
    ldr r0, [r4, #DR0]
    bx r6

/* Wait until everything is sent: the queue is empty, and the port is not busy. */
    .thumb_func
finish:
    ldr r3, [r4, #SR]
    movs r2, #4
    tst r3, r2
    beq finish
    movs r2, #1
    tst r3, r2
    bne finish
    bx lr

    .ltorg
    .org 252, 0
    .word 0 /* for the CRC */
fw_boot2_end:
    .size fw_boot2, . - fw_boot2
