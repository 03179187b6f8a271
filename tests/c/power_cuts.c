/* power_cuts.c: states kept in a folder, on a disk that fails, and in processes that end, at any
 * call that posix_folder.c makes.
 *
 *     power_cuts MODEL SAMPLES LABELS START CONTEXTS CUTS SEED
 *
 * Processes come one after the other on one disk. Each opens the folder, restores, learns, and
 * commits, until something happens to one of its calls; so cuts come in rows, in restores and in
 * openings too. Where the folder has no state yet, a process continues from the image in START;
 * as many contexts as are open in it are open in all later states. After each process: what is
 * restored is the last commit that was acknowledged or a later commit that was under way, bit for
 * bit; what was acknowledged is never lost; no state is called damaged that is not; and a call that
 * fails leaves the model as it was. Prints how many of each kind there were, and exits with 1 at
 * the first that is not so.
 */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE 1
#define _DEFAULT_SOURCE 1

#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The port itself, with this disk in place of the operating system. */
#define mkdir disk_mkdir
#define open disk_open
#define openat(dir, name, ...) disk_openat(dir, name, FIRST(__VA_ARGS__, 0))
#define FIRST(flags, ...) (flags)
#define pwrite disk_pwrite
#define pread disk_pread
#define fsync disk_fsync
#define close disk_close
#define flock(file, how) disk_flock(file, how)
#define ftruncate disk_ftruncate
#define renameat disk_renameat
#define unlinkat disk_unlinkat
#define fstat disk_fstat
#define fdopendir disk_fdopendir
#define readdir disk_readdir
#define closedir disk_closedir
#define getpid disk_getpid
#define DIR disk_list
#include "../../edge_runtime/port/posix_folder.c"

#include "state_rig.h"

#define MOST_ALLOWED 4096u
#define KEEP 3u
#define PROCESSES 60 /* one after the other on one disk */

static uint64_t arena[1 << 15];
static uint8_t *samples;
static int32_t *labels;
static size_t n_inputs, n_samples;
static mb_model *model;
/* What a restore may find: the last acknowledged state first, then those that were under way. */
static uint64_t allowed[MOST_ALLOWED];
static uint32_t n_allowed;
static uint64_t counts[DISK_EVENTS], n_commits, n_flips, n_refused;
static void *start;                             /* a state image */
static uint32_t n_open_at_start, contexts_seen; /* a bit for each that learnt last */

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "power_cuts: not so: %s (call %u)\n", what, (unsigned)disk_calls());
        exit(1);
    }
}

static int is_allowed(uint64_t hash) {
    for (uint32_t i = 0; i < n_allowed; i++) {
        if (allowed[i] == hash) {
            return 1;
        }
    }
    return 0;
}

static void under_way(uint64_t hash) {
    expect(n_allowed < MOST_ALLOWED, "not too many states are under way");
    allowed[n_allowed++] = hash;
}

/* ---- one process ---------------------------------------------------------------------------- */

static int read_start(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    memcpy(data, (const uint8_t *)start + offset, bytes);
    return 0;
}

/* Contexts that are open; 0 where there is one network only. */
static uint32_t n_open(void) {
    mb_status status;
    expect(mb_get_status(model, &status) == MB_OK, "a status can be read");
    contexts_seen |= 1u << status.context;
    return status.n_contexts;
}

/* Load what is there, or START where nothing is. Returns 0 if a call failed. */
static int restore(void) {
    uint32_t skipped = 0;
    uint64_t before = hash_of(model);
    int64_t number = mb_folder_restore(model, "state", &skipped);
    expect(skipped == 0, "a restore calls nothing damaged that is whole");
    if (number < 0) {
        expect(number == MB_ERR_STORAGE && disk_happened(), "a restore fails with a reason");
        return 0; /* a call that failed in the second reading may leave a mixture */
    }
    expect(number > 0 || hash_of(model) == before, "without a state the model is as it was");
    expect(is_allowed(hash_of(model)), "a restore finds the state before the cut or after it");
    if (number == 0) {
        expect(mb_state_load(model, read_start, NULL) == MB_OK, "the first state is whole");
    }
    expect(n_open() >= n_open_at_start, "all contexts are open again");
    return 1;
}

static void learn_some(void) {
    size_t at = disk_draw((uint32_t)n_samples - 4u);
    expect(mb_learn(model, samples + at * n_inputs, labels + at, 3, NULL) == MB_OK, "it learns");
}

static void commit(mb_folder *folder) {
    learn_some();
    uint64_t hash = hash_of(model);
    under_way(hash);
    int error = mb_folder_commit(folder, model, KEEP);
    expect(hash_of(model) == hash, "a commit does not change the model");
    if (error == MB_OK) {
        allowed[0] = hash;
        n_allowed = 1;
        n_commits++;
    } else {
        expect(error == MB_ERR_STORAGE && disk_happened(), "a commit fails with a reason");
    }
}

