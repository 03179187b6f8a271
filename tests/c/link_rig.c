/* link_rig.c: a device in memory, for tests of the link. It runs on a stack of its own until it
 * waits for a byte, and can be reset at any call that it makes of its port or of its flash, which
 * then does the half of what it was told. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "metabit_flash.h"
#include "metabit_journal.h"
#include "metabit_link.h"

#define STACK_BYTES (256u << 10)
#define PAGE_BYTES 256u

typedef struct rig {
    mb_link link;
    mb_link_port port;
    ucontext_t host, device;
    uint8_t *stack;
    const uint8_t *in;
    size_t in_bytes;
    uint8_t *out;
    size_t out_bytes, out_most;
    mb_flash flash;
    uint8_t *cells;        /* of the flash */
    mb_journal journal;    /* where samples are kept in it */
    int64_t calls_to_live; /* of the port until the device is reset; below 0: never */
    uint64_t clock;
    uint32_t n_resets, n_commits;
} rig;

static void start(rig *r);

/* The device has made a call. Returns whether it is reset instead of returning from it. */
static int dies(rig *r) { return r->calls_to_live >= 0 && r->calls_to_live-- == 0; }

/* Reset the device: whatever it was about to do is not done. */
static void reset(rig *r) {
    r->n_resets++;
    start(r);
    setcontext(&r->host); /* the device's stack is forgotten */
}

static void called(rig *r) {
    if (dies(r)) {
        reset(r);
    }
}

static int receive(void *context) {
    rig *r = (rig *)context;
    called(r);
    while (r->in_bytes == 0) {
        swapcontext(&r->device, &r->host);
    }
    r->in_bytes--;
    return *r->in++;
}

static void send(void *context, const void *data, size_t bytes) {
    rig *r = (rig *)context;
    called(r);
    if (bytes <= r->out_most - r->out_bytes) {
        memcpy(r->out + r->out_bytes, data, bytes);
        r->out_bytes += bytes;
    }
}

static uint64_t cycles(void *context) { return ((rig *)context)->clock += 1000; }

static int flash_erase(void *context, size_t offset) {
    rig *r = (rig *)context;
    int half = dies(r);
    memset(r->cells + offset, 0xff, half ? PAGE_BYTES / 2 : PAGE_BYTES);
    if (half) {
        reset(r);
    }
    return 0;
}

static int flash_write(void *context, size_t offset, const void *data, size_t bytes) {
    rig *r = (rig *)context;
    int half = dies(r);
    memcpy(r->cells + offset, data, half ? bytes / 2 : bytes);
    if (half) {
        reset(r);
    }
    return 0;
}

static int flash_read(void *context, size_t offset, void *data, size_t bytes) {
    memcpy(data, ((rig *)context)->cells + offset, bytes);
    return 0;
}

static int keep_end(void *context) {
    rig *r = (rig *)context;
    int error = mb_flash_keep_end(&r->flash);
    r->n_commits++;
    called(r);
    return error;
}

static int keep_start(void *context, size_t bytes) {
    return mb_flash_keep_start(&((rig *)context)->flash, bytes);
}

static int keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    return mb_flash_keep_write(&((rig *)context)->flash, offset, data, bytes);
}

static size_t kept_bytes(void *context) { return mb_flash_kept_bytes(&((rig *)context)->flash); }

static int kept_read(void *context, size_t offset, void *data, size_t bytes) {
    return mb_flash_kept_read(&((rig *)context)->flash, offset, data, bytes);
}

/* ---- a journal, whose commits are counted ---------------------------------------------------- */

static int load(mb_link *link) { return mb_link_journal.load(link); }

static int learn(mb_link *link, const void *samples, const int32_t *labels, size_t n,
                 int32_t *predicted) {
    return mb_link_journal.learn(link, samples, labels, n, predicted);
}

static int save(mb_link *link) {
    rig *r = (rig *)link->port->context;
    int error = mb_link_journal.save(link);
    r->n_commits++;
    called(r);
    return error;
}

static const mb_link_keeper counted_journal = {load, learn, save};

