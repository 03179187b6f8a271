/* start_riscv32.S: what a RISC-V core does before C: a stack, and a place for what is not expected. */
    .section .vectors, "ax", %progbits
    .global fw_reset
    .type fw_reset, %function
fw_reset:
    la sp, fw_stack_high
    la t0, fw_unexpected
    csrw mtvec, t0 /* exceptions and interrupts: none is expected */
    call fw_main
    .size fw_reset, . - fw_reset

    .balign 4
    .global fw_unexpected
    .type fw_unexpected, %function
fw_unexpected:
    ebreak
    j fw_unexpected
    .size fw_unexpected, . - fw_unexpected

/* Hand over to the host. On a board with a debug probe this stops the core. */
    .section .text.fw_stop, "ax", %progbits
    .global fw_stop
    .type fw_stop, %function
fw_stop:
    ebreak
    .global fw_resume
fw_resume:
    ret
    .size fw_stop, . - fw_stop
