/* metabit.h: run a packed binary network, and teach it, inside memory that you own.
 *
 * Threads: a model is used by one thread at a time. Several models may run side by side, in one
 * thread each, and may share a blob; no call keeps anything outside of the arena. An interrupt is a
 * thread of its own: it must not use a model that it may have found at work. Let it hand its sample
 * on, or give it a model in an arena of its own, into which mb_state_load() takes what was learnt.
 * On a machine with several cores, mb_options.runner lets the large layers of one model use them.
 *
 * A model is a blob of bytes (a `.mbit` file, docs/FORMAT.md): 1-bit weights, normalisation, and,
 * when it is to learn, the hidden weight of each bit in 8 or 4 bits. The blob stays where it is
 * (flash, or a mapped file) and is never written. Everything that changes lives in one arena, whose
 * size mb_arena_bytes() tells before anything runs, with the same answer on the host and on the
 * board.
 *
 *     static uint64_t arena[ARENA_BYTES / 8];          // RAM, see `metabit plan`
 *     mb_options options = MB_OPTIONS_LEARN;
 *     mb_model *model;
 *     int32_t label;
 *
 *     if (mb_open(&model, arena, sizeof arena, blob, blob_bytes, &options) != MB_OK) { ... }
 *     mb_predict(model, sample, 1, &label, NULL);      // what is this?
 *     mb_learn(model, sample, &truth, 1, NULL);        // it was that: learn one sample
 *     mb_state_save(model, write_to_flash, &where);    // keep what was learnt
 *
 * The core is freestanding C99: no malloc, no recursion, no mutable globals, no libm. The same
 * calls on the same bytes give the same bits on every processor, for inference and for learning.
 *
 * Parts, each under a line of dashes: threads; options; before opening (what a model is, how much
 * RAM it needs); open and run; from a sensor; look inside; keep what was learnt; kernels; about.
 * Constants and error codes come first.
 *
 * Errors: every call that can fail returns MB_OK or a negative mb_error, and its comment lists
 * which. A call that fails leaves the state of the model as it was; the one exception is in
 * mb_state_load().
 */
#ifndef METABIT_H
#define METABIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* MB_EXPORT and MB_IMPORT are for a DLL on Windows: when it is made, and when it is used. */
#if defined(MB_EXPORT)
#define MB_API __declspec(dllexport)
#elif defined(MB_IMPORT)
#define MB_API __declspec(dllimport)
#elif defined(__GNUC__)
#define MB_API __attribute__((visibility("default")))
#else
#define MB_API
#endif

/* Library version, and the version of the calls below. Bindings compare MB_ABI_VERSION with
 * mb_abi_version(). The file format has a version of its own (docs/FORMAT.md). */
#define MB_VERSION_TEXT "0.1.0"
#define MB_ABI_VERSION 17

/* Number of the arena's layout: raised when the same model needs another arena than before. Sources
 * that `metabit export --to c` wrote know their arena by number, and refuse to compile with
 * another. */
#define MB_ARENA_LAYOUT 7

/* Blob and arena start at a multiple of this many bytes. */
#define MB_ALIGNMENT 8

/* mb_options.learn_layers: every layer learns. */
#define MB_ALL_LAYERS 0xFFFFFFFFu

/* The most layers that a blob has. */
#define MB_MAX_LAYERS 32u

/* The most features and classes that a counting head has. */
#define MB_MAX_FEATURES 192u
#define MB_MAX_CLASSES 256u

/* The most hidden units that a tracking head has. */
#define MB_MAX_UNITS 64u

/* With more inputs than this a tracking head has no hidden units of its own, and what its tables do
 * not hold it sees as the network's first layer sees it. */
#define MB_TRACKED_INPUTS 64u

/* What answers and learns in place of the last layer: mb_options.head. */
enum mb_head_kind {
    /* A linear discriminant on running counts: it keeps what it was ever taught. The blob brings
     * what it knows from home. */
    MB_HEAD_COUNTING = 1,
    /* A small network that follows a stream whose meaning drifts. It needs nothing from the blob,
     * and continues from what the blob brings of an earlier life. */
    MB_HEAD_TRACKING = 2,
    /* A counting head that takes a third of the RAM: its matrix of products stays in the blob, as
     * it was at home. It learns new classes less well. */
    MB_HEAD_COUNTING_SMALL = 3,
};

