/* kernels.c: work with the instruction mix of code whose cycles are published, to compare predictions
 * with. Nothing here is that code: rounds follow the public standards, and the compiler orders them.
 */
#include <stddef.h>
#include <stdint.h>

#define ROUNDS(n) for (int round = 0; round < (n); round++)

static inline uint32_t left(uint32_t x, int n) { return x << n | x >> (32 - n); }

static inline uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static inline uint64_t right_64(uint64_t x, int n) { return x >> n | x << (64 - n); }

/* ---- ChaCha: add, exclusive or, rotate ------------------------------------------------------- */

#define QUARTER(a, b, c, d)                                                                       \
    a += b, d = left(d ^ a, 16), c += d, b = left(b ^ c, 12), a += b, d = left(d ^ a, 8), c += d, \
            b = left(b ^ c, 7)

/* One block of 64 bytes: in (16 words of state, 16 of text) -> out. */
void chacha(uint32_t *out, const uint32_t *in) {
    uint32_t a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
    uint32_t i = in[8], j = in[9], k = in[10], l = in[11], m = in[12], n = in[13], o = in[14];
    uint32_t p = in[15];
    ROUNDS(10) {
        QUARTER(a, e, i, m);
        QUARTER(b, f, j, n);
        QUARTER(c, g, k, o);
        QUARTER(d, h, l, p);
        QUARTER(a, f, k, p);
        QUARTER(b, g, l, m);
        QUARTER(c, h, i, n);
        QUARTER(d, e, j, o);
    }
    const uint32_t last[16] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p};
    for (int w = 0; w < 16; w++) {
        out[w] = (last[w] + in[w]) ^ in[16 + w];
    }
}

/* ---- SHA-2: logic with shifted operands, and a schedule in memory ------------------------------ */

#define SHA2_16(word, turn, t, more, S0a, S0b, S0c, S1a, S1b, S1c, s0a, s0b, s0c, s1a, s1b, s1c) \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) {                            \
        word s1 = turn(e, S1a) ^ turn(e, S1b) ^ turn(e, S1c);                                    \
        word sum = h + s1 + ((e & f) ^ (~e & g)) + constants[(t) + i] + x[i];                    \
        word s0 = turn(a, S0a) ^ turn(a, S0b) ^ turn(a, S0c);                                    \
        word major = (a & b) ^ (a & c) ^ (b & c);                                                \
        h = g, g = f, f = e, e = d + sum, d = c, c = b, b = a, a = sum + s0 + major;             \
        if (more) {                                                                              \
            word y = x[(i + 1) & 15], z = x[(i + 14) & 15];                                      \
            x[i] += x[(i + 9) & 15] + (turn(y, s0a) ^ turn(y, s0b) ^ y >> (s0c)) +               \
                    (turn(z, s1a) ^ turn(z, s1b) ^ z >> (s1c));                                  \
        }                                                                                        \
    }

/* One block: state (8 words) moves on; in: 16 words of text, then the constants of the rounds. */
#define SHA2(name, word, turn, rounds, ...)                                 \
    void name(word *state, const word *in) {                                \
        const word *constants = in + 16;                                    \
        word a = state[0], b = state[1], c = state[2], d = state[3];        \
        word e = state[4], f = state[5], g = state[6], h = state[7], x[16]; \
        for (int t = 0; t < 16; t++) {                                      \
            x[t] = in[t];                                                   \
        }                                                                   \
        for (int t = 0; t < (rounds) - 16; t += 16) {                       \
            SHA2_16(word, turn, t, 1, __VA_ARGS__)                          \
        }                                                                   \
        SHA2_16(word, turn, (rounds) - 16, 0, __VA_ARGS__)                  \
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;         \
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;         \
    }

SHA2(sha256, uint32_t, right, 64, 2, 13, 22, 6, 11, 25, 7, 18, 3, 17, 19, 10)

#if UINTPTR_MAX > 0xffffffffu
SHA2(sha512, uint64_t, right_64, 80, 28, 34, 39, 14, 18, 41, 1, 8, 7, 19, 61, 6)
#endif

