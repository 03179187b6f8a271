/* machine.c: what Linux tells in /proc and /sys, field by field. */
#define _POSIX_C_SOURCE 200809L
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPU "/sys/devices/system/cpu/cpu0/cpufreq/"

void fw_print_text(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        int c = *text >= ' ' && *text <= '~' ? *text : '?';
        if (c == '"' || c == '\\') {
            putchar('\\');
        }
        putchar(c);
    }
    putchar('"');
}

static void print_field(const char *name, const char *text) {
    printf("\"%s\": ", name);
    if (text != NULL) {
        fw_print_text(text);
    } else {
        printf("null");
    }
}

/* The first line of a file. */
static void print_file(const char *name, const char *path) {
    char line[256];
    FILE *file = fopen(path, "r");
    const char *text = file != NULL ? fgets(line, sizeof line, file) : NULL;
    if (text != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    print_field(name, text);
    if (file != NULL) {
        fclose(file);
    }
}

/* The value of the first line of /proc/cpuinfo that begins with `key`. */
static void print_cpu(const char *name, const char *key) {
    char line[512];
    const char *text = NULL;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && text == NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, key, strlen(key)) == 0) {
            text = colon + 1 + strspn(colon + 1, " ");
            line[strcspn(line, "\n")] = '\0';
        }
    }
    print_field(name, text);
    if (file != NULL) {
        fclose(file);
    }
}

void fw_print_machine(void) {
    struct utsname system;
    int known = uname(&system) >= 0;
    printf("\"machine\": {");
    print_file("board", "/proc/device-tree/model");
    printf(", ");
    print_cpu("cpu_name", "model name");
    printf(", ");
    print_cpu("cpu_implementer", "CPU implementer");
    printf(", ");
    print_cpu("cpu_part", "CPU part");
    printf(", \"processors\": %ld, ", sysconf(_SC_NPROCESSORS_ONLN));
    print_field("system", known ? system.sysname : NULL);
    printf(", ");
    print_field("release", known ? system.release : NULL);
    printf(", ");
    print_field("processor", known ? system.machine : NULL);
    printf(", ");
    print_file("governor", CPU "scaling_governor");
    printf(", ");
    print_file("max_khz", CPU "scaling_max_freq");
    printf(", ");
    print_file("millidegrees", "/sys/class/thermal/thermal_zone0/temp");
    printf(", ");
    print_file("throttled", "/sys/devices/platform/soc/soc:firmware/get_throttled");
    printf("}");
}
