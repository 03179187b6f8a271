/* A map from numbers to numbers: open addressing, at most half full, and it only grows. */
#ifndef WATCHER_MAP_H
#define WATCHER_MAP_H

#include <stdint.h>

typedef struct {
    uint64_t *slots; /* room pairs of a key and its value */
    uint64_t room;   /* a power of two, or 0 before the first key */
    uint64_t n;
} map;

#define MAP_FREE UINT64_MAX /* no key has this value */

/* Where the value of a key lies until the next `map_add`; NULL where the key is not known. */
uint64_t *map_find(const map *m, uint64_t key);

/* Adds a key that is not known. Returns 0, or -1 when there is no memory. */
int map_add(map *m, uint64_t key, uint64_t value);

void map_free(map *m);

#endif
