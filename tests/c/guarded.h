/* guarded.h: buffers against a page that must not be touched, at their end or at their start, so
 * that one byte read or written outside ends the program; and what fills them.
 *
 * WebAssembly has no pages to forbid: its memory ends somewhere after the buffers. */
#ifndef MB_GUARDED_H
#define MB_GUARDED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if !defined(__wasm__)
#define GUARD_PAGES
#include <sys/mman.h>
#include <unistd.h>
#endif

enum fill { RANDOM, ZEROS, ONES, N_FILLS };

static uint64_t seed = 1;

static uint32_t draw(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

typedef struct guarded {
    uint8_t *map, *at;
    size_t map_bytes, bytes;
} guarded;

static bool at_end; /* where buffers touch their forbidden page */

#if defined(GUARD_PAGES)
static guarded guard(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page + page;
    guarded g;
    g.map_bytes = inner + 2 * page;
    g.bytes = bytes;
    g.map = mmap(NULL, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect(g.map + page, inner, PROT_READ | PROT_WRITE) != 0) {
        perror("mmap");
        exit(2);
    }
    g.at = at_end ? g.map + page + inner - bytes : g.map + page;
    return g;
}

static void release(guarded *g) { munmap(g->map, g->map_bytes); }
#else
static guarded guard(size_t bytes) {
    guarded g = {malloc(bytes), NULL, bytes, bytes};
    if (g.map == NULL) {
        exit(2);
    }
    g.at = g.map;
    return g;
}

static void release(guarded *g) { free(g->map); }
#endif

static void fill(guarded *g, enum fill how) {
    for (size_t i = 0; i < g->bytes; i++) {
        g->at[i] = how == ZEROS ? 0 : how == ONES ? 0xff : (uint8_t)draw();
    }
}

static void clear_padding(uint32_t *row, uint32_t n_bits) {
    if (n_bits % 32u) {
        row[n_bits / 32u] &= (1u << n_bits % 32u) - 1u;
    }
}

#endif /* MB_GUARDED_H */