/* What learning is for: mb_options.goal. */
enum mb_goal {
    /* Nobody says: learn_layers and head say what learns. */
    MB_GOAL_NONE = 0,
    /* Keep what was learnt: the counting head of the blob, or where that does not fit, the same
     * with its matrix in the blob; without either all layers, in as many contexts as fit, or as
     * many layers as fit. */
    MB_GOAL_REMEMBER = 1,
    /* Follow a stream whose meaning drifts: a tracking head with as many hidden units as fit. */
    MB_GOAL_TRACK = 2,
    /* As the blob says, see mb_info.told_goal; where it says nothing, MB_GOAL_REMEMBER. */
    MB_GOAL_FILE = 3,
};

/* What learns as the blob says: mb_info.told_what. From 1 to 3 it is enum mb_head_kind. */
enum mb_told {
    MB_TOLD_BY_GOAL = 0,
    MB_TOLD_LAST_LAYER = 4,
    MB_TOLD_ALL_LAYERS = 5,
};

/* What the features of a head are made of. */
enum mb_head_source {
    /* The values of a sample. */
    MB_HEAD_INPUTS = 0,
    /* The sums of a dense hidden layer, before normalisation. */
    MB_HEAD_SUMS = 1,
    /* How many positions of each channel of a convolution are +1. */
    MB_HEAD_ONES = 2,
};

/* The largest mb_options.contexts. */
#define MB_MAX_CONTEXTS 5u

/* The largest mb_options.batch. */
#define MB_MAX_BATCH 64u

/* The largest mb_options.replay. */
#define MB_MAX_REPLAY 65535u

/* mb_options.replay with MB_GOAL_FILE: keep no samples, whatever the blob says. */
#define MB_NO_REPLAY 0xFFFFFFFFu

enum mb_error {
    MB_OK = 0,
    /* Not a metabit blob or state, or written by a version that this library does not know. */
    MB_ERR_FORMAT = -1,
    /* A checksum, a length or a value in the blob or in the state is wrong: the bytes are
     * damaged. */
    MB_ERR_CORRUPT = -2,
    /* The arena is smaller than mb_arena_bytes() asks for. */
    MB_ERR_BUDGET = -3,
    /* A storage callback reported an error. */
    MB_ERR_STORAGE = -4,
    /* An argument or an option is out of range: NULL, misaligned, an unknown label, ... */
    MB_ERR_INPUT = -5,
    /* Learning was asked for, but the blob carries no hidden weights or no layer was opened to
     * learn. */
    MB_ERR_NO_STATE = -6,
    /* The scores of a self-test differ, or a state belongs to another blob or to other options. */
    MB_ERR_MISMATCH = -7,
    /* Somebody else is writing to the state folder (metabit_posix.h). */
    MB_ERR_BUSY = -8,
};

/* An open model. It lies at the start of its arena. */
typedef struct mb_model mb_model;

/* ---- threads -------------------------------------------------------------------------------- */

/* One part of some work. */
typedef void (*mb_job)(void *argument, uint32_t part);

/* Runs the parts of large layers side by side; metabit_threads.h has one for POSIX systems. Whoever
 * computes which part, the bits are the same. A runner serves one model at a time. */
typedef struct mb_runner {
    /* Call job(argument, part) once for each part in 0 to n_parts - 1, in any order and by any
     * threads, and return when all calls have returned. Not NULL. */
    void (*run)(void *context, mb_job job, void *argument, uint32_t n_parts);
    /* Handed to run() as it is. */
    void *context;
    /* How many parts a large layer is to have, at least 1. */
    uint32_t n_threads;
} mb_runner;

/* ---- options -------------------------------------------------------------------------------- */

/* How a model is opened. Start from MB_OPTIONS_INFER, which only predicts, or from
 * MB_OPTIONS_LEARN, which learns what is best for the memory at hand; both hold the defaults.
 * Change what you need. A value out of range is MB_ERR_INPUT. */
