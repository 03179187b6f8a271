/* growth.h: how freely hidden weights of a layer grow, which decides how long the layer remembers.
 *
 * A move that shrinks a hidden weight passes with f_meta of its size, f. A move that lets it grow
 * passes with 1 - k + k (1 - 1/16) f (mb_grow(), metaplasticity.h). With k = 0 growing is free:
 * weights consolidate, until all of them stand at the end of the range and nothing new is learnt.
 * With k = 1 noise moves a weight up and down at odds of 15 to 16, so that only what the samples
 * keep saying lets it grow, and f sets nothing but the time scale. k follows the mean size S of the
 * layer's hidden weights, and v, how much is new (worth.h): it is 0 up to v^2 S = 10 of 128 levels,
 * and 1 from v^2 S = 20 on. So while one task follows the other, hidden weights stay small and make
 * room soon; while little is new they may grow up to four times as large or more, and what they say
 * is kept for longer. The output layer has k = 0.
 */
#ifndef MB_GROWTH_H
#define MB_GROWTH_H

#include "../layer.h"

/* Count the sizes of a layer's hidden weights, which moves keep up to date from then on. */
void mb_count_sizes(const mb_model *model, mb_layer *layer);

/* Bring the growing half of the layer's table of moves up to date. */
void mb_follow_sizes(const mb_model *model, mb_layer *layer);

#endif /* MB_GROWTH_H */
