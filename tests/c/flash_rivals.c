/* flash_rivals.c: states kept in bare flash whose power goes at any erasure and any write, by
 * metabit_flash.h; where JOURNAL is defined by metabit_journal.h, and where LITTLEFS is, by a file
 * of littlefs.
 *
 *     flash_rivals MODEL SAMPLES LABELS CUTS SEED PAGE_BYTES WRITE_BYTES N_PAGES LAYERS HEAD ISA
 *
 * LAYERS, HEAD and ISA are learn_layers, head and isa of mb_options.
 *
 * A program learns and commits until its power goes; then the next one begins, and takes what is
 * there. A cut write leaves some bits of the unit that was being written, a cut erasure some bits
 * of the page. What was acknowledged must be there, or the commit that was under way. Prints what
 * was written and erased by commits, those that were cut left out, and the most samples that a
 * start learnt again. A start is start_up(), whose instructions callgrind counts.
 */
#include "metabit.h"
#include "metabit_flash.h"
#include "metabit_journal.h"

#ifdef LITTLEFS
#include "lfs.h"
#endif

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state_rig.h"

#define MOST_FLASH (4u << 20)
#define SAMPLES_PER_COMMIT 10u
#define N_SLOTS 2u /* of metabit_flash.h, where a record leaves that many */

static uint8_t cells[MOST_FLASH];
static size_t page_bytes, unit_bytes, n_pages;
static int64_t calls_to_live; /* until the power goes; below 0: it stays */
static jmp_buf power_lost;
static uint64_t random_state, n_written, n_erased;

static uint64_t arena[1 << 15];
static const void *blob;
static size_t blob_bytes, n_inputs, n_samples;
static uint8_t *samples;
static int32_t *labels;
static mb_model *model;

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "flash_rivals: not so: %s\n", what);
        exit(1);
    }
}