typedef struct mb_options {
    /* enum mb_goal. With a goal the library chooses head, units, trust and learn_layers, by what
     * the blob brings and what fits the arena; head and learn_layers must then be 0, and units and
     * panels are the most that it takes. With MB_GOAL_FILE a replay and a batch of 0 are as the
     * blob says, unless the other of the two is set. mb_choose() tells what was chosen and why.
     * Default 0. */
    uint32_t goal;
    /* How many layers learn, counted from the output: 1 is the head alone; MB_ALL_LAYERS, or any
     * number that is too large, is all of them. The layers below stay in the blob and cost no
     * state. Default 0: nothing learns; state_bits, seed, step_levels, m and batch then have no
     * effect. */
    uint32_t learn_layers;
    /* Bits per hidden weight in the arena: 8, 4, or 0 for as many as the blob has. Default 0. */
    uint32_t state_bits;
    /* Which normalisation bank (task) of the blob to use: 0 to mb_info.n_banks - 1. Default 0. */
    uint32_t bank;
    /* Seed of the random generator that rounds updates; any number. The generator is part of the
     * learnt state, so a loaded state continues with its own. Default 1. */
    uint32_t seed;
    /* Step size, in levels of an 8-bit hidden weight per gradient of root mean square size: 0 to
     * 256. Hidden weights of 4 bits move by half as many of their levels, steps of a batch of B by
     * sqrt(B) as many. 0 moves no weight (running values still follow). Negative, the default: what
     * the blob says. */
    float step_levels;
    /* Metaplasticity of all layers that learn, m * |hidden weight| at the end of the range: 0 to
     * 30. 0 is off, plain learning of a binarized network. Negative, the default: what the blob
     * says. */
    float m;
    /* Number of a kernel set, from 1 (mb_isa_name()); it must run here (mb_isa_runs()). All sets
     * give the same bits. Default 0: the best that runs here. */
    uint32_t isa;
    /* 1: keep the weights in the arena, interleaved for wide registers. That is the fast choice
     * where RAM is plenty; let the arena then begin at a multiple of 64 bytes. Default 0: read the
     * weights of the blob in place. Both give the same bits. */
    uint32_t panels;
    /* Samples per learning step, 0 to MB_MAX_BATCH. A batch keeps errors and activations of all its
     * samples in the arena, and moves weights once. 0, the default, and 1: one sample. */
    uint32_t batch;
    /* enum mb_head_kind: this head answers and learns, in place of the last layer; learn_layers
     * must then be 0. Where the blob brings one, scores have mb_info.n_classes columns. Default 0:
     * the last layer answers. */
    uint32_t head;
    /* Hidden units of a tracking head of up to MB_TRACKED_INPUTS inputs, 0 to MB_MAX_UNITS: more
     * follow more, and take more RAM. A head that the blob brings keeps its own. Default 64. */
    uint32_t units;
    /* How much the scores of the network count in a tracking head before it has learnt, 0 to 2. The
     * default, 1, is for a network that was trained: at first it answers alone. 0 is for one of
     * random weights. */
    float trust;
    /* Latent replay: keep so many samples, 0 to MB_MAX_REPLAY, as the bits that the lowest layer
     * that learns reads, or as the values of a tracking head, and learn four of them again beside
     * each new one. For a tracking head, or where not all layers learn; batch must then be at most
     * 1, and the model have at most MB_MAX_CLASSES classes. Default 0: none. */
    uint32_t replay;
    /* Contexts: room for so many networks, 0 to MB_MAX_CONTEXTS; 0 and 1 are the network alone. The
     * first is open at once. When what comes in changes abruptly another opens, as it is in the
     * blob, and learns; each sample is answered by the context that knows samples like it
     * (docs/LEARNING.md). Only where all layers learn, one sample at a time; with a goal the most
     * that it takes. Default 0; MB_MAX_CONTEXTS in MB_OPTIONS_LEARN. */
    uint32_t contexts;
    /* Threads for large layers; must outlive the model. Default NULL: the thread of the caller. */
    const mb_runner *runner;
} mb_options;

#define MB_OPTIONS_INFER {0, 0, 0, 0, 1, -1.0f, -1.0f, 0, 0, 0, 0, MB_MAX_UNITS, 1.0f, 0, 0, NULL}

/* The same, to learn as the blob says; where it says nothing, to keep what was learnt, in up to
 * MB_MAX_CONTEXTS contexts. */
