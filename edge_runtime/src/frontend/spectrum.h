/* spectrum.h: the bands of the spectrum of one channel. */
#ifndef MB_SPECTRUM_H
#define MB_SPECTRUM_H

#include "../internal.h"

/* One channel of a whole window. */
typedef struct mb_series {
    const int16_t *first; /* its value in the first frame */
    uint32_t n_channels;  /* from one value of it to the next */
    uint32_t length;
    int32_t mean;
} mb_series;

static inline int32_t mb_value(const mb_series *series, uint32_t i) {
    return series->first[(size_t)i * series->n_channels];
}

/* Write the bands of a series, front->n_bands of them. */
void mb_bands(const mb_model *model, const mb_front *front, const mb_series *series,
              int32_t *bands);

#endif /* MB_SPECTRUM_H */
