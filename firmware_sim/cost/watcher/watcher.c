/* Watches an emulated core: which blocks of instructions ran and how often, the cycles that they
 * took, and the lines that the board's caches did not have.
 *
 * The emulator calls `watcher_block` before every block, and `watcher_access` at every access of
 * memory while the caches are looked at. There are millions of either, which is why this is C: what
 * a block costs is decided in Python (pipeline.py), once for each block and each state of the
 * core before it, and kept here. Where a marked function begins, Python is told. It runs on the
 * host and never on a board.
 */
#include <stdlib.h>
#include <string.h>

#include "caches.h"
#include "map.h"

#define UNKNOWN UINT64_MAX
#define CODE 1u
#define DATA 2u

/* Cycles of a block in the high half, the state after it in the low one; `UNKNOWN` if it failed. */
typedef uint64_t (*find_cost)(uint64_t address, uint32_t n_bytes, uint32_t jumped, uint32_t state);
/* Told before the first block of a marked function runs. */
typedef void (*tell_mark)(uint64_t address);
/* `uc_reg_read` or `uc_reg_write` of the emulator. */
typedef int (*move_register)(void *core, int number, void *value);

/* What has been seen since `watcher_start`. */
typedef struct {
    uint64_t n_blocks; /* different ones, of this start and of those before it */
    uint64_t taken;    /* blocks that do not lie after the one before */
    uint64_t cycles;   /* until the last block is through */
    uint64_t state;    /* of the core after the last block */
    uint64_t failed;   /* 1 where there was no memory, or no cost of a block */
} totals;

typedef struct {
    totals seen;
    find_cost find;
    tell_mark tell;
    map marks;  /* addresses at which a marked function begins */
    map blocks; /* (address, bytes) to twice the block's number, and one more where it is marked */
    map costs;  /* (block, jumped, state before it) to what `find` said */
    uint64_t *keys, *times;
    uint64_t room;
    uint64_t following;
    int counting;
    level levels[MOST_LEVELS];
    uint32_t n_levels;
    int watches;
    watched code, data;
    move_register read, write;
    int status;
    uint32_t condition;
} watcher;

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT watcher *watcher_new(find_cost find, tell_mark tell) {
    watcher *w = calloc(1, sizeof *w);
    if (w)
        w->find = find, w->tell = tell;
    return w;
}

EXPORT void watcher_free(watcher *w) {
    for (uint32_t i = 0; i < w->n_levels; i++)
        level_free(&w->levels[i]);
    map_free(&w->marks);
    map_free(&w->blocks);
    map_free(&w->costs);
    free(w->keys);
    free(w->times);
    free(w);
}

/* Adds a cache, the nearest first; `serves` is CODE, DATA or both. Returns 0, or -1. */
EXPORT int watcher_cache(watcher *w, uint32_t serves, uint64_t first, uint64_t end,
                         uint32_t line_bytes, uint32_t ways, uint32_t n_sets) {
    if (w->n_levels == MOST_LEVELS)
        return -1;
    level *cache = &w->levels[w->n_levels];
    *cache = (level){first, end, line_bytes, ways, n_sets, 0, NULL};
    if (level_make(cache))
        return -1;
    w->n_levels++;
    if (serves & CODE)
        watched_add(&w->code, cache);
    if (serves & DATA)
        watched_add(&w->data, cache);
    return 0;
}

/* Marks a function by its first address, before anything runs. Returns 0, or -1. */
EXPORT int watcher_mark(watcher *w, uint64_t address) { return map_add(&w->marks, address, 1); }

/* After looking up where a hooked access came from, the emulator leaves the condition of a block of
 * conditional instructions (Thumb's IT) set in the core, and the code that follows would run under
 * it too. `watcher_access` takes it back: the bits `condition` of the register `status`.
 */
EXPORT void watcher_condition(watcher *w, move_register read, move_register write, int status,
                              uint32_t condition) {
    w->read = read, w->write = write, w->status = status, w->condition = condition;
}

EXPORT void watcher_empty_caches(watcher *w) {
    for (uint32_t i = 0; i < w->n_levels; i++)
        level_clear(&w->levels[i]);
    watched_clear(&w->code);
    watched_clear(&w->data);
}

