/* context_layout.h: where in the arena contexts lie, besides the first. All of it counts as
 * mb_plan.context_bytes; with one context there is nothing. */
#ifndef MB_CONTEXT_LAYOUT_H
#define MB_CONTEXT_LAYOUT_H

#include "../rule/contexts.h"
#include "take.h"

/* Take room for their tables of layers and for mb_contexts, after the layers of the first. */
void mb_lay_out_tables(const mb_model *model, mb_cursor *c, mb_plan *plan);

/* Take room for their learnt blocks, which follow the block of the first, and for the router. */
void mb_lay_out_blocks(const mb_model *model, mb_contexts *contexts, mb_cursor *c, mb_plan *plan);

/* Take room for what is derived from their blocks: signs, 1/std, tables of moves. */
void mb_lay_out_derived(const mb_model *model, const mb_layer *layers, mb_contexts *contexts,
                        mb_cursor *c, mb_plan *plan);

/* Fill the tables of layers of an open model, of which the first context has its own. */
void mb_fill_tables(mb_model *model);

#endif /* MB_CONTEXT_LAYOUT_H */
