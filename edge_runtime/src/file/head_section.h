/* head_section.h: the section HEAD of a .mbit blob. */
#ifndef MB_HEAD_SECTION_H
#define MB_HEAD_SECTION_H

#include "envelope.h"
#include "view.h"

/* Check the section, if there is one, and find its parts. The layers of `view` have been read. */
int mb_read_head(mb_blob_view *view, const section_map *map);

#endif /* MB_HEAD_SECTION_H */
