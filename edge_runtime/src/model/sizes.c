/* sizes.c: how much memory a model needs, before it is opened. */
#include "../file/sections.h"
#include "arena.h"
#include "goal.h"

int mb_plan_ram(const void *blob, size_t blob_bytes, const mb_options *options, mb_plan *plan) {
    mb_blob_view view;
    mb_options chosen;
    if (options == NULL || plan == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_view(&view, blob, blob_bytes, options->bank);
    if (error == MB_OK) {
        error = mb_settle(&view, options, SIZE_MAX, &chosen);
    }
    return error != MB_OK ? error : mb_measure(&view, &chosen, plan);
}

int mb_arena_bytes(const void *blob, size_t blob_bytes, const mb_options *options,
                   size_t *arena_bytes) {
    mb_plan plan;
    if (arena_bytes == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_plan_ram(blob, blob_bytes, options, &plan);
    if (error == MB_OK) {
        *arena_bytes = plan.arena_bytes;
    }
    return error;
}
