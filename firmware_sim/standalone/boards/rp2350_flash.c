/* rp2350_flash.c: the RP2350's QSPI flash, erased and written by its boot ROM, of an Arm or of a
 * RISC-V core. Neither code nor data can be read from it meanwhile, so what is written lies in RAM.
 * Afterwards the boot ROM reads slowly; the three registers that say how flash is read get back
 * what it had found out at the start, and code that changes them lies in RAM too.
 * Sources: RP2350 data sheet, "Bootrom APIs" and "QSPI memory interface"; run on emulated cores
 * with such a ROM, not on a chip. */
#include "../board.h"
#include "../flash.h"

#define IN_RAM __attribute__((noinline, section(".data.fw_in_ram")))

#if defined(__riscv)
/* The ROM's table holds jumps for these cores: an entry is called itself. */
#define LOOK_UP 0x7DFAu
#define FOR_THIS_CORE 1u
#else
#define LOOK_UP 0x16u
#define FOR_THIS_CORE 4u /* in the secure state, as the image runs */
#endif

#define READ_TIMING FW_REGISTER(0x400D000Cu)
#define READ_FORMAT FW_REGISTER(0x400D0010u)
#define READ_COMMAND FW_REGISTER(0x400D0014u)

/* What the ROM is to do: at an address as the core sees it, with the rights of the secure state. */
#define ERASE 0x101u
#define WRITE 0x10101u

#define PAGE_BYTES 4096u
#define PIECE_BYTES 256u

const uint32_t fw_flash_write_bytes = PIECE_BYTES;

typedef void *(*lookup_function)(uint32_t code, uint32_t mask);
typedef void (*plain_function)(void);
typedef int (*change_function)(uint32_t what, uint32_t at, uint32_t bytes, const uint8_t *data);

typedef struct work {
    plain_function connect, leave, empty_cache;
    change_function change;
    uint32_t what, at, bytes;
    uint8_t data[PIECE_BYTES];
} work;

/* A function of the boot ROM, by its two letters. */
static void *in_rom(char first, char second) {
    uint16_t at = *(const volatile uint16_t *)(uintptr_t)LOOK_UP;
    lookup_function look_up = (lookup_function)(uintptr_t)at;
    return look_up((uint32_t)(uint8_t)first | (uint32_t)(uint8_t)second << 8, FOR_THIS_CORE);
}

IN_RAM static int do_work(const work *w) {
    uint32_t timing = READ_TIMING, format = READ_FORMAT, command = READ_COMMAND;
    int failed;
    w->connect();
    w->leave();
    failed = w->change(w->what, w->at, w->bytes, w->data);
    w->empty_cache();
    READ_TIMING = timing;
    READ_FORMAT = format;
    READ_COMMAND = command;
    return failed;
}

static int run(work *w, uint32_t what, uint32_t at, uint32_t bytes) {
    w->connect = (plain_function)in_rom('I', 'F');
    w->leave = (plain_function)in_rom('E', 'X');
    w->empty_cache = (plain_function)in_rom('F', 'C');
    w->change = (change_function)in_rom('F', 'O');
    w->what = what;
    w->at = at;
    w->bytes = bytes;
    return do_work(w);
}

int fw_flash_erase(uint32_t address) {
    work w;
    return run(&w, ERASE, address, PAGE_BYTES);
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    work w;
    int failed = 0;
    for (size_t done = 0; done < bytes && !failed; done += PIECE_BYTES) {
        for (uint32_t i = 0; i < PIECE_BYTES; i++) {
            w.data[i] = from[done + i];
        }
        failed = run(&w, WRITE, address + (uint32_t)done, PIECE_BYTES);
    }
    return failed;
}
