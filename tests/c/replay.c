/* replay.c: run one model over one stream with the C core, and write down every bit that came out.
 *
 *     replay MODEL SAMPLES LABELS LEARN_LAYERS STATE_BITS BANK SEED BATCH HEAD OUT
 *
 * SAMPLES holds n * n_inputs bytes, LABELS n int32. OUT receives the labels and scores before
 * learning, the self-test's result, what was predicted before each step, and the state image. The
 * test compares OUT with the NumPy reference; so every compiler and processor is held to the same
 * bits.
 */
#include <metabit.h>

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

int main(int argc, char **argv) {
    mb_options options = MB_OPTIONS_INFER;
    mb_info info;
    mb_model *model = NULL;
    size_t arena_bytes = 0;
    if (argc != 11) {
        fprintf(stderr, "usage: replay MODEL SAMPLES LABELS LEARN BITS BANK SEED BATCH HEAD OUT\n");
        return 2;
    }
    file_bytes blob = read_file(argv[1]), samples = read_file(argv[2]), labels = read_file(argv[3]);
    int error = mb_verify(blob.bytes, blob.n, &info);
    if (error != MB_OK) {
        fail("model", error);
    }
    options.learn_layers = number(argv[4]);
    options.state_bits = number(argv[5]);
    options.bank = number(argv[6]);
    options.seed = number(argv[7]);
    options.batch = number(argv[8]);
    options.head = number(argv[9]);
    error = mb_arena_bytes(blob.bytes, blob.n, &options, &arena_bytes);
    void *arena = allocate(arena_bytes);
    int32_t tested = mb_self_test(arena, arena_bytes, blob.bytes, blob.n);
    if (error == MB_OK) {
        error = mb_open(&model, arena, arena_bytes, blob.bytes, blob.n, &options);
    }
    if (error != MB_OK) {
        fail("open", error);
    }
    size_t n = samples.n / info.n_inputs;
    size_t n_scores =
        n * (options.head != 0 && info.head_kind != 0 ? info.n_classes : info.n_outputs);
    int32_t *found = (int32_t *)allocate(n * sizeof *found);
    int32_t *scores = (int32_t *)allocate(n_scores * sizeof *scores);
    FILE *out = fopen(argv[10], "wb");
    if (out == NULL || labels.n != n * sizeof(int32_t)) {
        fail("files", 0);
    }
    error = mb_predict(model, samples.bytes, n, found, scores);
    if (error != MB_OK) {
        fail("predict", error);
    }
    write_words(out, found, n);
    write_words(out, scores, n_scores);
    write_words(out, &tested, 1);
    error = mb_learn(model, samples.bytes, (const int32_t *)labels.bytes, n, found);
    if (error != MB_OK) {
        fail("learn", error);
    }
    write_words(out, found, n);
    error = mb_state_save(model, write_image, out);
    if (error != MB_OK || fclose(out) != 0) {
        fail("save", error);
    }
    free(blob.bytes);
    free(samples.bytes);
    free(labels.bytes);
    free(arena);
    free(found);
    free(scores);
    return 0;
}
