/* main.c: the firmware that stands alone. It tests itself, opens the model out of flash, in a
 * static arena, says so on the serial port, and then answers a host there (docs/DEVICE.md).
 *
 * What differs between boards is in boards/, in start_*.S and in the linker script; the model is in
 * the image that flash_image.py generates.
 */
#include "board.h"
#include "cycles.h"
#include "keep.h"
#include "memory.h"
#include "metabit_link.h"

extern const uint8_t fw_blob[], fw_blob_end[];
extern const mb_options fw_options;
extern uint8_t fw_arena[], fw_arena_end[];
extern uint8_t fw_line_buffer[], fw_line_buffer_end[];
extern const char fw_board_name[], fw_choice[];
extern const uint32_t fw_clock_hz;
extern const mb_link_frames_fn fw_frames;

void fw_main(void);

static size_t blob_bytes(void) { return (size_t)(fw_blob_end - fw_blob); }

static size_t arena_bytes(void) { return (size_t)(fw_arena_end - fw_arena); }

static void say(const char *text) {
    for (; *text != '\0'; text++) {
        fw_board_put((uint8_t)*text);
    }
}

static void say_number(size_t number) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    while (n > 0) {
        fw_board_put((uint8_t)digits[--n]);
    }
}

static void say_result(const char *what, int result) {
    say(what);
    say(result == MB_OK ? ": ok" : ": ");
    say(result == MB_OK ? "" : mb_error_text(result));
    say("\r\n");
}

/* Say what this is, and whether its golden samples have the scores that they had at export. */
static void introduce(void) {
    mb_info info;
    int result = mb_verify(fw_blob, blob_bytes(), &info);
    say("\r\nmetabit ");
    say(mb_version());
    say(" on ");
    say(fw_board_name);
    say("\r\n");
    say_result("model", result);
    if (result != MB_OK) {
        return;
    }
    say_number(info.n_inputs);
    say(" inputs, ");
    say_number(info.n_outputs);
    say(" classes, ");
    say_number(arena_bytes());
    say(" bytes of RAM, ");
    say(fw_choice);
    say("\r\n");
    if (info.n_golden != 0) {
        result = mb_self_test(fw_arena, arena_bytes(), fw_blob, blob_bytes());
        say_result("self-test", result);
    }
}

/* ---- the line to a host ---------------------------------------------------------------------- */

static int receive(void *context) {
    int byte;
    (void)context;
    do {
        byte = fw_board_get();
    } while (byte < 0);
    return byte;
}

static void send(void *context, const void *data, size_t bytes) {
    const uint8_t *from = data;
    (void)context;
    for (size_t i = 0; i < bytes; i++) {
        fw_board_put(from[i]);
    }
}

static mb_link_port port = {receive, send, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
static mb_link line;

/* Entered from the start-up code with a stack and nothing else. */
void fw_main(void) {
    int result;
    fw_prepare_memory();
    fw_board_start();
    introduce();
    result = fw_keep_start(&line, &port);
    if (result != MB_OK) {
        say_result("storage", result);
    }
    port.cycles = fw_cycles_start() ? fw_cycles : NULL;
    line.port = &port;
    line.blob = fw_blob;
    line.blob_bytes = blob_bytes();
    line.options = &fw_options;
    line.arena = fw_arena;
    line.arena_bytes = arena_bytes();
    line.buffer = fw_line_buffer;
    line.buffer_bytes = (size_t)(fw_line_buffer_end - fw_line_buffer);
    line.board = fw_board_name;
    line.clock_hz = fw_clock_hz;
    line.frames = fw_frames;
    result = mb_link_start(&line);
    say_result("open", result);
    if (line.restored != 0) {
        say_result("what was kept", line.restored < 0 ? line.restored : MB_OK);
    }
    say(result == MB_OK ? "ready\r\n" : "");
    for (;;) {
        mb_link_serve(&line);
    }
}
