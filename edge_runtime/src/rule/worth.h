/* worth.h: which samples are learnt. The others change nothing: no weight, no running value.
 *
 * A sample is passed over where the network gave its label with a margin already: it has nothing to
 * say. It is passed over, too, where its label has been almost the only one for a while, because
 * learning would then teach the network to say that label and no other: a label whose share of the
 * last samples is p is learnt with probability 2 (1 - p), at most 1.
 *
 * The share r of samples that were worth learning also says how much is new: v = 2 r - 1/2, at
 * least 1/4 and at most 1. The step is multiplied by v: when little is new, small steps keep what
 * is known. By v the layers also know how long to remember, see growth.h.
 */
#ifndef MB_WORTH_H
#define MB_WORTH_H

#include "../layer.h"

/* Bytes that are kept: uint16 shares of the labels (n_outputs), what samples passed over have left
 * of their turns, and the share of samples that were worth learning. */
static inline uint32_t mb_worth_bytes(uint32_t n_outputs) {
    return 4u * mb_words(16u * n_outputs + 32u);
}

/* Start with equal shares of all labels. */
void mb_start_worth(const mb_model *model);

/* The turns of labels alone: uint16 shares (n_outputs), and what samples passed over have left. */
void mb_start_turns(uint16_t *shares, uint32_t n_outputs);

/* Whether it is a label's turn: of 65,536 of its samples 2 (1 - p) * 65,536 are, evenly spread.
 * Counts the label. */
bool mb_is_due(uint16_t *shares, uint32_t n_outputs, uint32_t label);

/* Whether to learn the sample whose forward pass was the last. Counts its label. */
bool mb_is_worth_learning(const mb_model *model, uint32_t label);

/* Whether the last answer was this label by more than a margin. */
bool mb_is_sure(const mb_model *model, uint32_t label);

#define MB_NOVELTY_ONE 32768u /* v = 1 */

/* v, in 2^-15. */
uint32_t mb_novelty_share(const mb_model *model);

#endif /* MB_WORTH_H */
