/* windows.c: see windows.h. */
#define _POSIX_C_SOURCE 200809L
#include "windows.h"

#include "metabit_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Additions of one look at the clock: some 20 microseconds. */
#define SPIN 32768u

double fw_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double fw_clock_mhz(void) {
    double began = fw_seconds();
    (void)mb_spin(SPIN, 1);
    return SPIN / (fw_seconds() - began) * 1e-6;
}

void fw_add_window(fw_windows *windows, double seconds, double mhz_before, double mhz_after) {
    if (windows->n < FW_MOST_WINDOWS) {
        windows->us[windows->n] = seconds * 1e6 / (double)windows->calls;
        windows->mhz[windows->n] = mhz_after > mhz_before ? mhz_after : mhz_before;
        windows->n++;
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle of the first n sorted values. */
static double middle(const double *sorted, size_t n) {
    return n % 2u ? sorted[n / 2u] : (sorted[n / 2u - 1u] + sorted[n / 2u]) / 2.0;
}

/* Cycles are taken from the quickest quarter of the windows: the others were disturbed. */
static double cycles_of(const fw_windows *windows) {
    double cycles[FW_MOST_WINDOWS];
    size_t quiet = (windows->n + 2u) / 4u;
    for (size_t i = 0; i < windows->n; i++) {
        cycles[i] = windows->us[i] * windows->mhz[i];
    }
    qsort(cycles, windows->n, sizeof *cycles, by_size);
    return middle(cycles, quiet != 0 ? quiet : 1u);
}

void fw_print_windows(const char *name, fw_windows *windows) {
    size_t n = windows->n;
    double cycles = cycles_of(windows);
    qsort(windows->us, n, sizeof *windows->us, by_size);
    qsort(windows->mhz, n, sizeof *windows->mhz, by_size);
    printf("\"%s\": {\"min_us\": %.4f, \"median_us\": %.4f, \"p99_us\": %.4f, \"cycles\": %.1f, ",
           name, windows->us[0], middle(windows->us, n), windows->us[(n - 1u) * 99u / 100u],
           cycles);
    printf("\"clock_mhz\": {\"min\": %.1f, \"median\": %.1f, \"max\": %.1f}, ", windows->mhz[0],
           middle(windows->mhz, n), windows->mhz[n - 1u]);
    printf("\"windows\": %zu, \"calls_a_window\": %zu}", n, windows->calls);
}
