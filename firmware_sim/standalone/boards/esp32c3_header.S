/* esp32c3_header.S: by these two words the boot ROM of an ESP32-C3 knows a program that runs out of
 * flash as it is ("direct boot"). The ROM shows the first 4 MiB of the flash in two windows, for
 * code at 0x42000000 and for data at 0x3C000000, and jumps to the instruction after the words.
 * Source: ESP32-C3 technical reference manual, "Chip Boot Control". */
    .section .header, "a", %progbits
    .word 0xaedb041d
    .word 0xaedb041d
