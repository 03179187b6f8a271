/* loops.S: loops of 1,000 steps with the operations of loops that were measured on an ESP32-C3: a
 * count, a word loaded and used, a word stored, and a jump ahead. They return nothing. */
#if defined(__riscv)
    .text
    .macro loop name
    .balign 4
    .global \name
    .type \name, %function
\name:
    .endm

    loop loop_count
    li t0, 0
    li t1, 1000
1:  addi t0, t0, 1
    bne t0, t1, 1b
    nop
    ret

    loop loop_load
    mv t2, sp
    li t0, 4
    sw t0, -8(sp)
    li t1, 4000
    li t0, 0
1:  lw t2, -8(sp)
    add t0, t0, t2
    bne t0, t1, 1b
    ret

    loop loop_store
    li t0, 0
    li t1, 4000
    li t2, 0
1:  xor t2, t2, zero
    sw zero, -8(sp)
    nop
    nop
    addi t0, t0, 4
    bne t0, t1, 1b
    ret

    loop loop_jump
    li t0, 0
    li t1, 1000
1:  j 2f
    nop
2:  addi t0, t0, 1
    bne t0, t1, 1b
    nop
    ret
#endif
