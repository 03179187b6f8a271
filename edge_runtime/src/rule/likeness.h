/* likeness.h: how well a sample fits what a context has seen.
 *
 * A sample is compared by up to 128 sums of its inputs, which do not move while layers learn: each
 * input goes to one of them with a sign of its own. Inputs take their turns over the sums, and each
 * round begins at another sum, so that no sum gets a column of a picture. A context keeps the mean
 * of each sum in each class, and one variance for all classes. The misfit of a sample is its
 * squared distance from the nearest class, in variances, and the sum of ln of the variances, as
 * twice the negative logarithm of a normal density has them.
 */
#ifndef MB_LIKENESS_H
#define MB_LIKENESS_H

#include "../internal.h"

#define MB_SUMS 128u
#define MB_LEAST_COMPARED 20u /* samples in the variances before anything is compared */

/* Sums of a sample's inputs. */
typedef struct mb_sums {
    float value[MB_SUMS];
} mb_sums;

/* How many sums there are: the inputs themselves where these are few. */
static inline uint32_t mb_n_sums(const mb_model *model) {
    return model->n_inputs < MB_SUMS ? model->n_inputs : MB_SUMS;
}

/* What is kept of one context: counters, then floats. */
typedef struct mb_likeness {
    uint32_t *n_varied; /* samples in the variances; stops at its end */
    uint32_t *n_judged; /* samples in the usual misfit; likewise */
    uint32_t *counts;   /* (n_outputs) samples in the means of a class; likewise */
    float *usual;       /* mean misfit of samples that are learnt */
    float *spread;      /* mean absolute deviation from it */
    float *variances;   /* (n_sums) */
    float *means;       /* (n_outputs, n_sums) */
} mb_likeness;

/* Counters of a context, and its floats. */
static inline uint32_t mb_likeness_counters(const mb_model *model) { return 2u + model->n_outputs; }

static inline uint32_t mb_likeness_floats(const mb_model *model) {
    return 2u + mb_n_sums(model) * (1u + model->n_outputs);
}

/* Of all floats of contexts, one after the other: whether number `at` is never below zero. */
static inline bool mb_likeness_is_size(const mb_model *model, uint32_t at) {
    uint32_t in_context = at % mb_likeness_floats(model);
    return in_context > 0 && in_context < 2u + mb_n_sums(model);
}

/* Where what is kept of a context lies; `all` is where the counters of the first begin. */
mb_likeness mb_likeness_of(const mb_model *model, uint32_t *all, uint32_t context);

/* The sums of a sample (n_inputs). */
void mb_sum_inputs(const mb_model *model, const uint8_t *sample, mb_sums *sums);

/* Whether enough samples have come to compare one with them. */
static inline bool mb_compares(const mb_likeness *kept) {
    return *kept->n_varied >= MB_LEAST_COMPARED;
}

/* How badly sums fit. There must be samples to compare them with. */
float mb_misfit(const mb_model *model, const mb_likeness *kept, const mb_sums *sums);

/* How unusual a misfit is, in deviations; 0 until it is known what is usual. */
float mb_unusual(const mb_likeness *kept, float misfit);

/* Let means and variances follow a sample of this class. */
void mb_follow_sums(const mb_model *model, const mb_likeness *kept, const mb_sums *sums,
                    uint32_t label);

/* Let what is usual follow the misfit of a sample. */
void mb_follow_misfit(const mb_likeness *kept, float misfit);

#endif /* MB_LIKENESS_H */
