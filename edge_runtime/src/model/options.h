/* options.h: how a model is opened. */
#ifndef MB_OPTIONS_H
#define MB_OPTIONS_H

#include "../internal.h"

/* Check mb_options, and put what follows from them and from the blob into `model`. Offsets are left
 * to mb_lay_out(). */
int mb_take_options(mb_model *model, const mb_blob_view *view, const mb_options *options);

/* Put what the blob says of its head into `head`. False: no head is asked for. */
bool mb_take_head(mb_head *head, const mb_blob_view *view, const mb_options *options);

#endif /* MB_OPTIONS_H */
