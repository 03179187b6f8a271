/* ring.h: samples that are kept and learnt again, latent replay (Pellegrini et al. 2020).
 *
 * A sample is kept as what learns sees of it, which is small: the bits that the lowest layer that
 * learns reads, or the values of a tracking head. As long as there is room every sample is kept.
 * Then a sample takes the place of one of the class that has most of them, so that all classes come
 * to have as many. Where that is its own class only one sample in eight is kept, because neighbours
 * in a stream are alike. Samples to be learnt again are drawn class by class, each as often as any
 * other.
 */
#ifndef MB_RING_H
#define MB_RING_H

#include "../internal.h"

/* Samples that are learnt again beside each new one. */
#define MB_REPLAYS 4u

/* Bytes that are kept before the entries: how many samples there are, and their labels. */
static inline uint64_t mb_ring_index_bytes(uint32_t slots) {
    return slots > 0 ? 4u + ((uint64_t)slots + 3u) / 4u * 4u : 0;
}

/* Count the samples of each class again, after a state was loaded. */
void mb_count_ring(const mb_model *model);

/* Where to keep a sample of this class, whose label is noted; NULL if it is not to be kept. */
void *mb_keep_in_ring(mb_model *model, uint32_t label);

/* Draw a sample, of which there must be one. Returns what was kept of it. */
const void *mb_draw_from_ring(mb_model *model, uint32_t *label);

#endif /* MB_RING_H */
