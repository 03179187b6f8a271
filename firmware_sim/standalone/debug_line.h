/* debug_line.h: how a firmware asks the host while its core stands still in fw_stop().
 * core_line.py is its twin: change both together. */
#ifndef FW_DEBUG_LINE_H
#define FW_DEBUG_LINE_H

#include <stdint.h>

enum fw_debug_kind {
    FW_DEBUG_RECEIVE = 1,    /* up to `bytes` bytes of the line to `at`; `bytes`: how many */
    FW_DEBUG_SEND = 2,       /* bytes from `at` into the line */
    FW_DEBUG_KEEP_START = 3, /* a record of `bytes` bytes comes */
    FW_DEBUG_KEEP = 4,       /* bytes of it, from `at`, at `offset` */
    FW_DEBUG_KEEP_END = 5,   /* it is whole */
    FW_DEBUG_KEPT_BYTES = 6, /* `bytes`: of the record that is kept */
    FW_DEBUG_KEPT = 7,       /* bytes of that, at `offset`, to `at` */
};

/* Fixed sizes, the widest first: the same layout on every processor. */
typedef struct fw_debug_request {
    uint64_t at; /* an address */
    uint32_t kind;
    uint32_t offset;
    uint32_t bytes;
    int32_t result; /* 0, or the host could not do it */
} fw_debug_request;

extern volatile fw_debug_request fw_debug;

/* Ask, and wait. Returns the result. */
int fw_debug_ask(uint32_t kind, uint32_t offset, const void *at, uint32_t bytes);

#endif /* FW_DEBUG_LINE_H */