#define MB_OPTIONS_LEARN {3, 0, 0, 0, 1, -1.0f, -1.0f, 0, 0, 0, 0, MB_MAX_UNITS, 1.0f, 0, 5, NULL}

/* ---- before opening ------------------------------------------------------------------------- */

/* What a model is, read from its checked blob. */
typedef struct mb_info {
    /* Bytes per sample. */
    uint32_t n_inputs;
    /* Classes. */
    uint32_t n_outputs;
    /* Binary layers. */
    uint32_t n_layers;
    /* Normalisation banks, at least 1. */
    uint32_t n_banks;
    /* 1: samples are int8; 0: uint8. */
    uint32_t input_signed;
    /* The value of a sample that means zero. */
    int32_t zero_point;
    /* Bits per hidden weight in the blob: 8 or 4, or 0 when it cannot learn. */
    uint32_t state_bits;
    /* Samples with known scores that mb_self_test() runs. */
    uint32_t n_golden;
    /* enum mb_head_kind, or 0 when the blob has no counting head. */
    uint32_t head_kind;
    /* Classes that a head tells apart: n_outputs and spare ones. 0 where the blob brings none. */
    uint32_t n_classes;
    /* Values per frame that mb_push() takes; 0 when the blob has no front end. */
    uint32_t n_channels;
    /* Frames per window, and from the start of a window to the start of the next. */
    uint32_t window_frames;
    uint32_t hop_frames;
    /* 1: the weights are random, because nobody has trained the network. */
    uint32_t untrained;
    /* 1: the blob brings a tracking head, which has learnt with so many hidden units. */
    uint32_t has_tracker;
    uint32_t tracker_units;
    /* How the blob is to learn where nobody says otherwise: enum mb_goal, 0 where it says nothing;
     * enum mb_told; samples kept for replay; samples per learning step. */
    uint32_t told_goal;
    uint32_t told_what;
    uint32_t told_replay;
    uint32_t told_batch;
} mb_info;

/* RAM that a model needs, part by part, in bytes. */
typedef struct mb_plan {
    /* Bookkeeping: the model and its table of layers. */
    uint32_t model_bytes;
    /* Hidden weights of the layers that learn. */
    uint32_t hidden_bytes;
    /* Their signs, packed for the kernels. */
    uint32_t sign_bytes;
    /* Interleaved weights of the layers that do not learn, if panels were asked for. */
    uint32_t panel_bytes;
    /* Running values per channel, per layer, per label and per input, and counters. */
    uint32_t norm_bytes;
    /* Activations as bits, and sums before normalisation. */
    uint32_t activation_bytes;
    /* Errors on their way back, of all samples of a batch, and scratch rows. */
    uint32_t error_bytes;
    /* Tables of how likely hidden weights move. */
    uint32_t table_bytes;
    /* The head: what it counts, its weights, its scratch. */
    uint32_t head_bytes;
    /* Samples kept for replay. */
    uint32_t replay_bytes;
    /* The front end: frames of a window, scratch, the sample. */
    uint32_t front_bytes;
    /* Contexts beside the first, and what chooses between them. */
    uint32_t context_bytes;
    /* The sum of all these: the size of the arena, a multiple of MB_ALIGNMENT. */
    uint32_t arena_bytes;
} mb_plan;

/* Check a blob completely: header, section table, every checksum, every bound, every value. Nothing
 * outside of [blob, blob + blob_bytes) is read, whatever the bytes say.
 *   blob  starts at a multiple of MB_ALIGNMENT
 *   info  out; may be NULL
 * Errors: MB_ERR_INPUT (blob NULL or misaligned), MB_ERR_FORMAT, MB_ERR_CORRUPT. */
MB_API int mb_verify(const void *blob, size_t blob_bytes, mb_info *info);

/* The RAM that mb_open() will need for this blob with these options, part by part.
 * Errors: as mb_verify(); MB_ERR_INPUT (NULL, an option out of range), MB_ERR_NO_STATE (layers are
 * to learn, but the blob has no hidden weights), MB_ERR_BUDGET (the arena would exceed 4 GiB). */
MB_API int mb_plan_ram(const void *blob, size_t blob_bytes, const mb_options *options,
                       mb_plan *plan);

