/* kernels_32.c: the same for cores of 32 bits. Rotations are left to the operation that takes their
 * result, where an operand can be shifted on its way.
 */
#include <stdint.h>

#define UNROLL _Pragma("clang loop unroll(full)")

static inline uint32_t turned(uint32_t x, int n) {
    n &= 31;
    return n ? x << n | x >> (32 - n) : x;
}

/* A word that waits to be rotated left: by how much is known to the compiler. */
typedef struct lazy {
    uint32_t word;
    int turn;
} lazy;

static inline uint32_t as_of(lazy x, int turn) { return turned(x.word, x.turn - turn); }

/* ---- ChaCha ------------------------------------------------------------------------------------ */

#define MIX(a, b, c, d)                         \
    x[a].word += as_of(x[b], x[a].turn);        \
    x[d].word ^= as_of(x[a], x[d].turn);        \
    x[d].turn += 16;                            \
    x[c].word += as_of(x[d], x[c].turn);        \
    x[b].word ^= as_of(x[c], x[b].turn);        \
    x[b].turn += 12;                            \
    x[a].word += as_of(x[b], x[a].turn);        \
    x[d].word ^= as_of(x[a], x[d].turn);        \
    x[d].turn += 8;                             \
    x[c].word += as_of(x[d], x[c].turn);        \
    x[b].word ^= as_of(x[c], x[b].turn);        \
    x[b].turn += 7

/* Twenty rounds on 16 words, and nothing else: in -> out. */
void chacha_rounds(uint32_t *out, const uint32_t *in) {
    lazy x[16];
    UNROLL for (int w = 0; w < 16; w++) { x[w].word = in[w], x[w].turn = 0; }
    UNROLL for (int two = 0; two < 10; two++) {
        MIX(1, 5, 9, 13);
        MIX(2, 6, 10, 14);
        MIX(3, 7, 11, 15);
        MIX(0, 4, 8, 12);
        MIX(1, 6, 11, 12);
        MIX(2, 7, 8, 13);
        MIX(0, 5, 10, 15);
        MIX(3, 4, 9, 14);
    }
    UNROLL for (int w = 0; w < 16; w++) { out[w] = as_of(x[w], 0); }
}

/* ---- Keccak, even and odd bits of a lane in words of their own ------------------------------------ */

static const unsigned char lane_turns[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                             25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

/* The halves of a lane rotated by n. */
static inline lazy half_of(const lazy lane[2], int half, int n) {
    lazy x = lane[half ^ (n & 1)];
    x.turn += (n + 1 - half) / 2;
    return x;
}

static inline lazy xor_lazy(lazy a, lazy b) {
    lazy both = {a.word ^ as_of(b, a.turn), a.turn};
    return both;
}

/* Lanes of a state in memory, with how far each word waits to be rotated. */
typedef struct lanes {
    uint32_t *words; /* (25, 2) */
    int turns[25][2];
} lanes;

static inline lazy lane_at(const lanes *from, int i, int half) {
    lazy x = {from->words[2 * i + half], from->turns[i][half]};
    return x;
}

#define KEEP_IN_MEMORY __asm__ volatile("" ::: "memory")

/* One round: lanes a -> b, five words at a time. */
static inline __attribute__((always_inline)) void keccak_round(lanes *b, const lanes *a,
                                                               const uint32_t constant[2]) {
    lazy c[5][2], d[5][2];
    UNROLL for (int x = 0; x < 5; x++) {
        UNROLL for (int h = 0; h < 2; h++) {
            c[x][h] = lane_at(a, x, h);
            UNROLL for (int y = 1; y < 5; y++) {
                c[x][h] = xor_lazy(c[x][h], lane_at(a, x + 5 * y, h));
            }
        }
    }
    UNROLL for (int x = 0; x < 5; x++) {
        UNROLL for (int h = 0; h < 2; h++) {
            d[x][h] = xor_lazy(c[(x + 4) % 5][h], half_of(c[(x + 1) % 5], h, 1));
        }
    }
    UNROLL for (int y = 0; y < 5; y++) {
        UNROLL for (int h = 0; h < 2; h++) {
            lazy e[5];
            KEEP_IN_MEMORY;
            UNROLL for (int x = 0; x < 5; x++) {
                const int from = (x + 3 * y) % 5, i = from + 5 * x, n = lane_turns[i];
                const int half = h ^ (n & 1);
                e[x] = xor_lazy(lane_at(a, i, half), d[from][half]);
                e[x].turn += (n + 1 - h) / 2;
            }
            UNROLL for (int x = 0; x < 5; x++) {
                const lazy z = e[(x + 2) % 5];
                const lazy chosen = {z.word & ~as_of(e[(x + 1) % 5], z.turn), z.turn};
                const lazy made = xor_lazy(e[x], chosen);
                const uint32_t more = x + y == 0 ? turned(constant[h], -made.turn) : 0;
                b->words[2 * (x + 5 * y) + h] = made.word ^ more;
                b->turns[x + 5 * y][h] = made.turn;
            }
        }
    }
    KEEP_IN_MEMORY;
}

/* Keccak-f[1600], four rounds at a time; state: (25, 2) words; constants: (24, 2). */
void keccak_halves(uint32_t *state, const uint32_t *constants) {
    uint32_t other[50];
    for (int four = 0; four < 6; four++, constants += 8) {
        lanes a = {state, {{0}}}, b = {other, {{0}}};
        keccak_round(&b, &a, constants);
        keccak_round(&a, &b, constants + 2);
        keccak_round(&b, &a, constants + 4);
        keccak_round(&a, &b, constants + 6);
        UNROLL for (int i = 0; i < 50; i++) { state[i] = as_of(lane_at(&a, i / 2, i % 2), 0); }
    }
}

/* ---- bytes from one place to another --------------------------------------------------------------- */

#if defined(__riscv)
/* A thousand bytes, one by one: a load, a store, two additions and a jump for each. */
void copy_1000(uint8_t *out, const uint8_t *in) {
    const uint8_t *end = in + 1000;
    uint32_t byte;
    __asm__ volatile("1: lbu %0, 0(%1)\n sb %0, 0(%2)\n addi %1, %1, 1\n addi %2, %2, 1\n"
                     "bltu %1, %3, 1b"
                     : "=&r"(byte), "+r"(in), "+r"(out)
                     : "r"(end)
                     : "memory");
}
#endif