/* A second writer is refused while the first one lives, and finds the folder free afterwards. */
static void try_to_write_too(int pid) {
    mb_folder second;
    disk_process(pid + 1000000);
    expect(mb_folder_open(&second, "state") == MB_ERR_BUSY, "a second writer is refused");
    disk_exit(pid + 1000000);
    disk_process(pid);
    n_refused++;
}

/* Flip a bit of the newest state: the one before it is loaded, and that is said. */
static void try_damage(void) {
    uint32_t bit = disk_draw(8u * disk_newest_bytes()), skipped = 0;
    uint64_t whole = hash_of(model);
    disk_flip(bit);
    int64_t number = mb_folder_restore(model, "state", &skipped);
    expect(skipped == 1, "a damaged state is skipped, and that is said");
    expect(number > 0 && hash_of(model) != whole, "an older one is loaded");
    disk_flip(bit);
    skipped = 0;
    expect(mb_folder_restore(model, "state", &skipped) > 0 && skipped == 0, "it is whole again");
    expect(hash_of(model) == whole, "and the same");
    n_flips++;
}

static void live(int pid, const void *blob, size_t blob_bytes, const mb_options *options) {
    mb_folder folder;
    disk_process(pid);
    expect(mb_open(&model, arena, sizeof arena, blob, blob_bytes, options) == MB_OK, "it opens");
    int error = mb_folder_open(&folder, "state");
    if (error != MB_OK) {
        expect(error == MB_ERR_STORAGE && disk_happened(), "opening fails with a reason");
        return;
    }
    if (restore()) {
        uint32_t n = 1 + disk_draw(6);
        for (uint32_t i = 0; i < n; i++) {
            commit(&folder);
        }
        if (!disk_happened() && n >= KEEP && disk_draw(3) == 0) {
            disk_plan(0, DISK_NOTHING);
            expect(disk_states() == KEEP, "so many states are kept as were asked for");
            try_to_write_too(pid);
            try_damage();
        }
    }
    mb_folder_close(&folder);
}

int main(int argc, char **argv) {
    size_t blob_bytes, sample_bytes, label_bytes, start_bytes;
    mb_options options = MB_OPTIONS_INFER;
    mb_info info;
    expect(argc == 8, "seven arguments");
    const void *blob = read_file(argv[1], &blob_bytes);
    samples = (uint8_t *)read_file(argv[2], &sample_bytes);
    labels = (int32_t *)read_file(argv[3], &label_bytes);
    start = read_file(argv[4], &start_bytes);
    uint64_t cuts = strtoull(argv[6], NULL, 10), n_cuts = 0;
    options.learn_layers = MB_ALL_LAYERS;
    options.contexts = (uint32_t)strtoul(argv[5], NULL, 10);
    expect(mb_verify(blob, blob_bytes, &info) == MB_OK, "the model is whole");
    n_inputs = info.n_inputs;
    n_samples = label_bytes / sizeof *labels;
    uint64_t seed = strtoull(argv[7], NULL, 10);
    expect(mb_open(&model, arena, sizeof arena, blob, blob_bytes, &options) == MB_OK, "it opens");
    uint64_t untaught = hash_of(model);
    expect(mb_state_load(model, read_start, NULL) == MB_OK, "the first state is whole");
    n_open_at_start = n_open();
    expect(options.contexts < 2 || n_open_at_start > 1, "several contexts are open from the start");
    for (volatile int pid = 0; n_cuts < cuts; pid++) {
        if (pid % PROCESSES == 0) {
            disk_format(seed + (uint64_t)pid);
            n_allowed = 0;
            under_way(untaught);
        }
        enum disk_event event = (enum disk_event)(1 + disk_draw(DISK_EVENTS - 1));
        disk_plan(1 + disk_draw(disk_draw(3) ? 40 : 250), event);
        if (setjmp(disk_end) == 0) {
            live(pid, blob, blob_bytes, &options);
        }
        if (disk_happened()) {
            counts[event]++;
            n_cuts++;
        }
        disk_exit(pid);
    }
    expect(options.contexts < 2 || (contexts_seen & (contexts_seen - 1u)) != 0, "contexts change");
    printf("%" PRIu64 " failures and cuts, %" PRIu64 " commits acknowledged, %" PRIu64
           " damaged states skipped, %" PRIu64 " second writers refused\n",
           n_cuts, n_commits, n_flips, n_refused);
    for (int event = 1; event < DISK_EVENTS; event++) {
        expect(counts[event] > 0, "every kind happened");
        printf("kind %d: %" PRIu64 "\n", event, counts[event]);
    }
    return 0;
}