/* The total of mb_plan_ram() alone: the size of the arena, to the byte.
 * Errors: as mb_plan_ram(). */
MB_API int mb_arena_bytes(const void *blob, size_t blob_bytes, const mb_options *options,
                          size_t *arena_bytes);

/* Room for the longest line of mb_choose(). */
#define MB_REASON_BYTES 256u

/* What mb_open() takes in an arena of `ram_bytes` where options have a goal, and why:
 * "the counting head learns: goal remember; 31.8 KiB". Options without a goal come back as they
 * are. mb_plan_ram() and mb_arena_bytes() plan for the best choice, as if RAM had no end.
 *   chosen        out: options without a goal; may be `options` itself
 *   reason        out, may be NULL if reason_bytes is 0: a line for people, with a 0 at its end
 *   reason_bytes  MB_REASON_BYTES hold every line; a shorter one is cut off
 * Errors: as mb_plan_ram(); MB_ERR_BUDGET (nothing fits ram_bytes). */
MB_API int mb_choose(const void *blob, size_t blob_bytes, const mb_options *options,
                     size_t ram_bytes, mb_options *chosen, char *reason, size_t reason_bytes);

/* ---- open and run --------------------------------------------------------------------------- */

/* Open a model inside `arena`. The blob is checked first, as by mb_verify(); it is then used in
 * place and must outlive the model. Nothing outside of the arena is written. Closing is not needed:
 * forget the arena. Hidden weights start as exported; mb_state_load() puts a saved state in their
 * place.
 *   model  out
 *   arena  of at least mb_arena_bytes(), starts at a multiple of MB_ALIGNMENT
 * Errors: as mb_plan_ram(); MB_ERR_INPUT (arena NULL or misaligned), MB_ERR_BUDGET (arena_bytes is
 * less than mb_arena_bytes() says). */
MB_API int mb_open(mb_model **model, void *arena, size_t arena_bytes, const void *blob,
                   size_t blob_bytes, const mb_options *options);

/* Predict the labels of n samples.
 *   samples  (n, n_inputs), uint8 or int8 as mb_info.input_signed says; for a convolution row after
 *            row, column after column, the channels of a pixel together
 *   labels   (n), out: index of the largest score, the lowest index on ties; may be NULL
 *   scores   (n, n_outputs), out, may be NULL: float logits mapped to int32, in the order of the
 *            logits (mb_score_to_logit() maps back)
 * Errors: MB_ERR_INPUT (model NULL, or samples NULL while n > 0). */
MB_API int mb_predict(mb_model *model, const void *samples, size_t n, int32_t *labels,
                      int32_t *scores);

/* Predict the labels of n samples, and how far each is from all that the head knows: its squared
 * distance from the mean of its class, over a limit that 99.5 of 100 samples at home keep. Above 1
 * it is probably of no class that the head knows. Needs no RAM. With f features it takes 17 f * f
 * multiplications more than mb_predict().
 *   samples  (n, n_inputs), as in mb_predict()
 *   labels   (n), out, may be NULL
 *   novelty  (n), out
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (opened without a counting head, or the blob has no
 * limit for it). */
MB_API int mb_novelty(mb_model *model, const void *samples, size_t n, int32_t *labels,
                      float *novelty);

/* The logit that a score stands for. Cannot fail. */
MB_API float mb_score_to_logit(int32_t score);

/* Learn n samples in order. A sample that has nothing to say is passed over: the model gives its
 * label with a margin already, or that label has been almost the only one for a while
 * (docs/LEARNING.md). Samples are learnt one by one, or mb_options.batch of them in each step; the
 * last step takes what is left. In a batch the weights move by the sum of its gradients, which all
 * come from the same weights; running values follow sample by sample. No batch continues from one
 * call to the next. All labels are checked before the first step.
 *   samples    (n, n_inputs), as in mb_predict()
 *   labels     (n), each in 0 to n_outputs - 1
 *   predicted  (n), out, may be NULL: what the model said before it learnt the sample or its batch
 * Errors: MB_ERR_INPUT (NULL, or a label out of range), MB_ERR_NO_STATE (opened with learn_layers
 * 0). */
MB_API int mb_learn(mb_model *model, const void *samples, const int32_t *labels, size_t n,
                    int32_t *predicted);

