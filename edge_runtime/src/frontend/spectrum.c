/* spectrum.c: a fast Fourier transform in integers, and the power of its bands.
 *
 * Radix 2, decimation in time. Each product of a value and a sine is rounded once, and nothing is
 * scaled between the stages: 17 bits of input and ten stages stay below 2^27.
 */
#include "spectrum.h"

#include "integers.h"

/* The n points of a transform, n a power of two. */
typedef struct points {
    int32_t *re, *im;
    uint32_t n;
} points;

/* The tapered values of a series less its mean, in the order of their reversed bits. */
static void load(const points *p, const mb_series *series) {
    for (uint32_t i = 0, to = 0; i < p->n; i++) {
        p->im[to] = 0;
        p->re[to] = 0;
        if (i < series->length) {
            int32_t taper = MB_ONE - mb_cosine(MB_TURN * i / series->length);
            int64_t value = (int64_t)(mb_value(series, i) - series->mean) * taper;
            p->re[to] = (int32_t)mb_shifted(value, 15);
        }
        uint32_t bit = p->n / 2u; /* add 1 from the top bit downward */
        for (; (to & bit) != 0; bit >>= 1) {
            to ^= bit;
        }
        to |= bit;
    }
}

static void butterfly(const points *p, uint32_t a, uint32_t b, int32_t c, int32_t s) {
    int64_t re = p->re[b], im = p->im[b];
    int32_t turned_re = (int32_t)mb_shifted(re * c + im * s, 14);
    int32_t turned_im = (int32_t)mb_shifted(im * c - re * s, 14);
    p->re[b] = p->re[a] - turned_re;
    p->im[b] = p->im[a] - turned_im;
    p->re[a] += turned_re;
    p->im[a] += turned_im;
}

static void transform(const points *p) {
    for (uint32_t half = 1; half < p->n; half *= 2u) {
        for (uint32_t k = 0; k < half; k++) {
            uint32_t angle = k * (MB_TURN / (2u * half));
            int32_t c = mb_cosine(angle), s = mb_sine(angle);
            for (uint32_t a = k; a < p->n; a += 2u * half) {
                butterfly(p, a, a + half, c, s);
            }
        }
    }
}

static uint16_t edge(const mb_model *model, const mb_front *front, uint32_t i) {
    return ((const uint16_t *)mb_in_blob(model, front->edges_at))[i];
}

void mb_bands(const mb_model *model, const mb_front *front, const mb_series *series,
              int32_t *bands) {
    int32_t *room = (int32_t *)mb_in_arena(model, front->points_at);
    points p = {room, room + front->n_transform, front->n_transform};
    load(&p, series);
    transform(&p);
    for (uint32_t b = 0; b < front->n_bands; b++) {
        uint64_t power = 0;
        for (uint32_t k = edge(model, front, b); k < edge(model, front, b + 1u); k++) {
            power += (uint64_t)((int64_t)p.re[k] * p.re[k]);
            power += (uint64_t)((int64_t)p.im[k] * p.im[k]);
        }
        bands[b] = (int32_t)mb_root(power);
    }
}