/* Begins to count: the next address, the state of the core, and whether caches are looked at. */
EXPORT void watcher_start(watcher *w, uint64_t following, uint32_t state, int watches) {
    w->seen = (totals){w->seen.n_blocks, 0, 0, state, 0};
    w->following = following, w->watches = watches, w->counting = 1;
    if (w->times)
        memset(w->times, 0, w->seen.n_blocks * sizeof *w->times);
    for (uint32_t i = 0; i < w->n_levels; i++)
        w->levels[i].misses = 0;
}

/* What runs from now on is not counted. */
EXPORT void watcher_stop(watcher *w) { w->counting = 0; }

EXPORT const totals *watcher_totals(const watcher *w) { return &w->seen; }
EXPORT uint64_t watcher_misses(const watcher *w, uint32_t cache) { return w->levels[cache].misses; }

/* Blocks by number: the address times 65,536 plus the bytes, and how often each ran. */
EXPORT const uint64_t *watcher_keys(const watcher *w) { return w->keys; }
EXPORT const uint64_t *watcher_times(const watcher *w) { return w->times; }

/* Makes room for one more block. */
static int room_for_block(watcher *w) {
    if (w->seen.n_blocks < w->room)
        return 0;
    uint64_t room = w->room ? 2 * w->room : 512;
    uint64_t *keys = realloc(w->keys, room * sizeof *keys);
    if (keys)
        w->keys = keys;
    uint64_t *times = realloc(w->times, room * sizeof *times);
    if (times)
        w->times = times;
    if (!keys || !times)
        return -1;
    w->room = room;
    return 0;
}

/* The block's value in the map of blocks. */
static uint64_t known_block(watcher *w, uint64_t address, uint32_t n_bytes) {
    uint64_t key = address << 16 | n_bytes, number = w->seen.n_blocks;
    uint64_t *known = map_find(&w->blocks, key);
    if (known)
        return *known;
    uint64_t value = number << 1 | (map_find(&w->marks, address) != NULL);
    if (room_for_block(w) || map_add(&w->blocks, key, value))
        return UNKNOWN;
    w->keys[number] = key, w->times[number] = 0;
    w->seen.n_blocks++;
    return value;
}

static uint64_t cost_of(watcher *w, uint64_t number, uint64_t address, uint32_t n_bytes,
                        uint32_t jumped) {
    uint64_t key = number << 33 | (uint64_t)jumped << 32 | w->seen.state;
    uint64_t *known = map_find(&w->costs, key);
    if (known)
        return *known;
    uint64_t cost = w->find(address, n_bytes, jumped, (uint32_t)w->seen.state);
    return cost == UNKNOWN || map_add(&w->costs, key, cost) ? UNKNOWN : cost;
}

EXPORT void watcher_block(void *core, uint64_t address, uint32_t n_bytes, watcher *w) {
    (void)core;
    if (!w->counting || w->seen.failed)
        return;
    uint32_t jumped = address != w->following;
    uint64_t block = known_block(w, address, n_bytes), number = block >> 1, cost = 0;
    if (block != UNKNOWN && block & 1)
        w->tell(address);
    if (block != UNKNOWN && w->find)
        cost = cost_of(w, number, address, n_bytes, jumped);
    if (block == UNKNOWN || cost == UNKNOWN) {
        w->seen.failed = 1;
        return;
    }
    w->times[number]++;
    w->following = address + n_bytes;
    w->seen.taken += jumped;
    w->seen.cycles += cost >> 32;
    w->seen.state = cost & UINT32_MAX;
    if (w->watches)
        watched_touch(&w->code, address, n_bytes);
}

EXPORT void watcher_access(void *core, int kind, uint64_t address, int n_bytes, int64_t value,
                           watcher *w) {
    (void)kind, (void)value;
    watched_touch(&w->data, address, (uint32_t)n_bytes);
    if (!w->read)
        return;
    uint32_t status = 0;
    w->read(core, w->status, &status);
    if (!(status & w->condition))
        return;
    status &= ~w->condition;
    w->write(core, w->status, &status);
}
