/* state_names.h: how the files of a folder of states are called. */
#ifndef MB_STATE_NAMES_H
#define MB_STATE_NAMES_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_LENGTH 20u /* state-NNNNNNNNNN.mbs */
#define MAX_NUMBER 9999999999ll
#define NAME_BYTES 40u

/* The number in `state-NNNNNNNNNN.mbs`, or 0 for any other name. */
static inline int64_t number_of(const char *name) {
    if (strlen(name) != NAME_LENGTH || memcmp(name, "state-", 6) != 0 ||
        memcmp(name + 16, ".mbs", 4) != 0) {
        return 0;
    }
    int64_t number = 0;
    for (int i = 6; i < 16; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = 10 * number + (name[i] - '0');
    }
    return number;
}

static inline void name_of(char name[NAME_BYTES], int64_t number) {
    (void)snprintf(name, NAME_BYTES, "state-%010" PRId64 ".mbs", number);
}

/* Whether an interrupted commit may have left a file of this name. */
static inline bool is_temporary(const char *name) {
    size_t length = strlen(name);
    return length > 10 && memcmp(name, "state-", 6) == 0 && strcmp(name + length - 4, ".tmp") == 0;
}

#endif /* MB_STATE_NAMES_H */
