/* disk_inside.h: what disk.c and disk_calls.c share; see disk.h. */
#ifndef DISK_INSIDE_H
#define DISK_INSIDE_H

#include "disk.h"

#define MOST_FILES 96
#define MOST_NAMES 48
#define MOST_CHANGES 256
#define MOST_OPEN 24
#define FILE_BYTES 16384u
#define SECTOR 512u
#define FOLDER (-2)
#define PARENT (-3)

typedef struct file {
    uint8_t cached[FILE_BYTES], kept[FILE_BYTES];
    uint32_t n_cached, n_kept;
    int lock; /* the descriptor that holds it, or -1 */
} file;

typedef struct folder {
    char name[MOST_NAMES][40];
    int at[MOST_NAMES]; /* of `files`, or -1 */
} folder;

/* A change of the folder that is not synced yet. */
typedef struct change {
    char name[40];
    int at; /* -1: the name goes */
} change;

struct disk_list {
    uint32_t next;
    int open;
    struct dirent entry;
};

typedef struct open_file {
    int what, pid; /* of `files`, FOLDER or PARENT; -1 is free */
} open_file;

extern file files[MOST_FILES];
extern folder cached, kept;
extern int folder_cached, folder_kept;
extern change changes[MOST_CHANGES];
extern uint32_t n_changes;
extern open_file open_files[MOST_OPEN];
extern disk_list lists[4];
extern uint32_t calls, planned_call;
extern enum disk_event planned;
extern int is_full;

/* End the program: the rig itself is wrong, or a caller does what no caller may. */
void impossible(const char *what);
/* Where a name leads to; NULL if it is not there. */
int *place(folder *in, const char *name);
/* A change of the folder: the name leads to this file, or goes where `at` is -1. */
void change_name(const char *name, int at);
int new_file(void);
int new_descriptor(int what);
int what_is(int descriptor);
/* At the start of every call: 0, or -1 if it fails. */
int begin(void);
/* At the end of every call. */
void done(void);
/* The process that makes the calls. */
int current_process(void);

#endif /* DISK_INSIDE_H */
