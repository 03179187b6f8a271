/* kernel_cuts.c: something happens to every system call of a commit and of a restore, one after
 * the other, in a real process on a real file system.
 *
 *     kernel_cuts MODEL SAMPLES LABELS FOLDER quick|all
 *
 * A child opens a folder, restores, learns three samples and commits them, and one of its system
 * calls fails, is short, or is its last. Then this process looks: the state before the commit is
 * there or the state after it, bit for bit, and the latter where the commit had returned; nothing
 * is called damaged that is not; the folder can be written at once, and nothing is left over in it.
 * In a second round the child only restores: it gets the newest state, or says that a call failed,
 * never an older state or none. "quick" begins with two states and fails in two ways; "all" begins
 * with each of six folders, FOLDER/states, and fails in ten.
 */
#define _GNU_SOURCE 1

#include "metabit.h"
#include "metabit_posix.h"
#include "traced.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state_rig.h"

#define KEEP 3u
#define N_LEARNT 3u

/* What a folder holds when a child comes to it. */
typedef struct beginning {
    int is_there;      /* the folder */
    uint32_t n_states; /* the last of them the newest, and the others older */
    uint32_t damaged;  /* a damaged one after them */
    int leftover;      /* a file that an interrupted commit has left */
} beginning;

static const beginning beginnings[] = {
    {1, 2, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}, {1, KEEP, 0, 0}, {1, 1, 1, 0}, {1, KEEP, 1, 1},
};

/* Bits of the exit code of a child. */
enum { OPENED = 1, RESTORED = 2, COMMITTED = 4, REFUSED = 8, WRONG = 16 };

static uint64_t arena[1 << 15];
static uint8_t *samples, *newest_image, *older_image, *first_image;
static int32_t *labels;
static size_t n_inputs, image_bytes;
static mb_model *model;
static char folder[4096];
static const beginning *begins;
static uint64_t hash_before, hash_after;
static uint64_t n_cases, n_before, n_after, n_kept, n_restores, n_refused;
static long at_call;

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "kernel_cuts: not so: %s (%s)\n", what, traced_name(at_call));
        exit(1);
    }
}

static int into_memory(void *context, size_t offset, const void *data, size_t bytes) {
    memcpy((uint8_t *)context + offset, data, bytes);
    return 0;
}

static uint8_t *image_of_model(void) {
    uint8_t *image = malloc(image_bytes);
    expect(image != NULL && mb_state_save(model, into_memory, image) == MB_OK, "a state is saved");
    return image;
}

static void learn(uint32_t first) {
    int error = mb_learn(model, samples + first * n_inputs, labels + first, N_LEARNT, NULL);
    expect(error == MB_OK, "it learns");
}

/* ---- what children do ----------------------------------------------------------------------- */

static int restored(void) {
    uint32_t skipped = 0;
    int64_t number = mb_folder_restore(model, folder, &skipped);
    if (number == begins->n_states && skipped == begins->damaged && hash_of(model) == hash_before) {
        return RESTORED;
    }
    return number == MB_ERR_STORAGE && skipped <= begins->damaged ? REFUSED : WRONG;
}

static int writes(void) {
    mb_folder own;
    int error = mb_folder_open(&own, folder);
    if (error != MB_OK) {
        return error == MB_ERR_STORAGE ? REFUSED : WRONG;
    }
    int done = OPENED | restored();
    if (done & RESTORED) {
        learn(2 * N_LEARNT);
        error = mb_folder_commit(&own, model, KEEP);
        done |= error == MB_OK ? COMMITTED : error == MB_ERR_STORAGE ? REFUSED : WRONG;
        done |= hash_of(model) == hash_after ? 0 : WRONG;
    }
    mb_folder_close(&own);
    return done;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static void put(const char *name, const uint8_t *image) {
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    expect(stream != NULL && fwrite(image, 1, image_bytes, stream) == image_bytes &&
               fclose(stream) == 0,
           "the folder can be made");
}

static void put_state(uint32_t number, const uint8_t *image) {
    char name[32];
    (void)snprintf(name, sizeof name, "state-%010" PRIu32 ".mbs", number);
    put(name, image);
}

/* Remove the folder, if it is there; returns how many files were neither states nor the lock. */
static int clear_folder(void) {
    DIR *all = opendir(folder);
    struct dirent *entry;
    int others = 0;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');
        if (entry->d_name[0] != '.') {
            others += strcmp(end, ".mbs") != 0 && strcmp(entry->d_name, "state.lock") != 0;
            (void)unlinkat(dirfd(all), entry->d_name, 0);
        }
    }
    if (all != NULL) {
        closedir(all);
        expect(rmdir(folder) == 0, "the folder can be removed");
    }
    return others;
}

static int from_memory(void *context, size_t offset, void *data, size_t bytes) {
    memcpy(data, (const uint8_t *)context + offset, bytes);
    return 0;
}

/* The folder as it is at the beginning, and a model that has learnt nothing. */
static void begin(void) {
    clear_folder();
    expect(!begins->is_there || mkdir(folder, 0777) == 0, "the folder can be made");
    for (uint32_t number = 1; number <= begins->n_states; number++) {
        put_state(number, number == begins->n_states ? newest_image : older_image);
    }
    if (begins->damaged) {
        newest_image[image_bytes / 2] ^= 4u;
        put_state(begins->n_states + 1u, newest_image);
        newest_image[image_bytes / 2] ^= 4u;
    }
    if (begins->leftover) {
        put("state-4711-1.tmp", newest_image);
    }
    expect(mb_state_load(model, from_memory, first_image) == MB_OK, "a state can be loaded");
}