/* ---- SHA-1: two rotations a round, one after the other ----------------------------------------- */

#define SHA1_20(first, mixed, constant)                                             \
    _Pragma("clang loop unroll(full)") for (int t = first; t < (first) + 20; t++) { \
        if (t >= 16) {                                                              \
            uint32_t y = x[(t - 3) & 15] ^ x[(t - 8) & 15] ^ x[(t - 14) & 15];      \
            x[t & 15] = right(x[t & 15] ^ y, 31);                                   \
        }                                                                           \
        uint32_t sum = right(a, 27) + (mixed) + e + (constant) + x[t & 15];         \
        e = d, d = c, c = right(b, 2), b = a, a = sum;                              \
    }

/* One block: state (5 words) moves on; in: 16 words of text, the highest byte of each first. */
void sha1(uint32_t *state, const uint32_t *in) {
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], x[16];
    _Pragma("clang loop unroll(full)") for (int t = 0; t < 16; t++) {
        x[t] = __builtin_bswap32(in[t]);
    }
    SHA1_20(0, (b & c) | (~b & d), 0x5A827999u)
    SHA1_20(20, b ^ c ^ d, 0x6ED9EBA1u)
    SHA1_20(40, (b & c) | (b & d) | (c & d), 0x8F1BBCDCu)
    SHA1_20(60, b ^ c ^ d, 0xCA62C1D6u)
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* ---- Keccak: a state of 1,600 bits, logic and rotations ---------------------------------------- */

#if UINTPTR_MAX > 0xffffffffu
static const unsigned char turns[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                        25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

void keccak(uint64_t *state, const uint64_t *constants) {
    uint64_t a[25], b[25], c[5];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 25; i++) { a[i] = state[i]; }
    ROUNDS(24) {
        _Pragma("clang loop unroll(full)") for (int x = 0; x < 5; x++) {
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        }
        _Pragma("clang loop unroll(full)") for (int x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ right_64(c[(x + 1) % 5], 63);
            _Pragma("clang loop unroll(full)") for (int y = 0; y < 5; y++) {
                uint64_t lane = a[x + 5 * y] ^ d;
                int n = turns[x + 5 * y];
                b[y + 5 * ((2 * x + 3 * y) % 5)] = n ? right_64(lane, 64 - n) : lane;
            }
        }
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 25; i++) {
            a[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);
        }
        a[0] ^= constants[round];
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 25; i++) { state[i] = a[i]; }
}
#endif

/* ---- Poly1305: products of 64 bits -------------------------------------------------------------- */

#if UINTPTR_MAX > 0xffffffffu
typedef unsigned __int128 wide;

/* 64 blocks of 16 bytes. state: 3 words of the sum, 2 of the key. */
void poly1305(uint64_t *state, const uint64_t *in) {
    uint64_t h0 = state[0], h1 = state[1], h2 = state[2];
    const uint64_t r0 = state[3], r1 = state[4], s1 = r1 + (r1 >> 2);
    for (int block = 0; block < 64; block++) {
        wide sum = (wide)h0 + in[2 * block];
        h0 = (uint64_t)sum;
        sum = (wide)h1 + in[2 * block + 1] + (uint64_t)(sum >> 64);
        h1 = (uint64_t)sum;
        h2 += 1 + (uint64_t)(sum >> 64);
        wide d0 = (wide)h0 * r0 + (wide)h1 * s1;
        wide d1 = (wide)h0 * r1 + (wide)h1 * r0 + h2 * s1;
        h2 *= r0;
        h0 = (uint64_t)d0;
        d1 += (uint64_t)(d0 >> 64);
        h1 = (uint64_t)d1;
        h2 += (uint64_t)(d1 >> 64);
        uint64_t carry = (h2 >> 2) + (h2 & ~(uint64_t)3);
        h2 &= 3;
        sum = (wide)h0 + carry;
        h0 = (uint64_t)sum;
        sum = (wide)h1 + (uint64_t)(sum >> 64);
        h1 = (uint64_t)sum;
        h2 += (uint64_t)(sum >> 64);
    }
    state[0] = h0, state[1] = h1, state[2] = h2;
}
#endif

