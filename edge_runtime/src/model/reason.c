/* reason.c: why something learns, in one line for people. */
#include "../file/sections.h"
#include "arena.h"
#include "goal.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* Text that stops where its room ends; at its end there is always a 0. */
typedef struct line {
    char *at;
    size_t left; /* with the 0 */
} line;

static void put_character(line *to, char character) {
    if (to->left > 1) {
        *to->at++ = character;
        to->left--;
        *to->at = 0;
    }
}

static void put(line *to, const char *text) {
    while (*text != 0) {
        put_character(to, *text++);
    }
}

/* A number, its thousands with commas. */
static void put_number(line *to, uint32_t number) {
    uint32_t power = 1000000000u;
    for (bool begun = false; power > 0; power /= 10u) {
        begun |= number >= power || power == 1;
        if (begun) {
            put_character(to, (char)('0' + number / power % 10u));
            if (power == 1000u || power == 1000000u || power == 1000000000u) {
                put_character(to, ',');
            }
        }
    }
}

/* A size as people write it: 87 B, 12.3 KiB, 10.2 MiB. Halves of a tenth go to the even one. */
static void put_size(line *to, uint32_t bytes) {
    uint32_t unit = bytes < 10u * MIB ? KIB : MIB;
    if (bytes < KIB) {
        put_number(to, bytes);
        put(to, " B");
        return;
    }
    uint64_t tenths = (uint64_t)bytes * 10u / unit, rest = (uint64_t)bytes * 10u % unit;
    tenths += rest * 2u > unit || (rest * 2u == unit && tenths % 2u == 1u);
    put_number(to, (uint32_t)(tenths / 10u));
    put_character(to, '.');
    put_character(to, (char)('0' + tenths % 10u));
    put(to, unit == KIB ? " KiB" : " MiB");
}

static void put_layers(line *to, const mb_options *choice, uint32_t n_layers) {
    if (choice->learn_layers == n_layers) {
        put(to, "all layers");
    } else if (choice->learn_layers == 1) {
        put(to, "the head");
    } else {
        put(to, "the last ");
        put_number(to, choice->learn_layers);
        put(to, " layers");
    }
}

/* ", up to 5 contexts". */
static void put_contexts(line *to, const mb_options *choice) {
    if (choice->contexts > 1) {
        put(to, ", up to ");
        put_number(to, choice->contexts);
        put(to, " contexts");
    }
}

/* "the tracking head learns". */
static void put_subject(line *to, const mb_options *choice, uint32_t n_layers) {
    static const char *const heads[] = {
        "the counting head learns",
        "the tracking head learns",
        "the counting head learns with the matrix of home",
    };
    if (choice->head != 0) {
        put(to, heads[choice->head - 1u]);
    } else if (choice->learn_layers == 0) {
        put(to, "nothing learns");
    } else {
        put_layers(to, choice, n_layers);
        put(to, choice->learn_layers == 1 && n_layers > 1 ? " learns" : " learn");
        put_contexts(to, choice);
    }
}

/* "learning the tracking head, 64 hidden units". */
static void put_choice(line *to, const mb_options *choice, const mb_blob_view *view) {
    put(to, "learning ");
    if (choice->head == MB_HEAD_COUNTING) {
        put(to, "the counting head");
    } else if (choice->head == MB_HEAD_COUNTING_SMALL) {
        put(to, "the counting head, with the matrix of home");
    } else if (choice->head == MB_HEAD_TRACKING) {
        put(to, "the tracking head, ");
        put_number(to, choice->units);
        put(to, " hidden units");
    } else {
        put_layers(to, choice, view->info.n_layers);
        put(to, ", ");
        put_number(to, choice->state_bits != 0 ? choice->state_bits : view->info.state_bits);
        put(to, "-bit state");
        if (choice->batch > 1) {
            put(to, ", batches of ");
            put_number(to, choice->batch);
        }
        put_contexts(to, choice);
    }
    if (choice->replay > 0) {
        put(to, ", replay of ");
        put_number(to, choice->replay);
        put(to, " samples");
    }
}

static uint32_t arena_of(const mb_blob_view *view, const mb_options *choice) {
    mb_plan plan;
    return mb_measure(view, choice, &plan) == MB_OK ? plan.arena_bytes : UINT32_MAX;
}

/* "goal remember, and learning all layers, 8-bit state would need 143.6 KiB". */
static void put_why(line *to, const mb_options *asked, const mb_options *chosen,
                    const mb_options *best, const mb_blob_view *view) {
    bool told = mb_is_told(view, asked), by_goal = !told || view->info.told_what == MB_TOLD_BY_GOAL;
    bool remembers = by_goal && mb_goal_of(view, asked) == MB_GOAL_REMEMBER;
    put(to, remembers ? "goal remember" : by_goal ? "goal track" : "as the file says");
    if (chosen->replay > 0) {
        put(to, " with ");
        put_number(to, chosen->replay);
        put(to, " samples replayed");
    }
    put(to, told && by_goal ? ", as the file says" : "");
    if (chosen->head != best->head || chosen->units != best->units ||
        chosen->learn_layers != best->learn_layers || chosen->contexts != best->contexts) {
        put(to, ", and ");
        put_choice(to, best, view);
        put(to, " would need ");
        put_size(to, arena_of(view, best));
    } else if (remembers && view->head.kind == 0) {
        put(to, ", and the file has no counting head");
    }
}

/* "7.7 KiB, 16.6 KiB with weights interleaved": needed everywhere, taken here. */
static void put_ram(line *to, const mb_blob_view *view, const mb_options *choice) {
    mb_options narrow = *choice;
    narrow.panels = 0;
    put_size(to, arena_of(view, &narrow));
    if (choice->panels) {
        put(to, ", ");
        put_size(to, arena_of(view, choice));
        put(to, " with weights interleaved");
    }
}

int mb_choose(const void *blob, size_t blob_bytes, const mb_options *options, size_t ram_bytes,
              mb_options *chosen, char *reason, size_t reason_bytes) {
    mb_blob_view view;
    mb_options choice, best;
    line to = {reason, reason_bytes};
    if (options == NULL || chosen == NULL || (reason == NULL && reason_bytes > 0)) {
        return MB_ERR_INPUT;
    }
    int error = mb_view(&view, blob, blob_bytes, options->bank);
    if (error == MB_OK) {
        error = mb_settle(&view, options, ram_bytes, &choice);
    }
    if (error == MB_OK) {
        error = mb_settle(&view, options, SIZE_MAX, &best);
    }
    if (error != MB_OK) {
        return error;
    }
    best.panels = 0;
    if (reason_bytes > 0) {
        *reason = 0;
        put_subject(&to, &choice, view.info.n_layers);
        put(&to, ": ");
        if (options->goal == MB_GOAL_NONE) {
            put(&to, "as asked");
        } else {
            put_why(&to, options, &choice, &best, &view);
        }
        put(&to, "; ");
        put_ram(&to, &view, &choice);
    }
    *chosen = choice; /* last, because it may be where the options are */
    return MB_OK;
}