static uint32_t draw(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

/* ---- flash ----------------------------------------------------------------------------------- */

static int power_goes(void) { return calls_to_live >= 0 && calls_to_live-- == 0; }

static int erase(void *context, size_t offset) {
    int cut = power_goes();
    (void)context;
    for (size_t i = 0; i < page_bytes; i++) {
        cells[offset + i] |= (uint8_t)(cut ? draw(256) : 0xffu);
    }
    if (cut) {
        longjmp(power_lost, 1);
    }
    n_erased++;
    return 0;
}

static int write(void *context, size_t offset, const void *data, size_t bytes) {
    const uint8_t *from = (const uint8_t *)data;
    (void)context;
    for (size_t at = 0; at < bytes; at += unit_bytes) {
        int cut = power_goes();
        for (size_t i = at; i < at + unit_bytes; i++) {
            cells[offset + i] &= (uint8_t)(from[i] | (cut ? draw(256) : 0));
        }
        if (cut) {
            longjmp(power_lost, 1);
        }
    }
    n_written += bytes;
    return 0;
}

static int read(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    memcpy(data, cells + offset, bytes);
    return 0;
}

/* ---- the ways to keep a state ---------------------------------------------------------------- */

#ifdef LITTLEFS
static lfs_t fs;
static lfs_file_t file;

static int lfs_read_at(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, void *data,
                       lfs_size_t bytes) {
    return read(NULL, block * c->block_size + off, data, bytes);
}

static int lfs_write_at(const struct lfs_config *c, lfs_block_t block, lfs_off_t off,
                        const void *data, lfs_size_t bytes) {
    return write(NULL, block * c->block_size + off, data, bytes);
}

static int lfs_erase_at(const struct lfs_config *c, lfs_block_t block) {
    return erase(NULL, (size_t)block * c->block_size);
}

static int lfs_sync_all(const struct lfs_config *c) {
    (void)c;
    return 0;
}

/* As littlefs's own documents set it: a cache of a multiple of what is written at once. */
static struct lfs_config config = {.read = lfs_read_at,
                                   .prog = lfs_write_at,
                                   .erase = lfs_erase_at,
                                   .sync = lfs_sync_all,
                                   .read_size = 1,
                                   .block_cycles = 500,
                                   .lookahead_size = 16};
static uint8_t read_cache[1024], write_cache[1024], lookahead[16];

static void begin(void) {
    config.prog_size = (lfs_size_t)unit_bytes;
    config.cache_size = (lfs_size_t)(unit_bytes > 64 ? unit_bytes : 64);
    config.block_size = (lfs_size_t)page_bytes;
    config.block_count = (lfs_size_t)n_pages;
    config.read_buffer = read_cache;
    config.prog_buffer = write_cache;
    config.lookahead_buffer = lookahead;
    if (lfs_mount(&fs, &config) != 0) { /* new flash, or its formatting was cut */
        expect(lfs_format(&fs, &config) == 0 && lfs_mount(&fs, &config) == 0, "it formats");
    }
}

static uint8_t file_cache[1024];
static const struct lfs_file_config file_config = {.buffer = file_cache};

static int write_part(void *context, size_t offset, const void *data, size_t bytes) {
    (void)context, (void)offset;
    return lfs_file_write(&fs, &file, data, (lfs_size_t)bytes) != (lfs_ssize_t)bytes;
}

static int read_part(void *context, size_t offset, void *data, size_t bytes) {
    (void)context;
    return lfs_file_seek(&fs, &file, (lfs_soff_t)offset, LFS_SEEK_SET) != (lfs_soff_t)offset ||
           lfs_file_read(&fs, &file, data, (lfs_size_t)bytes) != (lfs_ssize_t)bytes;
}

/* A file that is written anew replaces the one before when it is closed, whole or not at all. */
static int commit(void) {
    int flags = LFS_O_WRONLY | LFS_O_CREAT | LFS_O_TRUNC;
    return lfs_file_opencfg(&fs, &file, "state", flags, &file_config) != 0 ||
           mb_state_save(model, write_part, NULL) != MB_OK || lfs_file_close(&fs, &file) != 0;
}

static int restore(void) { /* 0 where there is none */
    if (lfs_file_opencfg(&fs, &file, "state", LFS_O_RDONLY, &file_config) != 0) {
        return 0;
    }
    int is_new = lfs_file_size(&fs, &file) == 0; /* opened to be written for the first time */
    int error = is_new ? 0 : mb_state_load(model, read_part, NULL);
    expect(lfs_file_close(&fs, &file) == 0, "it closes");
    return is_new ? 0 : error == MB_OK ? 1 : error;
}
#else
static mb_flash flash;

static void begin(void) {
    size_t slot = MB_FLASH_SEAL_BYTES(unit_bytes) + mb_state_bytes(model);
    size_t pages = (slot + page_bytes - 1) / page_bytes;
    flash = (mb_flash){.page_bytes = page_bytes, .write_bytes = unit_bytes};
    pages = pages > n_pages / N_SLOTS ? pages : n_pages / N_SLOTS;
    flash.n_slots = (uint32_t)(n_pages / pages);
    flash.bytes = flash.n_slots * pages * page_bytes;
    flash.erase = erase;
    flash.write = write;
    flash.read = read;
    expect(mb_flash_start(&flash) == MB_OK, "flash starts");
}

#ifdef JOURNAL
static mb_journal journal;
static uint64_t step[1 << 7];

static int commit(void) { return mb_journal_commit(&journal); }

static int restore(void) {
    journal = (mb_journal){.flash = &flash,
                           .most_again = MB_JOURNAL_MOST_AGAIN,
                           .step = step,
                           .step_bytes = sizeof step};
    return mb_journal_start(&journal, model);
}
#else
static int commit(void) {
    return mb_flash_keep_start(&flash, mb_state_bytes(model)) != 0 ||
           mb_state_save(model, mb_flash_keep_write, &flash) != MB_OK ||
           mb_flash_keep_end(&flash) != 0;
}

static int restore(void) {
    if (mb_flash_kept_bytes(&flash) == 0) {
        return 0;
    }
    int error = mb_state_load(model, mb_flash_kept_read, &flash);
    return error == MB_OK ? 1 : error;
}
#endif
#endif

#ifdef JOURNAL
static int learn(const uint8_t *x, const int32_t *y) {
    return mb_journal_learn(&journal, x, y, SAMPLES_PER_COMMIT, NULL);
}

static uint32_t learnt_again(void) { return journal.n_again; }
#else
static int learn(const uint8_t *x, const int32_t *y) {
    return mb_learn(model, x, y, SAMPLES_PER_COMMIT, NULL);
}

static uint32_t learnt_again(void) { return 0; }
#endif

/* ---- programs, one after the other ----------------------------------------------------------- */

static uint64_t kept, coming, n_commits, written, erased;
static uint64_t n_starts;
static uint32_t most_again;
static int is_coming, n_lost;

/* What a program does before it can predict as it last could. */
int start_up(void) {
    begin();
    return restore();
}

static void live(const mb_options *options) {
    expect(mb_open(&model, arena, sizeof arena, blob, blob_bytes, options) == MB_OK, "it opens");
    uint64_t untaught = hash_of(model);
    int found = start_up();
    n_starts++;
    most_again = learnt_again() > most_again ? learnt_again() : most_again;
    uint64_t now = found == 1 ? hash_of(model) : untaught;
    if (found < 0 || (now != kept && !(is_coming && now == coming))) {
        n_lost++;
    }
    kept = now;
    for (;;) {
        size_t at = draw((uint32_t)(n_samples - SAMPLES_PER_COMMIT));
        uint64_t written_before = n_written, erased_before = n_erased;
        is_coming = 0;
        expect(learn(samples + at * n_inputs, labels + at) == MB_OK, "it learns");
        coming = hash_of(model);
        is_coming = 1;
        expect(commit() == 0, "a commit succeeds");
        written += n_written - written_before;
        erased += n_erased - erased_before;
        kept = coming;
        n_commits++;
    }
}

int main(int argc, char **argv) {
    size_t label_bytes, sample_bytes;
    mb_options options = MB_OPTIONS_INFER;
    mb_info info;
    expect(argc == 12, "eleven arguments");
    blob = read_file(argv[1], &blob_bytes);
    samples = (uint8_t *)read_file(argv[2], &sample_bytes);
    labels = (int32_t *)read_file(argv[3], &label_bytes);
    volatile uint64_t cuts = strtoull(argv[4], NULL, 10);
    random_state = strtoull(argv[5], NULL, 10);
    page_bytes = strtoull(argv[6], NULL, 10);
    unit_bytes = strtoull(argv[7], NULL, 10);
    n_pages = strtoull(argv[8], NULL, 10);
    expect(page_bytes * n_pages <= MOST_FLASH, "the flash fits");
    options.learn_layers = (uint32_t)strtoul(argv[9], NULL, 10);
    options.head = (uint32_t)strtoul(argv[10], NULL, 10);
    options.isa = (uint32_t)strtoul(argv[11], NULL, 10);
    expect(mb_verify(blob, blob_bytes, &info) == MB_OK, "the model is whole");
    n_inputs = info.n_inputs;
    n_samples = label_bytes / sizeof *labels;
    memset(cells, 0xff, sizeof cells);
    expect(mb_open(&model, arena, sizeof arena, blob, blob_bytes, &options) == MB_OK, "it opens");
    kept = hash_of(model);
    const uint32_t calls_of_commit = (uint32_t)(mb_state_bytes(model) / unit_bytes) + 4u;
    for (volatile uint64_t cut = 0; cut < cuts; cut++) {
        calls_to_live = 1 + draw(draw(4) == 0 ? 12 : 8 * calls_of_commit);
        if (setjmp(power_lost) == 0) {
            live(&options);
        }
    }
    printf("%" PRIu64 " %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %zu %" PRIu64 " %" PRIu32 "\n", cuts,
           n_lost, n_commits, written, erased, mb_state_bytes(model), n_starts, most_again);
    return 0;
}
