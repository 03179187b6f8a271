/* scaling.h: values of a sample in deviations, as the device itself has measured them. */
#ifndef MB_SCALING_H
#define MB_SCALING_H

#include "../internal.h"

/* Steps of a scaled value per deviation, and of the constant that stands for 1. */
#define MB_SCALED_UNIT 32

/* Let mean and spread of each value follow the sample that went forward last. */
void mb_measure_sample(mb_model *model, const uint8_t *sample);

/* The first 2d + 1 features of a tracking head: scaled values, their sizes less 26, 32. */
void mb_scale_sample(mb_model *model, const uint8_t *sample);

/* The same features from d scaled values. */
void mb_take_scaled(mb_model *model, const int8_t *values);

#endif /* MB_SCALING_H */
