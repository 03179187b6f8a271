/* pieces.h: a state image out of a device and into it, in pieces that fit a frame. */
#ifndef MB_PIECES_H
#define MB_PIECES_H

#include <stdbool.h>

#include "metabit_link.h"

/* Put bytes [offset, offset + bytes) of the state image into `to`; they lie within it.
 * Errors: as mb_state_save(). */
int mb_piece_out(const mb_link *link, size_t offset, void *to, size_t bytes);

/* Load a state image of so many bytes, whose pieces the host is asked for, one reply each; the last
 * piece is then still to be answered. Returns 1 where the host has sent something else instead,
 * which waits to be answered, or the port has closed.
 *   is_mixed  out: a part of the image has been taken over; the model must be opened again
 * Errors: as mb_state_load(). */
int mb_pieces_in(mb_link *link, size_t bytes, bool *is_mixed);

#endif /* MB_PIECES_H */
