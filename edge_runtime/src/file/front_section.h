/* front_section.h: the section FRNT of a .mbit blob. */
#ifndef MB_FRONT_SECTION_H
#define MB_FRONT_SECTION_H

#include "envelope.h"
#include "view.h"

/* Check the section, if there is one, and find its parts. The network of `view` has been read. */
int mb_read_front(mb_blob_view *view, const section_map *map);

#endif /* MB_FRONT_SECTION_H */
