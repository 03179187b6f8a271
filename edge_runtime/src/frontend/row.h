/* row.h: one whole window to the features of a row. */
#ifndef MB_ROW_H
#define MB_ROW_H

#include "../internal.h"

/* Write the features of the window in the arena, front->n_features of them. */
void mb_make_row(const mb_model *model, const mb_front *front, int8_t *features);

#endif /* MB_ROW_H */