/* Let a head see n samples without labels. A tracking head measures them, so that its scaling
 * follows values that drift while no labels come. A counting head counts in its matrix how they
 * differ from the mean of the class that it takes them for; means and counts stay as they are. The
 * small form of it keeps nothing of them.
 *   samples  (n, n_inputs), as in mb_predict()
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (opened without a head). */
MB_API int mb_observe(mb_model *model, const void *samples, size_t n);

/* Run the samples with known scores that travel in the blob, on the weights as exported, and
 * compare every score. Opens the model in `arena`, of at least the size for MB_OPTIONS_INFER. A
 * blob without such samples passes.
 * Errors: as mb_open(); MB_ERR_MISMATCH (a score differs). */
MB_API int mb_self_test(void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes);

/* ---- from a sensor -------------------------------------------------------------------------- */

/* Hand n frames to the front end of a model, whose blob has one (mb_info.n_channels). When a window
 * is whole, its features lie in the arena as a sample:
 *
 *     while (sensor_read(frame)) {
 *         uint32_t ready;
 *         mb_push(model, frame, 1, &ready);
 *         if (ready) {
 *             mb_predict(model, mb_window_sample(model), 1, &label, NULL);
 *         }
 *     }
 *
 * Returns how many frames it took, at most n: it stops after the frame that made a sample, so that
 * the sample can be used; call again with the others. Or a negative error.
 *   frames  (n, n_channels) int16, as the sensor gives them
 *   ready   out: 1 if a sample lies in the arena that was not there before
 * Errors: MB_ERR_INPUT (NULL, or the blob has no front end). */
MB_API int64_t mb_push(mb_model *model, const int16_t *frames, size_t n, uint32_t *ready);

/* The sample that mb_push() made last: (n_inputs) int8, for mb_predict() and mb_learn(). It stays
 * until the next window is whole. NULL if model is NULL or the blob has no front end. */
MB_API const int8_t *mb_window_sample(const mb_model *model);

/* Forget the frames that have come, after a gap or before another recording: the next frame begins
 * a window.
 * Errors: MB_ERR_INPUT (NULL, or the blob has no front end). */
MB_API int mb_restart_window(mb_model *model);

/* Counters of a front end since the model was opened; they stop at their end. */
typedef struct mb_window_status {
    /* Whole windows. */
    uint32_t n_windows;
    /* Values of frames that were looked at, all channels together. */
    uint32_t n_counts;
    /* How many of them did not fit the scale of their channel and were limited. More than a few in
     * a thousand: the sensor, or its unit, is another than in training. */
    uint32_t n_limited;
} mb_window_status;

/* Fill `status`.
 * Errors: MB_ERR_INPUT (NULL, or the blob has no front end). */
MB_API int mb_get_window_status(const mb_model *model, mb_window_status *status);

/* ---- look inside ---------------------------------------------------------------------------- */

/* Counters and gauges of a model that learns; all 0 where nothing learns. Counters stop at their
 * largest number. Shares are in 1/65535. With contexts, samples are counted in all of them;
 * everything else is said of the context that learns. */
typedef struct mb_status {
    /* Samples that came since export, learnt or not. */
    uint32_t n_steps;
    /* Of these, samples that layers learnt; the others had nothing to say, or their label had come
     * too often. 0 where a head learns. */
    uint32_t n_learnt;
    /* Layers that learn. */
    uint32_t learn_layers;
    /* Bits per hidden weight in the arena. */
    uint32_t state_bits;
    /* Weights that learn. */
    uint32_t n_weights;
    /* How many of these are consolidated: they take less than 2 % of a step that would shrink
     * them. */
    uint32_t n_consolidated;
    /* Moves of hidden weights in the last step, by one level each. */
    uint32_t last_writes;
    /* How many of these moves changed the sign, and so the binary weight. */
    uint32_t last_flips;
    /* Samples that accuracy is about: those that came with their label since it is kept. */
    uint32_t n_judged;
    /* How often a rise of errors was found; by the test of Page and Hinkley. */
    uint32_t n_drifts;
    /* 1: the last of these is less than 512 samples ago. */
    uint32_t is_drifting;
    /* Contexts that are open, 0 where there is room for the network alone; which of
     * them learns, from 0; and samples that came while it was not clear whether they are something
     * else, and were not learnt. */
    uint32_t n_contexts;
    uint32_t context;
    uint32_t n_waited;
    /* Prequential accuracy: share of samples predicted right before they were learnt, of the last
     * 512 or so. */
    uint16_t accuracy;
    /* Plasticity: the share of a step that would shrink them which the weights still take, on
     * average (the mean of f_meta). 65535: all of it. */
    uint16_t plasticity;
    /* The same by layer, the lowest layer that learns first, and the share of weights at the end of
     * the range. */
    uint16_t layer_plasticity[MB_MAX_LAYERS];
    uint16_t layer_at_end[MB_MAX_LAYERS];
} mb_status;

