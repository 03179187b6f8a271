/* start_aarch64.S: what an AArch64 core does before C: a stack, and the floating-point unit. */
    .section .vectors, "ax", %progbits
    .global fw_reset
    .type fw_reset, %function
fw_reset:
    mrs x0, cpacr_el1
    orr x0, x0, #(3 << 20) /* FPEN: no trap for floating point and SIMD */
    msr cpacr_el1, x0
    isb
    adrp x0, fw_stack_high
    add x0, x0, :lo12:fw_stack_high
    mov sp, x0
    bl fw_main
fw_unexpected:
    brk #1
    b fw_unexpected
    .size fw_reset, . - fw_reset

/* Hand over to the host. On a board with a debug probe this stops the core. */
    .section .text.fw_stop, "ax", %progbits
    .global fw_stop
    .type fw_stop, %function
fw_stop:
    brk #0
    .global fw_resume
fw_resume:
    ret
    .size fw_stop, . - fw_stop
