/* contexts.h: several networks in one arena, and which of them a sample belongs to.
 *
 * What learns forgets when what comes in changes abruptly. So beside the network there is room for
 * more of them, each as it is in the file: contexts. One is open at first. When samples have fitted
 * badly for a while (likeness.h) a further one opens, and learns from there on; the others stay as
 * they are, and answer samples like those that they have learnt. Nobody has to say which task
 * it is.
 *
 *   - A sample is suspicious only when it is its label's turn (worth.h), as it is learnt only then:
 *     one label alone, or a sensor that is stuck, opens nothing.
 *   - What is suspected to be something else is not learnt until that is decided.
 *   - The context that learns changes once another has fitted better for a while, so that it does
 *     not learn single samples of others. For the first samples a new context takes all.
 *   - When all are open the last takes what is new, and forgets. The others keep what they know.
 *
 * Each context has a learnt block and a table of layers of its own. They lie in equal distances, so
 * entering one is moving a few offsets.
 */
#ifndef MB_CONTEXTS_H
#define MB_CONTEXTS_H

#include "../internal.h"

/* What a model of several contexts has besides them. It is not part of the learnt state. */
typedef struct mb_contexts {
    uint32_t blocks_at;  /* the learnt block of the first context */
    uint32_t router_at;  /* mb_router, after the last block */
    uint32_t derived_at; /* what is derived from the blocks of the others: context_layout.c */
    uint32_t reserved;
} mb_contexts;

/* What is kept of the stream; part of the learnt state. */
typedef struct mb_router {
    uint32_t n_samples; /* that came; stops at its end */
    uint32_t n_waited;  /* of these, samples that a suspicion kept from being learnt; likewise */
    uint32_t n_open;
    uint32_t current;   /* the context that learns */
    uint32_t n_to_take; /* samples that the newest context still takes, whatever they are like */
    float suspicion;    /* that these samples are something else */
    float lead[MB_MAX_CONTEXTS]; /* how much better than the current one each has fitted lately */
    /* Then uint16 shares of labels (n_outputs) and what is left of their turns, filled up to 4
     * bytes; then what likeness.h keeps of each context. */
} mb_router;

static inline bool mb_has_contexts(const mb_model *model) { return model->n_contexts > 1; }

static inline mb_contexts *mb_contexts_of(const mb_model *model) {
    mb_layer *layers = (mb_layer *)(uintptr_t)(model + 1);
    return (mb_contexts *)(void *)(layers + (size_t)model->n_contexts * model->n_layers);
}

static inline mb_router *mb_router_of(const mb_model *model) {
    return (mb_router *)mb_in_arena(model, mb_contexts_of(model)->router_at);
}

/* From one learnt block to the next. */
static inline uint32_t mb_block_bytes(const mb_model *model) {
    return (model->learnt_bytes + 3u) & ~3u;
}

/* Bytes of the router with the shares of these labels, before what likeness.h keeps. */
static inline uint32_t mb_router_bytes(uint32_t n_outputs) {
    return (uint32_t)sizeof(mb_router) + 4u * mb_words(16u * n_outputs + 16u);
}

/* Bytes of all that is learnt in so many contexts: their blocks, the router, and what likeness.h
 * keeps of each. The model itself may have room for fewer. */
uint64_t mb_contexts_bytes(const mb_model *model, uint32_t n_contexts);

/* Start: one context is open, and no sample has come. */
void mb_start_router(const mb_model *model);

/* Let the offsets of the model be a context's own. Between calls of metabit.h the current context
 * is entered. */
void mb_enter_context(mb_model *model, uint32_t context);

/* Enter the context that a sample fits best, which is to answer it. */
void mb_enter_for(mb_model *model, const uint8_t *sample);

/* Enter the context that a sample with this label is to be learnt in, and let the router follow it.
 * Returns whether it is to be learnt at all. */
bool mb_route(mb_model *model, const uint8_t *sample, uint32_t label);

/* Whether a router that was read could have been written where there is room for so many. */
bool mb_router_is_sane(const mb_router *router, uint32_t n_contexts);

#endif /* MB_CONTEXTS_H */
