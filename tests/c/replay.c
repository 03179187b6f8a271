/* replay.c: run one model over one stream with the C core, and write down every bit that came out.
 *
 *     replay MODEL SAMPLES LABELS LEARN_LAYERS STATE_BITS BANK SEED BATCH HEAD CONTEXTS OUT
 *
 * SAMPLES holds n * n_inputs bytes, LABELS n int32. OUT receives the labels and scores before
 * learning, the self-test's result, what was predicted before each step, the labels after learning,
 * and the state image. The
 * test compares OUT with the NumPy reference; so every compiler and processor is held to the same
 * bits.
 */
#include <metabit.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct file_bytes {
    void *bytes;
    size_t n;
} file_bytes;

static void fail(const char *what, int code) {
    fprintf(stderr, "replay: %s (%d: %s)\n", what, code, mb_error_text(code));
    exit(1);
}

static void check(const char *what, int error) {
    if (error != MB_OK) {
        fail(what, error);
    }
}

static void *allocate(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (memory == NULL) {
        fail("out of memory", 0);
    }
    return memory;
}

static file_bytes read_file(const char *path) {
    file_bytes file = {NULL, 0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) {
        fail(path, 0);
    }
    file.n = (size_t)ftell(stream);
    file.bytes = allocate(file.n);
    rewind(stream);
    if (fread(file.bytes, 1, file.n, stream) != file.n) {
        fail(path, 0);
    }
    fclose(stream);
    return file;
}

static int write_image(void *context, size_t offset, const void *data, size_t bytes) {
    (void)offset;
    return fwrite(data, 1, bytes, (FILE *)context) == bytes ? 0 : -1;
}

static void write_words(FILE *out, const int32_t *words, size_t n) {
    if (fwrite(words, sizeof *words, n, out) != n) {
        fail("cannot write", 0);
    }
}

static uint32_t number(const char *text) { return (uint32_t)strtoul(text, NULL, 10); }

/* LEARN_LAYERS to CONTEXTS. */
static mb_options options_of(char **texts) {
    mb_options options = MB_OPTIONS_INFER;
    options.learn_layers = number(texts[0]);
    options.state_bits = number(texts[1]);
    options.bank = number(texts[2]);
    options.seed = number(texts[3]);
    options.batch = number(texts[4]);
    options.head = number(texts[5]);
    options.contexts = number(texts[6]);
    return options;
}

/* Predict, learn and predict again, and write down what comes out. */
static void run(mb_model *model, const file_bytes *samples, const file_bytes *labels,
                size_t n_scores, int32_t tested, FILE *out) {
    size_t n = labels->n / sizeof(int32_t);
    int32_t *found = (int32_t *)allocate(n * sizeof *found);
    int32_t *scores = (int32_t *)allocate(n * n_scores * sizeof *scores);
    check("predict", mb_predict(model, samples->bytes, n, found, scores));
    write_words(out, found, n);
    write_words(out, scores, n * n_scores);
    write_words(out, &tested, 1);
    check("learn", mb_learn(model, samples->bytes, (const int32_t *)labels->bytes, n, found));
    write_words(out, found, n);
    check("predict again", mb_predict(model, samples->bytes, n, found, NULL));
    write_words(out, found, n);
    check("save", mb_state_save(model, write_image, out));
    free(found);
    free(scores);
}

int main(int argc, char **argv) {
    mb_info info;
    mb_model *model = NULL;
    size_t arena_bytes = 0;
    if (argc != 12) {
        fprintf(stderr, "usage: replay MODEL SAMPLES LABELS LEARN_LAYERS STATE_BITS BANK SEED "
                        "BATCH HEAD CONTEXTS OUT\n");
        return 2;
    }
    file_bytes blob = read_file(argv[1]), samples = read_file(argv[2]), labels = read_file(argv[3]);
    mb_options options = options_of(argv + 4);
    check("model", mb_verify(blob.bytes, blob.n, &info));
    check("plan", mb_arena_bytes(blob.bytes, blob.n, &options, &arena_bytes));
    void *arena = allocate(arena_bytes);
    int32_t tested = mb_self_test(arena, arena_bytes, blob.bytes, blob.n);
    check("open", mb_open(&model, arena, arena_bytes, blob.bytes, blob.n, &options));
    bool by_head = options.head != 0 && info.head_kind != 0;
    FILE *out = fopen(argv[11], "wb");
    if (out == NULL || labels.n / sizeof(int32_t) != samples.n / info.n_inputs) {
        fail("files", 0);
    }
    run(model, &samples, &labels, by_head ? info.n_classes : info.n_outputs, tested, out);
    if (fclose(out) != 0) {
        fail("cannot write", 0);
    }
    free(blob.bytes);
    free(samples.bytes);
    free(labels.bytes);
    free(arena);
    return 0;
}
