/* metabit.h: run a packed binary network, and teach it, inside memory that you own.
 *
 * A model is a blob of bytes (a `.mbit` file, docs/FORMAT.md): 1-bit weights, normalisation, and, when
 * it is to learn, the hidden weight behind each bit in 8 or 4 bits. The blob stays where it is (flash,
 * or a mapped file) and is never written. Everything that changes lives in one arena, whose size
 * mb_arena_bytes() tells before anything runs, with the same answer on the host and on the board.
 *
 *     static _Alignas(MB_ALIGNMENT) uint8_t arena[ARENA_BYTES];  // `metabit plan` prints ARENA_BYTES
 *     mb_options options = MB_OPTIONS_INFER;
 *     mb_model *model;
 *     int32_t label;
 *
 *     options.learn_layers = MB_ALL_LAYERS;
 *     if (mb_open(&model, arena, sizeof arena, blob, blob_bytes, &options) != MB_OK) { ... }
 *     mb_predict(model, sample, 1, &label, NULL);      // what is this?
 *     mb_learn(model, sample, &truth, 1, NULL);        // it was that: learn one sample
 *     mb_state_save(model, write_to_flash, &where);    // keep what was learnt
 *
 * The core is freestanding C99: no malloc, no recursion, no mutable globals, no libm. The same calls on
 * the same bytes give the same bits on every processor, for inference and for learning.
 *
 * One model is used by one thread at a time; several models may run side by side. On a machine with
 * several cores, mb_options.runner lets large layers use them.
 */
#ifndef METABIT_H
#define METABIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MB_API __attribute__((visibility("default")))
#else
#define MB_API
#endif

/* Library version, and the version of the calls below. Bindings compare MB_ABI_VERSION with
 * mb_abi_version(). The file format has a version of its own (docs/FORMAT.md). */
#define MB_VERSION_TEXT "0.1.0"
#define MB_ABI_VERSION 4

/* Number of the arena's layout: raised when the same model needs another arena than before. Sources
 * that `metabit export --to c` wrote know their arena by number, and refuse to compile with another. */
#define MB_ARENA_LAYOUT 3

/* Blob and arena start at a multiple of this many bytes. */
#define MB_ALIGNMENT 8

/* mb_options.learn_layers: every layer learns. */
#define MB_ALL_LAYERS 0xFFFFFFFFu

/* mb_options.batch: at most. */
#define MB_MAX_BATCH 64u

/* Every call that can fail returns MB_OK or one of these. They are negative, so that calls which
 * count something can return the count. A call that fails leaves the model's state as it was. */
enum mb_error {
    MB_OK = 0,
    MB_ERR_FORMAT = -1, /* not a metabit blob, or written by a version this library does not know */
    MB_ERR_CORRUPT = -2,  /* a checksum, a length or a value in the blob or state is wrong */
    MB_ERR_BUDGET = -3,   /* the arena is smaller than mb_arena_bytes() asks for */
    MB_ERR_STORAGE = -4,  /* the storage callback reported an error */
    MB_ERR_INPUT = -5,    /* an argument is out of range: null, misaligned, an unknown label, ... */
    MB_ERR_NO_STATE = -6, /* learning was asked for, but the blob carries no hidden weights */
    MB_ERR_MISMATCH =
        -7, /* self-test: scores differ; state: it belongs to another model or options */
};

typedef struct mb_model mb_model;

/* ---- threads -------------------------------------------------------------------------------- */

/* One part of some work. */
typedef void (*mb_job)(void *argument, uint32_t part);

/* Runs the parts of large layers side by side; metabit_threads.h has one for POSIX systems. Whoever
 * computes which part, the bits are the same. It serves one model at a time. */
typedef struct mb_runner {
    /* Call job(argument, part) once for each part in 0...n_parts - 1, and return when all of them have. */
    void (*run)(void *context, mb_job job, void *argument, uint32_t n_parts);
    void *context;
    uint32_t n_threads; /* how many parts a large layer is to have, at least 1 */
} mb_runner;

/* ---- options -------------------------------------------------------------------------------- */

