/* learn_section.h: the section LEARN of a .mbit blob: hidden weights and what learning needs. */
#ifndef MB_LEARN_SECTION_H
#define MB_LEARN_SECTION_H

#include "envelope.h"
#include "view.h"

/* Whether four columns of n_out floats, mean, var, gamma and beta, are in ranges that keep all
 * arithmetic finite. */
bool mb_norm_is_sane(const uint8_t *b, uint32_t at, uint32_t n_out);

/* Check the section, if there is one, and find its parts. The network of `v` has been read. */
int mb_read_learn(mb_blob_view *v, const section_map *map, uint32_t bank);

#endif /* MB_LEARN_SECTION_H */
