/* moves.h: what dense_moves.c and gradients.c share: size of a step, and drawing moves. */
#ifndef MB_MOVES_H
#define MB_MOVES_H

#include "../metaplasticity.h"

/* Let a layer's running mean square of gradients follow a step's: a plain mean of the first
 * steps. */
void mb_follow_rms(const mb_model *model, const mb_layer *layer, float mean_square);

/* Levels per unit of an integer gradient, whose 1 stands for `unit`; 0 where gradients are
 * negligible. */
float mb_rate(const mb_model *model, const mb_layer *layer, float unit);

/* Begin a layer's moves, with a table that fits its hidden weights and a number of the model's
 * random generator. */
mb_mover mb_start_moving(const mb_model *model, mb_layer *layer);

/* Count them. */
void mb_stop_moving(mb_model *model, mb_layer *layer, const mb_mover *mover);

#endif /* MB_MOVES_H */