/* ---- RAID-6: vectors of 128 bits ------------------------------------------------------------------ */

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* 16 columns of 64 bytes, from six disks of 1,024 bytes each, into two. */
void raid6(uint8_t *out, const uint8_t *in) {
    const uint8x16_t poly = vdupq_n_u8(0x1d);
    for (int at = 0; at < 1024; at += 64) {
        uint8x16_t p[4], q[4];
        _Pragma("clang loop unroll(full)") for (int k = 0; k < 4; k++) {
            p[k] = q[k] = vld1q_u8(in + 5 * 1024 + at + 16 * k);
        }
        _Pragma("clang loop unroll(full)") for (int z = 4; z >= 0; z--) {
            _Pragma("clang loop unroll(full)") for (int k = 0; k < 4; k++) {
                uint8x16_t d = vld1q_u8(in + z * 1024 + at + 16 * k);
                uint8x16_t high = vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(q[k]), 7));
                uint8x16_t twice = vshlq_n_u8(q[k], 1);
                p[k] = veorq_u8(p[k], d);
                q[k] = veorq_u8(veorq_u8(twice, vandq_u8(high, poly)), d);
            }
        }
        _Pragma("clang loop unroll(full)") for (int k = 0; k < 4; k++) {
            vst1q_u8(out + at + 16 * k, p[k]);
            vst1q_u8(out + 1024 + at + 16 * k, q[k]);
        }
    }
}

/* ---- memory: 4 MiB, more than any cache here has --------------------------------------------------- */

void read_memory(uint8_t *out, const uint8_t *in) {
    uint8x16_t a = vdupq_n_u8(0), b = a;
    _Pragma("clang loop unroll(disable)") for (int at = 0; at < 1 << 22; at += 64) {
        a = veorq_u8(a, veorq_u8(vld1q_u8(in + at), vld1q_u8(in + at + 16)));
        b = veorq_u8(b, veorq_u8(vld1q_u8(in + at + 32), vld1q_u8(in + at + 48)));
    }
    vst1q_u8(out, veorq_u8(a, b));
}
#endif

/* ---- a dense layer of 8 bits ----------------------------------------------------------------------- */

#if defined(__ARM_FEATURE_SIMD32) || defined(__ARM_FEATURE_DSP)
#define DSP(code, ...)                             \
    ({                                             \
        int32_t value;                             \
        __asm__(code : "=r"(value) : __VA_ARGS__); \
        value;                                     \
    })

/* 8 outputs of 128 inputs: rows of weights by two, four inputs at a time, in pairs of 16 bits. */
void dense(int32_t *out, const int32_t *in) {
    const int32_t *x = in;
    for (int row = 0; row < 8; row += 2) {
        const int32_t *w = in + 32 + 32 * row, *v = w + 32;
        int32_t first = 0, second = 0;
        for (int i = 0; i < 32; i++) {
            int32_t even = DSP("sxtb16 %0, %1", "r"(x[i])),
                    odd = DSP("sxtb16 %0, %1, ror #8", "r"(x[i]));
            int32_t a = DSP("sxtb16 %0, %1", "r"(w[i])),
                    b = DSP("sxtb16 %0, %1, ror #8", "r"(w[i]));
            first = DSP("smlad %0, %1, %2, %3", "r"(even), "r"(a), "r"(first));
            first = DSP("smlad %0, %1, %2, %3", "r"(odd), "r"(b), "r"(first));
            a = DSP("sxtb16 %0, %1", "r"(v[i])), b = DSP("sxtb16 %0, %1, ror #8", "r"(v[i]));
            second = DSP("smlad %0, %1, %2, %3", "r"(even), "r"(a), "r"(second));
            second = DSP("smlad %0, %1, %2, %3", "r"(odd), "r"(b), "r"(second));
        }
        out[row] = first, out[row + 1] = second;
    }
}
#endif
