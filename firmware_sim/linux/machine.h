/* machine.h: what the machine says of itself. */
#ifndef FW_MACHINE_H
#define FW_MACHINE_H

/* Print a string as JSON has it; bytes that are not printable ASCII become question marks. */
void fw_print_text(const char *text);

/* Print `"machine": {...}`: board, processor, kernel, governor, clock limit, temperature, and
 * whether the board throttles. What cannot be read is null. */
void fw_print_machine(void);

#endif /* FW_MACHINE_H */
