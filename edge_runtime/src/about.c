/* about.c: versions and the texts of errors. */
#include "internal.h"

const char *mb_error_text(int error) {
    switch (error) {
    case MB_OK:
        return "ok";
    case MB_ERR_FORMAT:
        return "not a metabit blob or state, or written by a version this library does not know";
    case MB_ERR_CORRUPT:
        return "a checksum, a length or a value is wrong: the bytes are damaged";
    case MB_ERR_BUDGET:
        return "the arena is smaller than mb_arena_bytes() asks for";
    case MB_ERR_STORAGE:
        return "storage reported an error";
    case MB_ERR_INPUT:
        return "an argument is NULL, misaligned or out of range";
    case MB_ERR_NO_STATE:
        return "the model carries no hidden weights to learn with, or was opened with "
               "learn_layers 0";
    case MB_ERR_MISMATCH:
        return "scores differ from those in the blob, or the state belongs to another model";
    case MB_ERR_BUSY:
        return "somebody else is writing to the state folder";
    default:
        return "unknown error";
    }
}

const char *mb_version(void) { return MB_VERSION_TEXT; }

uint32_t mb_abi_version(void) { return MB_ABI_VERSION; }
