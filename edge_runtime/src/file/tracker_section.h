/* tracker_section.h: the section TRCK of a .mbit blob, and what a tracking head sees of a network.
 */
#ifndef MB_TRACKER_SECTION_H
#define MB_TRACKER_SECTION_H

#include "envelope.h"
#include "view.h"

/* Choose what a tracking head for so many classes sees of the network. */
mb_tracked_values mb_what_is_tracked(const mb_blob_view *view, uint32_t n_classes);

/* Whether float number i of what a tracking head keeps can do no harm: within these bounds all
 * arithmetic is finite, and every conversion to an integer fits.
 *   d, k  values and classes of the head */
bool mb_tracked_is_sane(uint32_t d, uint32_t k, uint32_t i, float value);

/* Check the section, if there is one, and find its parts. Network and head of `view` have been
 * read. */
int mb_read_tracker(mb_blob_view *view, const section_map *map);

#endif /* MB_TRACKER_SECTION_H */
