/* ring.c: which samples are kept to be learnt again, and which are drawn. */
#include "ring.h"

#include "../random.h"

/* Of samples of a class that has its share already, one in so many is kept. */
#define ONE_IN 8u

static uint32_t *n_kept(const mb_model *model) {
    return (uint32_t *)mb_in_arena(model, model->ring_at);
}

/* Labels of the samples, (ring_slots). */
static uint8_t *labels_of(const mb_model *model) {
    return (uint8_t *)mb_in_arena(model, model->ring_at) + 4;
}

/* Samples of each class, (n_outputs). */
static uint16_t *counts_of(const mb_model *model) {
    return (uint16_t *)mb_in_arena(model, model->ring_counts_at);
}

static void *entry_of(const mb_model *model, uint32_t slot) {
    uint8_t *entries = (uint8_t *)mb_in_arena(model, model->ring_at);
    return entries + mb_ring_index_bytes(model->ring_slots) +
           (size_t)slot * model->ring_entry_bytes;
}

/* A number below n, all of them as likely. */
static uint32_t below(mb_model *model, uint32_t n) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    return (uint32_t)((uint64_t)mb_random(learnt->rng) * n >> 32);
}

/* The slot of a sample of a class, all of them as likely. */
static uint32_t draw_slot(mb_model *model, uint32_t label) {
    const uint8_t *labels = labels_of(model);
    uint32_t before = below(model, counts_of(model)[label]), slot = 0;
    while (labels[slot] != label || before-- > 0) {
        slot++;
    }
    return slot;
}

void mb_count_ring(const mb_model *model) {
    uint16_t *counts = counts_of(model);
    mb_zero(counts, (size_t)2 * model->n_outputs);
    for (uint32_t slot = 0; slot < *n_kept(model); slot++) {
        counts[labels_of(model)[slot]]++;
    }
}

/* The class with the most samples: this one, if no other has more. */
static uint32_t largest_class(const mb_model *model, uint32_t label) {
    const uint16_t *counts = counts_of(model);
    uint32_t largest = label;
    for (uint32_t c = 0; c < model->n_outputs; c++) {
        largest = counts[c] > counts[largest] ? c : largest;
    }
    return largest;
}

void *mb_keep_in_ring(mb_model *model, uint32_t label) {
    uint16_t *counts = counts_of(model);
    uint32_t slot;
    if (*n_kept(model) < model->ring_slots) {
        slot = (*n_kept(model))++;
    } else {
        uint32_t from = largest_class(model, label);
        if (from == label && below(model, ONE_IN) > 0) {
            return NULL;
        }
        slot = draw_slot(model, from);
        counts[from]--;
    }
    labels_of(model)[slot] = (uint8_t)label;
    counts[label]++;
    return entry_of(model, slot);
}

const void *mb_draw_from_ring(mb_model *model, uint32_t *label) {
    const uint16_t *counts = counts_of(model);
    uint32_t n_classes = 0;
    for (uint32_t c = 0; c < model->n_outputs; c++) {
        n_classes += counts[c] > 0;
    }
    uint32_t before = below(model, n_classes), c = 0;
    while (counts[c] == 0 || before-- > 0) {
        c++;
    }
    *label = c;
    return entry_of(model, draw_slot(model, c));
}