/* What is there before a commit, and what is to be there after it. */
static void know_hashes(void) {
    uint32_t skipped;
    begin();
    int64_t number = mb_folder_restore(model, folder, &skipped);
    expect(number == begins->n_states && skipped == begins->damaged, "the newest is restored");
    hash_before = hash_of(model);
    learn(2 * N_LEARNT);
    hash_after = hash_of(model);
}

/* ---- one case ------------------------------------------------------------------------------- */

static void look_at_folder(const traced_end *end) {
    mb_folder own;
    uint32_t skipped = 0;
    int64_t number = mb_folder_restore(model, folder, &skipped);
    uint64_t hash = hash_of(model);
    int is_after = hash == hash_after;
    expect(is_after ? number > 0 && skipped == 0
                    : number == begins->n_states && skipped == begins->damaged,
           "the newest state is there, and only damage is called damage");
    expect(is_after || hash == hash_before, "it is the state before the commit or after it");
    expect(is_after || end->exit_code < 0 || !(end->exit_code & COMMITTED),
           "what was acknowledged is there");
    n_after += (uint64_t)is_after;
    n_before += !is_after;
    n_kept += end->exit_code >= 0 && (end->exit_code & COMMITTED);
    expect(mb_folder_open(&own, folder) == MB_OK, "the folder can be written at once");
    learn(3 * N_LEARNT);
    hash = hash_of(model);
    expect(mb_folder_commit(&own, model, KEEP) == MB_OK, "and takes a commit");
    mb_folder_close(&own);
    number = mb_folder_restore(model, folder, &skipped);
    expect(number > 0 && skipped == 0 && hash_of(model) == hash, "which is there");
    expect(clear_folder() == 0, "nothing is left over");
}

/* Whether there was such a call. */
static int try_commit(uint32_t n, enum traced_event event, int error) {
    begin();
    traced_end end = traced_run(writes, n, event, error);
    at_call = end.call;
    if (end.happened) {
        int done = end.exit_code < 0 ? 0 : end.exit_code;
        int not_synced = event == TRACED_ERROR && strcmp(traced_name(end.call), "fsync") == 0;
        expect(!(done & WRONG), "a call fails with its reason");
        expect(!(done & COMMITTED && not_synced), "what is not synced is not acknowledged");
        look_at_folder(&end);
        n_cases++;
    } else {
        expect(end.exit_code == (OPENED | RESTORED | COMMITTED), "without an event all is well");
    }
    return end.happened;
}

static int only_restores(void) { return restored(); }

static int try_restore(uint32_t n, enum traced_event event, int error) {
    begin();
    traced_end end = traced_run(only_restores, n, event, error);
    at_call = end.call;
    expect(end.exit_code != WRONG, "the newest state is restored, or a reason is given");
    n_restores += end.happened;
    n_refused += end.exit_code == REFUSED;
    return end.happened;
}

static void all_calls(int (*try_one)(uint32_t, enum traced_event, int), int is_quick) {
    static const int errors[] = {EIO,   ENOSPC, EACCES, EMFILE, ENOMEM,
                                 EINTR, EDQUOT, ENFILE, EROFS,  EPERM};
    size_t n_errors = is_quick ? 2 : sizeof errors / sizeof *errors;
    for (size_t i = 0; i < n_errors; i++) {
        for (uint32_t n = 1; try_one(n, TRACED_ERROR, errors[i]); n++) {
        }
    }
    for (enum traced_event event = TRACED_SHORT; event <= TRACED_AFTER; event++) {
        for (uint32_t n = 1; try_one(n, event, 0); n++) {
        }
    }
}

int main(int argc, char **argv) {
    size_t blob_bytes, sample_bytes, label_bytes;
    mb_options options = MB_OPTIONS_INFER;
    mb_info info;
    expect(argc == 6, "five arguments");
    const void *blob = read_file(argv[1], &blob_bytes);
    samples = (uint8_t *)read_file(argv[2], &sample_bytes);
    labels = (int32_t *)read_file(argv[3], &label_bytes);
    (void)snprintf(folder, sizeof folder, "%s/states", argv[4]);
    options.learn_layers = MB_ALL_LAYERS;
    expect(mb_verify(blob, blob_bytes, &info) == MB_OK, "the model is whole");
    n_inputs = info.n_inputs;
    expect(mb_open(&model, arena, sizeof arena, blob, blob_bytes, &options) == MB_OK, "it opens");
    image_bytes = mb_state_bytes(model);
    first_image = image_of_model();
    learn(0);
    older_image = image_of_model();
    learn(N_LEARNT);
    newest_image = image_of_model();
    int is_quick = strcmp(argv[5], "all") != 0;
    size_t n_beginnings = is_quick ? 1 : sizeof beginnings / sizeof *beginnings;
    for (begins = beginnings; begins < beginnings + n_beginnings; begins++) {
        know_hashes();
        all_calls(try_commit, is_quick);
        all_calls(try_restore, is_quick);
    }
    clear_folder();
    printf("%" PRIu64 " commits, %" PRIu64 " before, %" PRIu64 " after, %" PRIu64
           " acknowledged, %" PRIu64 " restores, %" PRIu64 " refused\n",
           n_cases, n_before, n_after, n_kept, n_restores, n_refused);
    return 0;
}