/* How a model is opened. Start from MB_OPTIONS_INFER and change what you need. */
typedef struct mb_options {
    uint32_t
        learn_layers;    /* how many layers learn, counted from the output: 0 none, 1 the head, ...,
                              MB_ALL_LAYERS. Layers below stay in the blob and cost no state. */
    uint32_t state_bits; /* bits a hidden weight: 8, 4, or 0 for what the blob holds */
    uint32_t bank;       /* which normalisation bank (task) to use, from 0 */
    uint32_t seed;       /* seed of the random generator that rounds updates; part of the state */
    float step_levels;   /* step size, in levels of an 8-bit hidden weight per rms gradient;
                              negative: what the blob says */
    float m;             /* metaplasticity, m * |hidden| at the end of the range, for all layers;
                              0 is plain BNN learning, negative: what the blob says */
    uint32_t isa;        /* number of a kernel set (mb_isa_name()), 0: the best that runs here */
    uint32_t panels; /* 1: keep the weights in the arena, interleaved for wide registers: the fast
                              choice where RAM is plenty, with an arena at a multiple of 64 bytes.
                              0: read the blob's in place. Same bits either way. */
    uint32_t batch;  /* samples a learning step, up to MB_MAX_BATCH; 0 and 1: one. A batch keeps
                              errors and activations of all its samples, and moves weights once. */
    const mb_runner *runner; /* threads for large layers, must outlive the model; NULL: none but the
                              caller's */
} mb_options;

#define MB_OPTIONS_INFER {0u, 0u, 0u, 1u, -1.0f, -1.0f, 0u, 0u, 0u, NULL}

/* ---- before opening ------------------------------------------------------------------------- */

/* What a model is, read from its checked header. */
typedef struct mb_info {
    uint32_t n_inputs;     /* bytes a sample */
    uint32_t n_outputs;    /* classes */
    uint32_t n_layers;     /* binary layers */
    uint32_t n_banks;      /* normalisation banks */
    uint32_t input_signed; /* 1: samples are int8, 0: uint8 */
    int32_t zero_point;    /* the input value that means zero */
    uint32_t state_bits;   /* bits a hidden weight in the blob, 0 when it cannot learn */
    uint32_t n_golden;     /* samples with known scores that mb_self_test() runs */
} mb_info;

/* RAM that a model needs, part by part, in bytes. `arena_bytes` is their sum. */
typedef struct mb_plan {
    uint32_t model_bytes;  /* bookkeeping: struct mb_model and its layer table */
    uint32_t hidden_bytes; /* hidden weights of the layers that learn */
    uint32_t sign_bytes;   /* their packed sign planes, read by the popcount kernels */
    uint32_t panel_bytes;  /* interleaved weights of layers that rest, if panels were asked for */
    uint32_t norm_bytes;   /* running values per channel, and one running value a layer */
    uint32_t activation_bytes; /* activations as bits, sums before normalisation */
    uint32_t error_bytes;      /* backward: errors, of a batch those of all samples, and rows */
    uint32_t table_bytes;      /* metaplasticity tables */
    uint32_t arena_bytes;      /* total, a multiple of MB_ALIGNMENT */
} mb_plan;

/* Check a blob completely: header, section table, every checksum, every bound, every value.
 * `info` may be NULL. Nothing outside [blob, blob + blob_bytes) is read, whatever the bytes say.
 * Returns MB_OK, MB_ERR_FORMAT, MB_ERR_CORRUPT or MB_ERR_INPUT. */
MB_API int mb_verify(const void *blob, size_t blob_bytes, mb_info *info);

/* The RAM that mb_open() will need for this blob with these options, part by part. */
MB_API int mb_plan_ram(const void *blob, size_t blob_bytes, const mb_options *options,
                       mb_plan *plan);

/* The total of mb_plan_ram() alone: the size of the arena, to the byte. */
MB_API int mb_arena_bytes(const void *blob, size_t blob_bytes, const mb_options *options,
                          size_t *arena_bytes);

/* ---- open and run --------------------------------------------------------------------------- */

/* Open a model inside `arena`. The blob is checked as by mb_verify() first; it is used in place and
 * must outlive the model. Nothing outside the arena is written. Closing is not needed: forget the
 * arena. Hidden weights start as exported, or from a saved state through mb_state_load(). */
MB_API int mb_open(mb_model **model, void *arena, size_t arena_bytes, const void *blob,
                   size_t blob_bytes, const mb_options *options);

