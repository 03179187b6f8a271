/* goal.h: what learns where mb_options.goal leaves it to the library. */
#ifndef MB_GOAL_H
#define MB_GOAL_H

#include "../internal.h"

/* Whether options leave to the blob what learns, and it says something. */
bool mb_is_told(const mb_blob_view *view, const mb_options *options);

/* The goal of options, or where they leave it to the blob, its goal. */
uint32_t mb_goal_of(const mb_blob_view *view, const mb_options *options);

/* Put options without a goal into `chosen`: `options` as they are if they have none, otherwise with
 * the best choice for their goal whose arena fits `ram_bytes`.
 * Errors: MB_ERR_INPUT (an option out of range, or none that learns samples again as asked),
 * MB_ERR_BUDGET (nothing fits). */
int mb_settle(const mb_blob_view *view, const mb_options *options, size_t ram_bytes,
              mb_options *chosen);

#endif /* MB_GOAL_H */
