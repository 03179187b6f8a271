/* ra4m1.h: registers of 8 and of 16 bits of a Renesas RA4M1, and what two of its files share. */
#ifndef FW_RA4M1_H
#define FW_RA4M1_H

#include "../board.h"

#define RA_BYTE(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define RA_HALF(address) (*(volatile uint16_t *)(uintptr_t)(address))

/* The cache of the flash that code runs from. */
#define CACHE_ON RA_HALF(0x4001C100u)
#define CACHE_EMPTY RA_HALF(0x4001C104u)

/* The core runs at 48 MHz, and the flash at half of it. */
#define FLASH_MHZ 24u

#endif /* FW_RA4M1_H */
