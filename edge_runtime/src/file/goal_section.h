/* goal_section.h: the section GOAL of a .mbit blob, which says how it is to learn where nobody says
 * otherwise. */
#ifndef MB_GOAL_SECTION_H
#define MB_GOAL_SECTION_H

#include "envelope.h"
#include "view.h"

/* Check the section, if there is one, and put what it says into `view->info`. */
int mb_read_goal(mb_blob_view *view, const section_map *map);

#endif /* MB_GOAL_SECTION_H */