/* Fill `status`. Reads every hidden weight once.
 * Errors: MB_ERR_INPUT (NULL). */
MB_API int mb_get_status(const mb_model *model, mb_status *status);

/* Prequential accuracy by class: of the last 32 samples or so of each class.
 *   recalls  (n_outputs), out: shares in 1/65535; 65535: no sample of the class has come
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (nothing learns). */
MB_API int mb_get_recalls(const mb_model *model, uint16_t *recalls);

/* ---- keep what was learnt ------------------------------------------------------------------- */

/* Storage callbacks: move `bytes` bytes at `offset` of the state image. Return 0, or anything else
 * for an error. Writes come in order of offset, without gaps. Reads may come twice. */
typedef int (*mb_write_fn)(void *context, size_t offset, const void *data, size_t bytes);
typedef int (*mb_read_fn)(void *context, size_t offset, void *data, size_t bytes);

/* Size of the state image in bytes: the learnt state, a header and a checksum. 0 if model is NULL
 * or nothing learns. */
MB_API size_t mb_state_bytes(const mb_model *model);

/* Write the state image: hidden weights, running values, random generator, counters, and how well
 * samples were predicted.
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (nothing learns), MB_ERR_STORAGE (write()
 * failed). */
MB_API int mb_state_save(const mb_model *model, mb_write_fn write, void *context);

/* Read a state image back. It is read and checked whole, and only then read a second time to use
 * it. After loading, learning continues as if it had never stopped. A refused image leaves the
 * model as it was. Should storage fail during the second reading (MB_ERR_STORAGE), the state is
 * mixed: open the model again.
 * Errors: MB_ERR_INPUT (NULL), MB_ERR_NO_STATE (nothing learns), MB_ERR_STORAGE (read() failed),
 * MB_ERR_CORRUPT (damaged), MB_ERR_FORMAT (not a state image, or of another version),
 * MB_ERR_MISMATCH (made with another blob, or with other learn_layers, state_bits, bank, head,
 * units or replay; or with more contexts open than there is room for here, or room for fewer than
 * are open here). Contexts that are not open need no room, and a network alone is one. */
MB_API int mb_state_load(mb_model *model, mb_read_fn read, void *context);

/* Length of a state image, as its first MB_STATE_FIRST_BYTES say; 0 if they are not of a state
 * image, or NULL. Storage that knows how long what it holds is compares both before it loads: an
 * image with a byte too few or too many is damaged. */
#define MB_STATE_FIRST_BYTES 16u
MB_API size_t mb_state_image_bytes(const void *first);

/* ---- kernels -------------------------------------------------------------------------------- */

/* Name of a kernel set of this build, such as "avx2" or "scalar"; sets are numbered from 1, best
 * first. NULL after the last. All of them give the same bits. */
MB_API const char *mb_isa_name(uint32_t isa);

/* 1 if this processor and its operating system run that set; 0 if not, or if there is no such
 * set. */
MB_API int mb_isa_runs(uint32_t isa);

/* Number of the set that a model was opened with; 0 if model is NULL. */
MB_API uint32_t mb_isa_used(const mb_model *model);

/* ---- about ---------------------------------------------------------------------------------- */

/* One sentence per error code, for people. Never NULL, for unknown codes too. */
MB_API const char *mb_error_text(int error);

/* MB_VERSION_TEXT and MB_ABI_VERSION of the library that was linked. */
MB_API const char *mb_version(void);
MB_API uint32_t mb_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_H */