static void run(uint32_t low, uint32_t high) {
    rig *r = (rig *)(uintptr_t)(low | (uint64_t)high << 32);
    if ((r->cells == NULL || mb_flash_start(&r->flash) == MB_OK) &&
        mb_link_start(&r->link) != MB_ERR_INPUT) {
        mb_link_serve(&r->link);
    }
}

/* Memory as it is after power-on, and the program at its beginning. */
static void start(rig *r) {
    uint64_t address = (uint64_t)(uintptr_t)r;
    memset(r->link.arena, 0xa5, r->link.arena_bytes);
    memset(r->link.buffer, 0xa5, r->link.buffer_bytes);
    r->journal = (mb_journal){.flash = &r->flash,
                              .most_again = r->journal.most_again,
                              .step = r->journal.step,
                              .step_bytes = r->journal.step_bytes};
    r->calls_to_live = -1;
    r->in_bytes = 0;
    getcontext(&r->device);
    r->device.uc_stack.ss_sp = r->stack;
    r->device.uc_stack.ss_size = STACK_BYTES;
    r->device.uc_link = &r->host;
    makecontext(&r->device, (void (*)(void))run, 2, (uint32_t)address, (uint32_t)(address >> 32));
}

/* most_again: 0 where the device keeps states alone, and otherwise as mb_journal has it. */
rig *rig_new(const void *blob, size_t blob_bytes, const mb_options *options, size_t arena_bytes,
             size_t buffer_bytes, int has_storage, uint32_t most_again) {
    rig *r = calloc(1, sizeof *r);
    r->port = (mb_link_port){.receive = receive, .send = send, .cycles = cycles, .context = r};
    if (has_storage) {
        r->port.keep_start = keep_start;
        r->port.keep_write = keep_write;
        r->port.keep_end = keep_end;
        r->port.kept_bytes = kept_bytes;
        r->port.kept_read = kept_read;
        size_t slot = (arena_bytes + 8192u) / PAGE_BYTES * PAGE_BYTES; /* more than a record */
        r->cells = calloc(2, slot);
        r->flash = (mb_flash){.bytes = 2 * slot,
                              .page_bytes = PAGE_BYTES,
                              .write_bytes = 4,
                              .n_slots = 2,
                              .erase = flash_erase,
                              .write = flash_write,
                              .read = flash_read,
                              .context = r};
    }
    r->stack = malloc(STACK_BYTES);
    r->link = (mb_link){.port = &r->port,
                        .blob = blob,
                        .blob_bytes = blob_bytes,
                        .options = options,
                        .arena = aligned_alloc(64, (arena_bytes + 63) / 64 * 64),
                        .arena_bytes = arena_bytes,
                        .buffer = aligned_alloc(64, (buffer_bytes + 63) / 64 * 64),
                        .buffer_bytes = buffer_bytes,
                        .board = "nrf52840",
                        .clock_hz = 1000000,
                        .frames = mb_link_frames};
    if (most_again > 0) {
        r->journal.most_again = most_again;
        r->journal.step_bytes = buffer_bytes;
        r->journal.step = aligned_alloc(64, (buffer_bytes + 63) / 64 * 64);
        r->link.keeper = &counted_journal;
        r->link.journal = &r->journal;
    }
    start(r);
    return r;
}

/* The device is switched off, and on again with firmware that opens its model otherwise. */
void rig_update(rig *r, const mb_options *options) {
    r->link.options = options;
    start(r);
}

/* Hand bytes to the device and let it run until it waits for more, or is reset, which happens after
 * so many calls of its port, or never where that is negative. Returns how many bytes it has
 * sent. */
size_t rig_feed(rig *r, const uint8_t *data, size_t bytes, uint8_t *out, size_t most,
                int64_t calls_to_live) {
    r->in = data;
    r->in_bytes = bytes;
    r->out = out;
    r->out_bytes = 0;
    r->out_most = most;
    r->calls_to_live = calls_to_live;
    swapcontext(&r->host, &r->device);
    r->calls_to_live = -1;
    r->in_bytes = 0;
    return r->out_bytes;
}

uint32_t rig_resets(const rig *r) { return r->n_resets; }
uint32_t rig_commits(const rig *r) { return r->n_commits; }

void rig_free(rig *r) {
    free(r->link.arena);
    free(r->link.buffer);
    free(r->journal.step);
    free(r->stack);
    free(r->cells);
    free(r);
}
