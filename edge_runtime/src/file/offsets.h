/* offsets.h: where the numbers of a .mbit file and of a state image lie, in bytes: the tables of
 * docs/FORMAT.md, in their order. No other file of the core has an offset in it. */
#ifndef MB_OFFSETS_H
#define MB_OFFSETS_H

/* Header of a file. */
enum {
    HEADER_MAGIC = 0,
    HEADER_MAJOR = 8,
    HEADER_MINOR = 10,
    HEADER_ENDIAN_MARK = 12,
    HEADER_FILE_BYTES = 16,
    HEADER_N_SECTIONS = 20,
    HEADER_TABLE_CRC = 24,
    HEADER_ZERO = 28,
    HEADER_CRC = 60,
    HEADER_BYTES = 64,
};

/* Entry of the section table, which follows the header. */
enum {
    ENTRY_TYPE = 0,
    ENTRY_FLAGS = 4,
    ENTRY_OFFSET = 8,
    ENTRY_LENGTH = 12,
    ENTRY_CRC = 16,
    ENTRY_ZERO = 20,
    ENTRY_BYTES = 32,
};

/* Section NETW. */
enum {
    NETWORK_N_LAYERS = 0,
    NETWORK_N_BANKS = 4,
    NETWORK_INPUT_TYPE = 8,
    NETWORK_ZERO_POINT = 12,
    NETWORK_SCALE = 16,
    NETWORK_EPS = 20,
    NETWORK_N_DIMENSIONS = 24,
    NETWORK_SHAPE = 28,
    NETWORK_UNTRAINED = 44,
    NETWORK_RECORDS = 48,
};

/* Record of a layer in NETW. The last word is 0 in a dense layer. */
enum {
    RECORD_KIND = 0,
    RECORD_N_IN = 4,
    RECORD_N_OUT = 8,
    RECORD_WINDOW = 12,
    RECORD_KERNEL = 12,
    RECORD_STRIDE = 13,
    RECORD_POOL = 14,
    RECORD_PADDING = 15,
    RECORD_BYTES = 16,
};

/* Section LERN. */
enum {
    LEARN_BITS = 0,
    LEARN_STEP = 4,
    LEARN_NORM_RATE = 8,
    LEARN_ERROR_RATE = 12,
    LEARN_RMS_RATE = 16,
    LEARN_ZERO = 20,
    LEARN_RECORDS = 32,
};

/* Record of a layer in LERN. */
enum {
    LEARN_RECORD_M = 0,
    LEARN_RECORD_W_MAX = 4,
    LEARN_RECORD_BYTES = 8,
};

/* Section HEAD. */
enum {
    HEAD_KIND = 0,
    HEAD_SOURCE = 4,
    HEAD_LAYER = 8,
    HEAD_N_UNITS = 12,
    HEAD_FOLDS = 16,
    HEAD_N_SCORES = 20,
    HEAD_N_CLASSES = 24,
    HEAD_CAP = 28,
    HEAD_EVERY = 32,
    HEAD_STILL = 36,
    HEAD_RIDGE = 40,
    HEAD_PRIOR = 44,
    HEAD_SCALE = 48,
    HEAD_N_PRODUCTS = 52,
    HEAD_LIMIT = 56,
    HEAD_ANSWERS = 60,
    HEAD_VALUES = 64,
};

/* Centre and gain of a value in HEAD. */
enum {
    PAIR_CENTRE = 0,
    PAIR_GAIN = 4,
    PAIR_BYTES = 8,
};

/* Section TRCK. From TRACKER_KEPT on it is what a state image has after the recalls. */
enum {
    TRACKER_UNITS = 0,
    TRACKER_CLASSES = 4,
    TRACKER_ANSWERS = 8,
    TRACKER_KEPT = 12,
};

/* Floats in what a tracking head keeps: after two counters. */
enum { TRACKED_FLOATS = 8 };

/* Section GOAL. */
enum {
    GOAL_WHAT = 0,
    GOAL_GOAL = 4,
    GOAL_REPLAY = 8,
    GOAL_BATCH = 12,
    GOAL_BYTES = 16,
};

/* Section FRNT. */
enum {
    FRONT_N_CHANNELS = 0,
    FRONT_LENGTH = 4,
    FRONT_HOP = 8,
    FRONT_STATISTICS = 12,
    FRONT_N_BANDS = 16,
    FRONT_LOG = 20,
    FRONT_STACK = 24,
    FRONT_ZERO = 28,
    FRONT_CHANNELS = 32,
};

/* Scale of a channel in FRNT. */
enum {
    CHANNEL_OFFSET = 0,
    CHANNEL_MULTIPLIER = 4,
    CHANNEL_SHIFT = 6,
    CHANNEL_UNIT = 8,
    CHANNEL_BYTES = 12,
};

/* Scale of a feature in FRNT. */
enum {
    SCALE_CENTRE = 0,
    SCALE_GAIN = 4,
    SCALE_SHIFT = 6,
    SCALE_BYTES = 8,
};

/* Section GOLD. */
enum {
    GOLDEN_N = 0,
    GOLDEN_ZERO = 4,
    GOLDEN_SCORES = 8,
};

/* State image. From the random generator on it is the learnt block as it lies in the arena. */
enum {
    STATE_MAGIC = 0,
    STATE_VERSION = 8,
    STATE_BYTES = 12,
    STATE_FILE_CRC = 16,
    STATE_LEARN_LAYERS = 20,
    STATE_BITS = 24,
    STATE_BANK = 28,
    STATE_HEAD = 32,
    STATE_UNITS = 36,
    STATE_REPLAY = 40,
    STATE_CONTEXTS = 44,
    STATE_BLOCK_BYTES = 48,
    STATE_ZERO = 52,
    STATE_RANDOM = 64,
    STATE_N_STEPS = 80,
    STATE_N_LEARNT = 84,
    STATE_N_JUDGED = 88,
    STATE_RIGHT = 92,
    STATE_N_SINCE = 96,
    STATE_WRONG = 100,
    STATE_EXCESS = 104,
    STATE_N_DRIFTS = 108,
    STATE_RECALLS = 112,
};

#endif /* MB_OFFSETS_H */
