/* windows.h: times of short windows, with the clock beside each, as metabit/bench/timing.py. */
#ifndef FW_WINDOWS_H
#define FW_WINDOWS_H

#include <stddef.h>

#define FW_MOST_WINDOWS 400u

typedef struct fw_windows {
    double us[FW_MOST_WINDOWS];  /* mean time of a call in each window */
    double mhz[FW_MOST_WINDOWS]; /* the clock beside it */
    size_t n;
    size_t calls; /* in each window */
} fw_windows;

/* Seconds since some moment; only differences mean something. */
double fw_seconds(void);

/* How fast the clock runs just now, from additions that wait for one another. */
double fw_clock_mhz(void);

/* Take a window that lasted so long, with the clock before and after it: an interruption can only
 * make it look slower. Those beyond FW_MOST_WINDOWS are left out. */
void fw_add_window(fw_windows *windows, double seconds, double mhz_before, double mhz_after);

/* Print `"name": {...}` with the least and the median time, cycles, and the clock. */
void fw_print_windows(const char *name, fw_windows *windows);

#endif /* FW_WINDOWS_H */
