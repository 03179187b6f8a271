/* Caches of a board, fed by the accesses of the emulated core: how many lines were not there.
 *
 * Lines are replaced in the order of their last use. There is no prefetcher and no write buffer:
 * what those hide is in the range of `miss_cycles` of a board file.
 */
#ifndef WATCHER_CACHES_H
#define WATCHER_CACHES_H

#include <stdint.h>

#define MOST_LEVELS 8

/* One cache. It keeps lines of the addresses first <= address < end. */
typedef struct {
    uint64_t first, end;
    uint32_t line_bytes, ways, n_sets;
    uint64_t misses;
    uint64_t *lines; /* n_sets rows of `ways` numbers of lines, the last used first */
} level;

/* The caches that serve one kind of access, the nearest first. */
typedef struct {
    level *levels[MOST_LEVELS];
    uint32_t n_levels;
    uint64_t step; /* bytes of the shortest line; 0 where no cache serves this kind */
    uint64_t last; /* in units of `step`: where the access before this one ended */
} watched;

/* Returns 0, or -1 when there is no memory. */
int level_make(level *cache);
void level_clear(level *cache);
void level_free(level *cache);

void watched_add(watched *accesses, level *cache);
void watched_clear(watched *accesses);
/* One access: what a cache does not have is looked for in the next. */
void watched_touch(watched *accesses, uint64_t address, uint32_t n_bytes);

#endif
