/* frame.h: bodies of frames over a line that may lose and damage bytes. */
#ifndef MB_FRAME_H
#define MB_FRAME_H

#include "metabit_link.h"

/* Wait for a frame that is whole, and put its body into link->request. Damaged frames are counted
 * and dropped. Returns the bytes of the body without its checksum; 0: the port has closed. */
size_t mb_frame_receive(mb_link *link);

/* Send a body of so many bytes as a frame; its checksum is written after it. */
void mb_frame_send(const mb_link *link, uint8_t *body, size_t bytes);

#endif /* MB_FRAME_H */
