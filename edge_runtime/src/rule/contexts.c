/* contexts.c: which context answers and learns, and when another opens. */
#include "contexts.h"

#include "../arith.h"
#include "likeness.h"
#include "worth.h"

#define FIRST_SAMPLES 1000u /* before these nothing is suspected */
#define MOST_UNUSUAL 4.0f   /* that one sample counts for */
#define ALLOWANCE 1.5f      /* what is not unusual enough to be suspicious */
#define SUSPECTED 30.0f     /* suspicion from which samples wait */
#define OPENED 80.0f        /* and from which a context opens */
#define TAKEN 100u          /* samples that a new context takes whatever they are like */
#define LEAD 3.0f           /* by which another context takes over */

/* What is known of a sample before it is routed. */
typedef struct arrival {
    mb_sums sums;
    float misfit[MB_MAX_CONTEXTS]; /* of open contexts that compare; 0 of others */
} arrival;

static uint16_t *shares_of(const mb_model *model) {
    return (uint16_t *)(void *)(mb_router_of(model) + 1);
}

static mb_likeness likeness_of(const mb_model *model, uint32_t context) {
    uint32_t at = mb_contexts_of(model)->router_at + mb_router_bytes(model->n_outputs);
    return mb_likeness_of(model, (uint32_t *)mb_in_arena(model, at), context);
}

uint64_t mb_contexts_bytes(const mb_model *model, uint32_t n_contexts) {
    uint64_t words = mb_likeness_counters(model) + (uint64_t)mb_likeness_floats(model);
    return (mb_block_bytes(model) + 4u * words) * n_contexts + mb_router_bytes(model->n_outputs);
}

void mb_start_router(const mb_model *model) {
    mb_router *router = mb_router_of(model);
    uint64_t blocks_bytes = (uint64_t)mb_block_bytes(model) * model->n_contexts;
    mb_zero(router, (size_t)(mb_contexts_bytes(model, model->n_contexts) - blocks_bytes));
    router->n_open = 1;
    mb_start_turns(shares_of(model), model->n_outputs);
}

void mb_enter_context(mb_model *model, uint32_t context) {
    if (context == model->context) { /* as where there is one only */
        return;
    }
    /* Modulo 2^32, so it moves downwards too. */
    uint32_t away = (context - model->context) * mb_block_bytes(model);
    model->learnt_at += away;
    model->record_at += away;
    model->worth_at += away;
    model->means_at += away;
    model->context = (uint16_t)context;
}

/* Compare a sample with all contexts that are open. */
static void arrive(const mb_model *model, const uint8_t *sample, arrival *here) {
    mb_sum_inputs(model, sample, &here->sums);
    for (uint32_t k = 0; k < mb_router_of(model)->n_open; k++) {
        mb_likeness kept = likeness_of(model, k);
        here->misfit[k] = mb_compares(&kept) ? mb_misfit(model, &kept, &here->sums) : 0.0f;
    }
}

void mb_enter_for(mb_model *model, const uint8_t *sample) {
    const mb_router *router = mb_router_of(model);
    uint32_t best = router->current;
    bool compares = false;
    arrival here;
    arrive(model, sample, &here);
    for (uint32_t k = 0; k < router->n_open; k++) {
        mb_likeness kept = likeness_of(model, k);
        if (mb_compares(&kept) && (!compares || here.misfit[k] < here.misfit[best])) {
            best = k;
            compares = true;
        }
    }
    mb_enter_context(model, best);
}

/* Decide which context learns: it stays, until another has fitted better for a while. */
static void choose(const mb_model *model, mb_router *router, const arrival *here) {
    float mine = here->misfit[router->current], scale = 1.0f / (float)mb_n_sums(model);
    uint32_t best = router->current;
    mb_likeness current = likeness_of(model, router->current);
    if (router->n_to_take > 0) {
        router->n_to_take--;
        return;
    }
    for (uint32_t k = 0; k < router->n_open; k++) {
        mb_likeness kept = likeness_of(model, k);
        bool both = mb_compares(&kept) && mb_compares(&current);
        float better = both ? mb_within((mine - here->misfit[k]) * scale, -1.0f, 1.0f) : 0.0f;
        float lead = router->lead[k] + better;
        router->lead[k] = lead > 0.0f ? lead : 0.0f;
        best = router->lead[k] > router->lead[best] ? k : best;
    }
    if (router->lead[best] > LEAD) {
        router->current = best;
        mb_zero(router->lead, sizeof router->lead);
    }
}

/* Open another context, which takes the samples that come. Where all are open the last one takes
 * them: its network continues to learn, and what it keeps of samples starts anew. */
static void open_another(const mb_model *model, mb_router *router) {
    if (router->n_open < model->n_contexts) {
        router->n_open++;
    }
    router->current = router->n_open - 1u;
    mb_likeness kept = likeness_of(model, router->current);
    mb_zero(kept.n_varied, 4u * mb_likeness_counters(model));
    mb_zero(kept.usual, 4u * mb_likeness_floats(model));
    router->n_to_take = TAKEN;
    router->suspicion = 0.0f;
    mb_zero(router->lead, sizeof router->lead);
}

/* Follow how unusual samples are. Returns whether this one is learnt. */
static bool trust(const mb_model *model, mb_router *router, float unusual, bool is_due) {
    if (is_due && (router->n_samples > FIRST_SAMPLES || router->n_open > 1)) {
        float counted = unusual < MOST_UNUSUAL ? unusual : MOST_UNUSUAL;
        float suspicion = router->suspicion + (counted - ALLOWANCE);
        router->suspicion = suspicion > 0.0f ? suspicion : 0.0f;
    }
    if (router->suspicion <= SUSPECTED) {
        return true;
    }
    router->n_waited += router->n_waited < UINT32_MAX;
    if (router->suspicion > OPENED) {
        open_another(model, router);
    }
    return false;
}

bool mb_route(mb_model *model, const uint8_t *sample, uint32_t label) {
    mb_router *router = mb_router_of(model);
    arrival here;
    router->n_samples += router->n_samples < UINT32_MAX;
    arrive(model, sample, &here);
    choose(model, router, &here);
    mb_enter_context(model, router->current);
    mb_likeness kept = likeness_of(model, model->context);
    float misfit = here.misfit[model->context];
    bool is_due = mb_is_due(shares_of(model), model->n_outputs, label);
    bool learns = trust(model, router, mb_unusual(&kept, misfit), is_due);
    if (learns && is_due) {
        if (mb_compares(&kept)) {
            mb_follow_misfit(&kept, misfit);
        }
        mb_follow_sums(model, &kept, &here.sums, label);
    }
    return learns;
}

bool mb_router_is_sane(const mb_router *router, uint32_t n_contexts) {
    bool sane = router->n_open >= 1 && router->n_open <= n_contexts &&
                router->current < router->n_open && router->n_to_take <= TAKEN &&
                router->suspicion >= 0.0f && router->suspicion <= OPENED;
    for (uint32_t k = 0; k < MB_MAX_CONTEXTS; k++) {
        sane &= router->lead[k] >= 0.0f && router->lead[k] <= LEAD;
    }
    return sane;
}
