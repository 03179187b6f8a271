#include "caches.h"

#include <stdlib.h>
#include <string.h>

#define NO_LINE UINT64_MAX

int level_make(level *cache) {
    cache->misses = 0;
    cache->lines = malloc(sizeof *cache->lines * cache->n_sets * cache->ways);
    if (!cache->lines)
        return -1;
    level_clear(cache);
    return 0;
}

void level_clear(level *cache) {
    for (uint64_t i = 0; i < (uint64_t)cache->n_sets * cache->ways; i++)
        cache->lines[i] = NO_LINE;
}

void level_free(level *cache) { free(cache->lines); }

/* Looks a line up and takes it in; returns whether it was there. */
static int has(level *cache, uint64_t address) {
    uint64_t line = address / cache->line_bytes;
    uint64_t *set = cache->lines + (line % cache->n_sets) * cache->ways;
    uint32_t at = 0;
    while (at + 1 < cache->ways && set[at] != line)
        at++;
    int found = set[at] == line;
    memmove(set + 1, set, at * sizeof *set); /* the oldest goes where no place was its own */
    set[0] = line;
    cache->misses += !found;
    return found;
}

void watched_add(watched *accesses, level *cache) {
    accesses->levels[accesses->n_levels++] = cache;
    if (accesses->step == 0 || cache->line_bytes < accesses->step)
        accesses->step = cache->line_bytes;
}

void watched_clear(watched *accesses) { accesses->last = NO_LINE; }

void watched_touch(watched *accesses, uint64_t address, uint32_t n_bytes) {
    if (accesses->step == 0)
        return;
    uint64_t first = address / accesses->step, end = (address + n_bytes - 1) / accesses->step;
    if (first == end && first == accesses->last)
        return;
    for (uint64_t i = first; i <= end; i++) {
        uint64_t at = i * accesses->step;
        for (uint32_t k = 0; k < accesses->n_levels; k++) {
            level *cache = accesses->levels[k];
            if (cache->first <= at && at < cache->end && has(cache, at))
                break;
        }
    }
    accesses->last = end;
}
