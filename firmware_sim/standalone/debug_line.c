/* debug_line.c: the serial port of a firmware on an emulated core, or under a debug server. Bytes
 * go through memory while the core stands still. */
#include "debug_line.h"
#include "board.h"

#define PIECE 256u

volatile fw_debug_request fw_debug;

static uint8_t coming[PIECE], going[PIECE];
static uint32_t n_coming, n_taken, n_going;

void fw_stop(void); /* in start_*.S */

int fw_debug_ask(uint32_t kind, uint32_t offset, const void *at, uint32_t bytes) {
    fw_debug.at = (uintptr_t)at;
    fw_debug.offset = offset;
    fw_debug.bytes = bytes;
    fw_debug.result = 1;
    fw_debug.kind = kind;
    fw_stop();
    fw_debug.kind = 0;
    return fw_debug.result;
}

static void flush(void) {
    uint32_t n = n_going;
    n_going = 0;
    if (n != 0) {
        (void)fw_debug_ask(FW_DEBUG_SEND, 0, going, n);
    }
}

void fw_board_start(void) {}

void fw_board_put(uint8_t byte) {
    going[n_going++] = byte;
    if (n_going == PIECE) {
        flush();
    }
}

int fw_board_get(void) {
    if (n_taken == n_coming) {
        flush();
        (void)fw_debug_ask(FW_DEBUG_RECEIVE, 0, coming, PIECE);
        n_coming = fw_debug.bytes;
        n_taken = 0;
    }
    return n_taken < n_coming ? coming[n_taken++] : -1;
}
