/* esp32c3_flash.c: the flash of an ESP32-C3, erased and written by the functions of its boot ROM.
 * Neither code nor data can be read from flash meanwhile, so what calls them lies in RAM, which the
 * core runs at another address than it writes.
 * Sources: Espressif's list of the ROM's functions (esp32c3.rom.ld) and ESP32-C3 technical
 * reference manual, "System and Memory"; run on an emulated core with such a ROM, not on a chip. */
#include "../board.h"
#include "../flash.h"

#define IN_RAM __attribute__((noinline, section(".data.fw_in_ram")))

#define DATA_WINDOW 0x3C000000u
#define RAM_FOR_CODE 0x700000u /* further up */
#define PAGE_BYTES 4096u
#define PIECE_BYTES 256u

typedef int (*unlock_function)(void);
typedef int (*erase_function)(uint32_t sector);
typedef int (*write_function)(uint32_t at, const uint32_t *data, int32_t bytes);
typedef uint32_t (*suspend_function)(void);
typedef void (*resume_function)(uint32_t autoload);
typedef int (*forget_function)(uint32_t at, uint32_t bytes);

const uint32_t fw_flash_write_bytes = 32;

/* What is done while the flash is not read from: an erasure, or writing where there is data. */
typedef struct work {
    suspend_function suspend;
    forget_function forget;
    resume_function resume;
    unlock_function unlock;
    erase_function erase;
    write_function write;
    uint32_t at, bytes;
    int has_data;
    uint32_t data[PIECE_BYTES / 4];
} work;

typedef int (*work_function)(const work *w);

/* What the cache had of the place is forgotten before flash is read again. */
IN_RAM static int do_work(const work *w) {
    uint32_t autoload = w->suspend();
    int failed = w->unlock();
    if (!failed) {
        failed = w->has_data ? w->write(w->at, w->data, (int32_t)w->bytes)
                             : w->erase(w->at / PAGE_BYTES);
    }
    w->forget(DATA_WINDOW + w->at, w->bytes);
    w->resume(autoload);
    return failed;
}

static int run(work *w) {
    work_function in_ram = (work_function)((uintptr_t)do_work + RAM_FOR_CODE);
    w->unlock = (unlock_function)(uintptr_t)0x40000140u;
    w->erase = (erase_function)(uintptr_t)0x40000128u;
    w->write = (write_function)(uintptr_t)0x4000012Cu;
    w->forget = (forget_function)(uintptr_t)0x400004D4u;
    w->suspend = (suspend_function)(uintptr_t)0x40000524u;
    w->resume = (resume_function)(uintptr_t)0x40000528u;
    return in_ram(w);
}

int fw_flash_erase(uint32_t address) {
    work w;
    w.at = address - DATA_WINDOW;
    w.bytes = PAGE_BYTES;
    w.has_data = 0;
    return run(&w);
}

/* The ROM takes whole words that lie in RAM. */
int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    work w;
    int failed = 0;
    w.has_data = 1;
    for (size_t done = 0; done < bytes && !failed; done += w.bytes) {
        w.at = address + (uint32_t)done - DATA_WINDOW;
        w.bytes = bytes - done < PIECE_BYTES ? (uint32_t)(bytes - done) : PIECE_BYTES;
        for (uint32_t i = 0; i < w.bytes; i += 4) {
            w.data[i / 4] = fw_word(from + done + i);
        }
        failed = run(&w);
    }
    return failed;
}
