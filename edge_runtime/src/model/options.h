/* options.h: how a model is opened. */
#ifndef MB_OPTIONS_H
#define MB_OPTIONS_H

#include "../internal.h"

/* Check mb_options, and put what follows from them and from the blob into `model`. Offsets are left
 * to mb_lay_out(). */
int mb_take_options(mb_model *model, const mb_blob_view *view, const mb_options *options);

/* Put what the blob says of its counting head into `head`. */
void mb_take_head(mb_head *head, const mb_blob_view *view);

/* Choose what a tracking head of this model sees. */
void mb_take_tracker(mb_tracker *head, const mb_model *model, const mb_blob_view *view,
                     const mb_options *options);

#endif /* MB_OPTIONS_H */
