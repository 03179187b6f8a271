/* protocol.h: the requests that a host sends, and where the numbers of a frame lie, in bytes: the
 * tables of docs/DEVICE.md, in their order. */
#ifndef MB_PROTOCOL_H
#define MB_PROTOCOL_H

#define LINK_VERSION 2u

enum {
    REQUEST_HELLO = 1,
    REQUEST_SELF_TEST = 2,
    REQUEST_PREDICT = 3,
    REQUEST_BEGIN = 4,
    REQUEST_LEARN = 5,
    REQUEST_COMMIT = 6,
    REQUEST_STATUS = 7,
    REQUEST_STATE_OUT = 8,
    REQUEST_STATE_IN = 9,
    REQUEST_PIECE = 10,
    REQUEST_FRAMES = 11,
    REQUEST_PREDICT_WINDOW = 12,
    REQUEST_LEARN_WINDOW = 13,
    REPLY = 0x80, /* is added to the kind, so that an echo of a request is no reply to it */
};

/* Results above MB_OK; those below it are of enum mb_error. */
enum {
    LINK_STRANGER = 1,     /* the device does not know the client: say hello first */
    LINK_OTHER_SAMPLE = 2, /* not the sample that comes next */
    LINK_BAD_REQUEST = 3,  /* unknown, or of a wrong length */
    LINK_NO_STORAGE = 4,   /* the device cannot keep anything */
    LINK_UNKEPT = 5,       /* what was learnt would be lost: commit first */
};

/* Body of a frame; a CRC-32 follows the payload. */
enum {
    FRAME_CLIENT = 0,
    FRAME_SEQUENCE = 4,
    FRAME_KIND = 8,
    FRAME_RESULT = 9,
    FRAME_ZERO = 10,
    FRAME_PAYLOAD = 12,
    FRAME_CRC_BYTES = 4,
};

/* Payload of the reply to HELLO. */
enum {
    HELLO_VERSION = 0,
    HELLO_FLAGS = 4,
    HELLO_MOST_BYTES = 8,
    HELLO_OPENED = 12,
    HELLO_RESTORED = 16,
    HELLO_IDENTITY = 20,
    HELLO_N_INPUTS = 24,
    HELLO_N_OUTPUTS = 28,
    HELLO_ARENA_BYTES = 32,
    HELLO_STATE_BYTES = 36,
    HELLO_CLOCK_HZ = 40,
    HELLO_N_DAMAGED = 44,
    HELLO_SESSION = 48,
    HELLO_N_LEARNT = 56,
    HELLO_IS_UNKEPT = 60,
    HELLO_OPTIONS = 64,
    HELLO_METABIT = 124,
    HELLO_KERNELS = 148,
    HELLO_BOARD = 172,
    HELLO_BYTES = 196,
    HELLO_OPTIONS_BYTES = 60, /* of mb_options, up to its runner */
    HELLO_TEXT_BYTES = 24,
};

/* Bits of HELLO_FLAGS. */
enum { HELLO_HAS_STORAGE = 1, HELLO_COUNTS_CYCLES = 2, HELLO_TAKES_FRAMES = 4 };

/* Payload of PREDICT and of its reply; labels come first, then scores. */
enum {
    PREDICT_N = 0,
    PREDICT_SAMPLES = 4,
    PREDICTED_CYCLES = 0,
    PREDICTED_LABELS = 8,
};

/* Payload of LEARN; samples follow the labels. Of BEGIN only the session is there. */
enum {
    LEARN_SESSION = 0,
    LEARN_NUMBER = 8,
    LEARN_N = 12,
    LEARN_TRUTH = 16,
};

/* Payload of the replies to BEGIN, LEARN and COMMIT; in that to LEARN also cycles and labels. */
enum {
    LEARNT_SESSION = 0,
    LEARNT_N = 8,
    LEARNT_BYTES = 12,
    LEARNT_CYCLES = 12,
    LEARNT_LABELS = 20,
};

/* Payload of FRAMES and of its reply. Frames are numbered within a recording, which the host names
 * by a number that it draws at random. */
enum {
    FRAMES_RECORDING = 0,
    FRAMES_NUMBER = 4,
    FRAMES_N = 8,
    FRAMES_VALUES = 12,
    FRAMED_NUMBER = 0,
    FRAMED_IS_READY = 4,
    FRAMED_BYTES = 8,
    FRAMED_CYCLES = 8,
    FRAMED_WHOLE_BYTES = 16,
};

/* Which window: the frames of a recording that had come when it was whole. Payload of
 * PREDICT_WINDOW; in LEARN_WINDOW it follows session and number. */
enum {
    WINDOW_RECORDING = 0,
    WINDOW_NUMBER = 4,
    WINDOW_BYTES = 8,
    LEARN_WINDOW = 12,
    LEARN_WINDOW_TRUTH = 20,
    LEARN_WINDOW_BYTES = 24,
};

/* A piece of a state image: payload of STATE_OUT and PIECE, and of the replies to STATE_IN and
 * PIECE. */
enum {
    PIECE_OFFSET = 0,
    PIECE_BYTES = 4,
    PIECE_DATA = 4, /* in a request PIECE, whose length says how many bytes */
    PIECE_WANTED_BYTES = 8,
};

/* Record that a device keeps; the state image follows. */
enum {
    KEPT_MAGIC = 0,
    KEPT_N_LEARNT = 4,
    KEPT_SESSION = 8,
    KEPT_STATE_BYTES = 16,
    KEPT_CRC = 20,
    KEPT_STATE = 24,
};

/* Seal of an entry of a slot in flash: of a whole record, of changes, or of a part of a log. They
 * follow after it. */
enum {
    SEAL_MAGIC = 0,
    SEAL_NUMBER = 4,
    SEAL_ENTRY_BYTES = 8,
    SEAL_ENTRY_CRC = 12,
    SEAL_OF = 16, /* number of the record that changes or a log are of; 0 for a whole record */
    SEAL_CRC = 28,
    SEAL_BYTES = 32,
};

/* What a log in flash holds: samples, each with its label before it, and what ends a commit. */
enum {
    LOG_LABEL = 0, /* uint16; its highest bit: the step of the model ends with this sample */
    LOG_SAMPLE = 2,
    LOG_END_OF_STEP = 0x8000,
    LOG_SESSION = 0,
    LOG_N_LEARNT = 8,
    LOG_STATE_CRC = 12, /* with which the state image ends */
    LOG_END_BYTES = 16,
};

#endif /* MB_PROTOCOL_H */
