/* rp2350_image_def.S: the block by which the RP2350's boot ROM knows an image: an executable for
 * this chip, of its Arm or of its RISC-V cores, which begins at its lowest address. RP2350 data
 * sheet, "Minimum viable image metadata". */
    .section .image_def, "a", %progbits
    .balign 4
    .word 0xffffded3 /* begins */
    .byte 0x42, 1    /* the type of the image, one word */
#if defined(__riscv)
    .hword 0x1101
#else
    .hword 0x1021 /* in the secure state */
#endif
    .word 0x000001ff /* no more items; they took one word */
    .word 0          /* the next block is this one */
    .word 0xab123579 /* ends */
