/* metabit_link.h: let a host speak to a device over a serial line, or anything else that carries
 * bytes. `metabit device` is the other end; docs/DEVICE.md describes every byte.
 *
 *     static uint64_t arena[ARENA_BYTES / 8];
 *     static uint64_t buffer[MB_LINK_BUFFER_BYTES(N_INPUTS, N_OUTPUTS, 1) / 8];
 *     static const mb_link_port port = {.receive = uart_receive, .send = uart_send};
 *     static mb_link link = {
 *         .port = &port, .blob = blob, .blob_bytes = BLOB_BYTES, .options = &options,
 *         .arena = arena, .arena_bytes = sizeof arena,
 *         .buffer = buffer, .buffer_bytes = sizeof buffer,
 *     };
 *
 *     mb_link_start(&link); // opens the model, and loads what was kept last
 *     mb_link_serve(&link); // answers the host for ever
 *
 * The line may lose, damage and repeat bytes, and the device may be reset at any moment: a damaged
 * request is not answered, a request that comes twice is executed once, and a learning session,
 * whose samples are numbered, is kept together with what was learnt, so that no sample is learnt
 * twice and none is left out.
 */
#ifndef METABIT_LINK_H
#define METABIT_LINK_H

#include "metabit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of mb_link.buffer for requests of one sample, or of one batch where that is larger: a frame
 * that comes in and one that goes out. A larger buffer moves more samples at a time. A frame of up
 * to 100 channels fits in any case. */
#define MB_LINK_BUFFER_BYTES(n_inputs, n_outputs, batch) \
    (2u * ((256u + (batch) * ((n_inputs) + 4u) + 4u * (n_outputs) + 7u) / 8u * 8u))

/* What a device has to offer. `context` is handed to each call as it is. */
typedef struct mb_link_port {
    /* Wait for the next byte and return it, or a negative number to end mb_link_serve(). Not
     * NULL. */
    int (*receive)(void *context);
    /* Send bytes. Not NULL. */
    void (*send)(void *context, const void *data, size_t bytes);
    /* A counter of the processor's cycles; NULL: it has none. */
    uint64_t (*cycles)(void *context);
    /* Storage, for one record that a reset and a power cut leave alone; all NULL: it has none.
     * keep_start() says how many bytes will be written, and keep_end() that all of them have been;
     * before it has returned, reading must still find the record before. They return 0, or anything
     * else for an error. kept_bytes() says how long the record is, 0 if there is none. */
    int (*keep_start)(void *context, size_t bytes);
    mb_write_fn keep_write;
    int (*keep_end)(void *context);
    size_t (*kept_bytes)(void *context);
    mb_read_fn kept_read;
    void *context;
} mb_link_port;

struct mb_link;

/* Answers requests that bring frames of a sensor; mb_link_frames() is one. */
typedef int (*mb_link_frames_fn)(struct mb_link *link, uint8_t kind);

/* Another way to keep what is learnt than the port's storage; mb_link_journal is one. Its functions
 * are not to be called. */
typedef struct mb_link_keeper {
    int (*load)(struct mb_link *link);
    int (*learn)(struct mb_link *link, const void *samples, const int32_t *labels, size_t n,
                 int32_t *predicted);
    int (*save)(struct mb_link *link);
} mb_link_keeper;

struct mb_journal;

/* A device that is spoken to. Fill in what comes first, and leave the rest alone. */
typedef struct mb_link {
    const mb_link_port *port;
    /* The model, and how it is opened: as for mb_open(). */
    const void *blob;
    size_t blob_bytes;
    const mb_options *options;
    void *arena;
    size_t arena_bytes;
    /* Frames: at least MB_LINK_BUFFER_BYTES(), begins at a multiple of MB_ALIGNMENT. */
    void *buffer;
    size_t buffer_bytes;
    /* For the host to show: a name of up to 23 characters, or NULL; cycles per second, or 0. */
    const char *board;
    uint32_t clock_hz;
    /* mb_link_frames: the host may send frames of a sensor, for the front end of the model. NULL:
     * only samples; the front end's code is then not linked. */
    mb_link_frames_fn frames;
    /* &mb_link_journal: commits write the samples that were learnt to this journal
     * (metabit_journal.h), whose flash has been started; the port's storage is not used. NULL:
     * commits write the state to the port's storage; the journal's code is then not linked. */
    const mb_link_keeper *keeper;
    struct mb_journal *journal;

    mb_model *model; /* NULL: it could not be opened */
    mb_info info;
    uint64_t session;          /* in which samples are learnt, 0: none */
    uint32_t n_learnt;         /* samples of it */
    uint8_t *request, *reply;  /* halves of the buffer */
    size_t frame_bytes;        /* of each */
    size_t request_bytes;      /* of the payload of the request that is being answered */
    size_t reply_bytes;        /* of the payload of its reply */
    uint32_t client, sequence; /* who asked last, and the number of the request */
    uint32_t n_damaged;        /* frames that were dropped since the start */
    int32_t opened;            /* what mb_open() said */
    int32_t restored;          /* 1: what was kept is loaded; 2: but for the samples of a journal,
                                * which do not lead to the state that they led to; 0: nothing was
                                * kept; or the error */
    uint32_t recording;        /* whose frames come in */
    uint32_t n_frames;         /* of it that have come */
    uint32_t window;           /* how many they were when the last sample was made; 0: none is */
    uint8_t is_unkept;         /* something was learnt or loaded after the last commit */
    uint8_t is_waiting;        /* a request has come in and is not answered yet */
    uint8_t has_reply;         /* the reply to the last request is whole */
} mb_link;

/* Open the model, load what was kept, and be ready to serve. Where the model cannot be opened, or
 * what was kept cannot be loaded, the device serves nevertheless and tells the host.
 * Errors: MB_ERR_INPUT (NULL, or a buffer that is misaligned or too small: nothing can be served);
 * as mb_open(). */
MB_API int mb_link_start(mb_link *link);

/* For mb_link.frames. Not to be called. */
MB_API int mb_link_frames(mb_link *link, uint8_t kind);

/* For mb_link.keeper. */
MB_API extern const mb_link_keeper mb_link_journal;

/* Answer requests until the port's receive() returns a negative number. After mb_link_start(). */
MB_API void mb_link_serve(mb_link *link);

#ifdef __cplusplus
}
#endif

#endif /* METABIT_LINK_H */
