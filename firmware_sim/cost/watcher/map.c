#include "map.h"

#include <stdlib.h>

static uint64_t slot_of(const map *m, uint64_t key) {
    uint64_t at = (key * 0x9E3779B97F4A7C15u) >> 20;
    for (at &= m->room - 1; m->slots[2 * at] != MAP_FREE && m->slots[2 * at] != key;)
        at = (at + 1) & (m->room - 1);
    return at;
}

uint64_t *map_find(const map *m, uint64_t key) {
    if (m->room == 0)
        return NULL;
    uint64_t *slot = m->slots + 2 * slot_of(m, key);
    return slot[0] == key ? slot + 1 : NULL;
}

static int grow(map *m) {
    map larger = {NULL, m->room ? 2 * m->room : 1024, m->n};
    larger.slots = malloc(larger.room * 2 * sizeof *larger.slots);
    if (!larger.slots)
        return -1;
    for (uint64_t i = 0; i < larger.room; i++)
        larger.slots[2 * i] = MAP_FREE;
    for (uint64_t i = 0; i < m->room; i++) {
        if (m->slots[2 * i] == MAP_FREE)
            continue;
        uint64_t *slot = larger.slots + 2 * slot_of(&larger, m->slots[2 * i]);
        slot[0] = m->slots[2 * i];
        slot[1] = m->slots[2 * i + 1];
    }
    free(m->slots);
    *m = larger;
    return 0;
}

int map_add(map *m, uint64_t key, uint64_t value) {
    if (2 * (m->n + 1) > m->room && grow(m))
        return -1;
    uint64_t *slot = m->slots + 2 * slot_of(m, key);
    slot[0] = key;
    slot[1] = value;
    m->n++;
    return 0;
}

void map_free(map *m) {
    free(m->slots);
    *m = (map){NULL, 0, 0};
}