/* Predict the labels of n samples.
 *   samples  (n, n_inputs), uint8 or int8 as mb_info.input_signed says; for a convolution row after row,
 *            column after column, the channels of a pixel together
 *   labels   (n), out: index of the largest score, the lowest index on ties; may be NULL
 *   scores   (n, n_outputs), out, may be NULL: float logits mapped to int32 so that their order is
 *            the order of the logits (mb_score_to_logit() maps back) */
MB_API int mb_predict(mb_model *model, const void *samples, size_t n, int32_t *labels,
                      int32_t *scores);

/* The logit behind a score. */
MB_API float mb_score_to_logit(int32_t score);

/* Learn n samples in order: one by one, or mb_options.batch of them in each step, the last of which takes
 * what is left.
 *   samples    (n, n_inputs)
 *   labels     (n), each in [0, n_outputs)
 *   predicted  (n), out, may be NULL: what the model said before it learnt each sample, or its batch
 * In a batch the weights move by the sum of its gradients, from the same weights for all of its samples;
 * running values follow sample by sample. No batch goes on from one call to the next. All labels are checked before the first step. MB_ERR_NO_STATE when opened with learn_layers 0. */
MB_API int mb_learn(mb_model *model, const void *samples, const int32_t *labels, size_t n,
                    int32_t *predicted);

/* Run the samples with known scores that travel in the blob, on the weights as exported, and compare
 * every score. Needs an arena like mb_open() with learn_layers 0. MB_ERR_MISMATCH if one differs. */
MB_API int mb_self_test(void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes);

/* ---- look inside ---------------------------------------------------------------------------- */

/* Counters and gauges of a learning model. */
typedef struct mb_status {
    uint32_t n_steps;        /* samples learnt since export */
    uint32_t learn_layers;   /* layers that learn */
    uint32_t state_bits;     /* bits a hidden weight */
    uint32_t n_weights;      /* weights that learn */
    uint32_t n_consolidated; /* of these, how many take less than 2 % of a shrinking step */
    uint32_t last_writes;    /* hidden weights changed by the last step */
    uint32_t last_flips;     /* of these, how many changed their sign */
} mb_status;

/* Fill `status`. Walks all hidden weights once. */
MB_API int mb_get_status(const mb_model *model, mb_status *status);

/* ---- keep what was learnt ------------------------------------------------------------------- */

/* Storage callbacks: move `bytes` bytes at `offset` of the state image; return 0, or anything else
 * for an error. Writes come in order of offset. Reads may come twice. */
typedef int (*mb_write_fn)(void *context, size_t offset, const void *data, size_t bytes);
typedef int (*mb_read_fn)(void *context, size_t offset, void *data, size_t bytes);

/* Size of the state image in bytes: learnt state plus a header and a checksum. 0 if nothing learns. */
MB_API size_t mb_state_bytes(const mb_model *model);

/* Write the state image: hidden weights, running values, random generator, step counter. */
MB_API int mb_state_save(const mb_model *model, mb_write_fn write, void *context);

/* Read it back. The image is checked whole before the first byte of the model changes; it must have
 * been made with the same blob and the same learn_layers, state_bits and bank (MB_ERR_MISMATCH). After
 * loading, learning goes on as if it had never stopped. Should storage fail during the second
 * reading (MB_ERR_STORAGE), open the model again. */
MB_API int mb_state_load(mb_model *model, mb_read_fn read, void *context);

/* ---- kernels -------------------------------------------------------------------------------- */

/* Name of a set of kernels of this build, such as "avx2" or "scalar"; sets are numbered from 1, best
 * first. NULL behind the last. All of them give the same bits. */
MB_API const char *mb_isa_name(uint32_t isa);

/* 1 if this processor and its operating system run that set, 0 if not or if there is none. */
MB_API int mb_isa_runs(uint32_t isa);

/* The set that a model was opened with. */
MB_API uint32_t mb_isa_used(const mb_model *model);

/* ---- about ---------------------------------------------------------------------------------- */

/* One sentence a code, for people. Never NULL. */
MB_API const char *mb_error_text(int error);

MB_API const char *mb_version(void);
MB_API uint32_t mb_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_H */
