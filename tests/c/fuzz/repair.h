/* repair.h: checksums that fit again after a mutation; without, no input would come past them. */
#ifndef REPAIR_H
#define REPAIR_H

#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

uint32_t word_at(const uint8_t *data, size_t at);
void put_word(uint8_t *data, size_t at, uint32_t word);

/* Of every section, of the section table, and of the header, which also gets the file's length. */
void repair_blob(uint8_t *blob, size_t bytes);

/* Of a state image, whose last four bytes it is. */
void repair_state(uint8_t *image, size_t bytes);

#endif /* REPAIR_H */
