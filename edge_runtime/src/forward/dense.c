/* dense.c: the sums of a dense layer. A large layer is split by rows between threads. */
#include "dense.h"

#include "../layer.h"
#include "../split.h"

/* The rows of a part are a multiple of this: whole panels, and whole tiles of the widest
 * registers. */
#define STEP_ROWS 64u

typedef struct sums_job {
    const mb_model *model;
    const void *input;
    int32_t *sums;
    mb_matrix weights;
    bool of_sample; /* else of bits */
    uint32_t rows;  /* per part */
} sums_job;

static void sum_rows(void *argument, uint32_t part) {
    const sums_job *job = (const sums_job *)argument;
    const mb_model *model = job->model;
    const mb_kernels *kernels = mb_kernels_of(model);
    mb_matrix some = job->weights;
    uint32_t first = part * job->rows, left = some.n_out - first;
    /* In panels too: `first` is a multiple of a panel's rows. */
    some.bytes += (size_t)4 * some.words * first;
    some.n_out = left < job->rows ? left : job->rows;
    if (job->of_sample) {
        kernels->dense_bytes(job->sums + first, &some, (const uint8_t *)job->input,
                             model->sample_type);
    } else {
        kernels->dense_bits(job->sums + first, &some, (const uint32_t *)job->input);
    }
}

void mb_dense_sums(const mb_model *model, const mb_layer *layer, const void *input, int32_t *sums) {
    uint32_t n = layer->n_out;
    sums_job job = {model, input, sums, mb_weights(model, layer), layer->sees_sample, 0};
    job.rows = mb_share(model, n, STEP_ROWS, (uint64_t)layer->n_in * n);
    mb_run_parts(model, sum_rows, &job, n, job.rows);
}
