/* start_cortex_m.S: what a Cortex-M does before C: the vector table and the reset handler. */
    .syntax unified
    .thumb

    .section .vectors, "a", %progbits
    .global fw_vectors
fw_vectors:
    .word fw_stack_high
    .word fw_reset
    .rept 14 /* NMI, the faults, SVCall, PendSV, SysTick: none is expected */
    .word fw_unexpected
    .endr

    .section .text.fw_reset, "ax", %progbits
    .global fw_reset
    .type fw_reset, %function
    .thumb_func
fw_reset:
#if defined(__ARM_FP)
    /* Coprocessors 10 and 11 are the floating-point unit; it is off after reset. */
    ldr r0, =0xE000ED88 /* CPACR */
    ldr r1, [r0]
    ldr r2, =0x00F00000
    orrs r1, r2
    str r1, [r0]
    dsb
    isb
#endif
    bl fw_main
    .size fw_reset, . - fw_reset

    .global fw_unexpected
    .type fw_unexpected, %function
    .thumb_func
fw_unexpected:
    bkpt #1
    b fw_unexpected
    .size fw_unexpected, . - fw_unexpected

/* Hand over to the host. On a board with a debug probe this stops the core. */
    .section .text.fw_stop, "ax", %progbits
    .global fw_stop
    .type fw_stop, %function
    .thumb_func
fw_stop:
    bkpt #0
    .global fw_resume
fw_resume:
    bx lr
    .size fw_stop, . - fw_stop
