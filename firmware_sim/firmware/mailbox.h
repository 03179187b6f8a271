/* mailbox.h: how the host and the firmware talk. device.py is its twin: change both together.
 *
 * The firmware stops in fw_stop() whenever it waits for the host. Then the host reads `request`:
 * FW_READY asks for a command; FW_TAKE and FW_GIVE ask to move a piece of the state image out of,
 * or into, the memory at `chunk_at`.
 */
#ifndef FW_MAILBOX_H
#define FW_MAILBOX_H

#include "metabit.h"

enum fw_request { FW_BUSY = 0, FW_READY = 1, FW_TAKE = 2, FW_GIVE = 3 };

enum fw_command {
    FW_NOTHING = 0,
    FW_ARENA_BYTES = 1, /* arena_bytes: what mb_arena_bytes() says on this processor */
    FW_SELF_TEST = 2,   /* runs in the arena: the model is closed afterwards */
    FW_OPEN = 3,        /* open, or open again as exported */
    FW_PREDICT = 4,     /* fw_sample -> label, fw_scores */
    FW_LEARN = 5,       /* fw_sample, fw_labels, label: how many -> fw_labels: what was predicted
                           before the step, after the true ones */
    FW_STATUS = 6,      /* status, state_bytes */
    FW_SAVE_STATE = 7,
    FW_LOAD_STATE = 8,
    FW_PUSH = 9, /* fw_sample: a frame -> label: 1 if that made a sample, which is then there */
};

/* Fixed sizes, the widest first: the same layout on every processor. */
typedef struct fw_mailbox {
    uint64_t chunk_at; /* address of the piece that the host moves */
    uint32_t chunk_offset;
    uint32_t chunk_bytes;
    uint32_t request;
    uint32_t command;
    int32_t result; /* of the last command: MB_OK or an error */
    int32_t label;
    int32_t host_result; /* of FW_TAKE and FW_GIVE: 0, or the host's storage failed */
    uint32_t arena_bytes;
    uint32_t state_bytes;
    mb_status status;
} fw_mailbox;

extern volatile fw_mailbox fw_mail;

#endif /* FW_MAILBOX_H */
