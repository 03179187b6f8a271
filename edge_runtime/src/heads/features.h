/* features.h: what a head sees of a sample. */
#ifndef MB_FEATURES_H
#define MB_FEATURES_H

#include "../internal.h"

/* Steps of a feature per deviation of what it is made of, or per unit of a logit. */
#define MB_FEATURE_UNIT 16

/* Value i of a source: the values of the sample, or of the layer of this index; see enum
 * mb_head_source. */
int32_t mb_source_value(const mb_model *model, uint32_t source, uint32_t index,
                        const uint8_t *sample, uint32_t i);

/* Make the features of the last forward pass, in the arena: (n_features) int8. `sample` is what
 * it saw. */
void mb_make_features(mb_model *model, const uint8_t *sample);

#endif /* MB_FEATURES_H */
