/* row.c: statistics, bands and logarithms of one whole window, as features. */
#include "row.h"

#include "../arith.h"
#include "../file/offsets.h"
#include "integers.h"
#include "spectrum.h"

#define FEATURE_LIMIT 127

/* What one pass over a series finds. */
typedef struct sums {
    int32_t total, low, high;
    uint32_t change; /* sum of |difference of neighbours| */
    uint64_t squares;
} sums;

static sums add_up(const mb_series *series) {
    int32_t before = mb_value(series, 0);
    sums found = {0, before, before, 0, 0};
    for (uint32_t i = 0; i < series->length; i++) {
        int32_t value = mb_value(series, i);
        found.total += value;
        found.squares += (uint32_t)(value * value);
        found.low = value < found.low ? value : found.low;
        found.high = value > found.high ? value : found.high;
        found.change += mb_magnitude(value - before);
        before = value;
    }
    return found;
}

/* Write the statistics that the front end names, in their order; returns how many. */
static uint32_t put_statistics(const mb_front *front, const mb_series *series, const sums *found,
                               int32_t *values) {
    uint32_t n = series->length, end = 0;
    int64_t total = found->total;
    uint64_t spread = n * found->squares - (uint64_t)(total * total);
    int32_t all[] = {
        series->mean,
        (int32_t)(mb_root(spread) / n),
        found->low,
        found->high,
        n > 1 ? (int32_t)(found->change / (n - 1u)) : 0,
    };
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (front->statistics >> i & 1u) {
            values[end++] = all[i];
        }
    }
    return end;
}

static void put_values(const mb_model *model, const mb_front *front, int32_t *values) {
    const int16_t *frames = (const int16_t *)mb_in_arena(model, front->frames_at);
    for (uint32_t c = 0; c < front->n_channels; c++) {
        mb_series series = {frames + c, front->n_channels, front->length, 0};
        sums found = add_up(&series);
        int32_t n = (int32_t)series.length;
        series.mean = mb_floor_divide(2 * found.total + n, 2 * n);
        values += put_statistics(front, &series, &found, values);
        if (front->n_bands > 0) {
            mb_bands(model, front, &series, values);
            values += front->n_bands;
        }
    }
}

static int8_t feature(const mb_model *model, const mb_front *front, uint32_t i, int32_t value) {
    const uint8_t *scale =
        (const uint8_t *)mb_in_blob(model, front->scales_at) + (size_t)SCALE_BYTES * i;
    int32_t centre;
    uint16_t gain, shift;
    mb_copy(&centre, scale + SCALE_CENTRE, sizeof centre);
    mb_copy(&gain, scale + SCALE_GAIN, sizeof gain);
    mb_copy(&shift, scale + SCALE_SHIFT, sizeof shift);
    int64_t product = ((int64_t)value - centre) * gain;
    return (int8_t)mb_limited(mb_shifted(product, shift), FEATURE_LIMIT);
}

void mb_make_row(const mb_model *model, const mb_front *front, int8_t *features) {
    int32_t *values = (int32_t *)mb_in_arena(model, front->values_at);
    uint32_t n = front->n_values;
    put_values(model, front, values);
    for (uint32_t i = 0; i < n; i++) {
        int32_t first = front->log == MB_LOG_ONLY ? mb_log2(values[i]) : values[i];
        features[i] = feature(model, front, i, first);
        if (front->log == MB_LOG_ALSO) {
            features[n + i] = feature(model, front, n + i, mb_log2(values[i]));
        }
    }
}
