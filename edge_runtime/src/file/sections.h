/* sections.h: check what the sections of a .mbit blob say. */
#ifndef MB_SECTIONS_H
#define MB_SECTIONS_H

#include "view.h"

/* Check a blob whole and find its parts. `bank` selects thresholds and normalisation. */
int mb_view(mb_blob_view *view, const void *blob, size_t blob_bytes, uint32_t bank);

#endif /* MB_SECTIONS_H */
