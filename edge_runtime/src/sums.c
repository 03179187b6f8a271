/* sums.c: the sums of a dense layer. Sums of large layers are split by rows between the threads of
 * mb_options.runner. Each row is computed by one of them, as it would be alone: the bits are the same. */
#include "sums.h"

/* Rows a part are a multiple of this: whole panels, and whole tiles of the widest registers. */
#define STEP_ROWS 64u

/* Weights from which on a second thread pays, of 8-bit and of 1-bit inputs. Measured on two cores of an
 * AMD EPYC with AVX2, where handing a part over and waiting for it costs about a microsecond. */
#define SPLIT_BYTE_WEIGHTS 262144u
#define SPLIT_BIT_WEIGHTS 524288u

typedef struct sums_job {
    const mb_model *model;
    const void *input;
    int32_t *sums;
    mb_matrix weights;
    uint32_t index;
    uint32_t rows; /* a part */
} sums_job;

static void sum_rows(void *argument, uint32_t part) {
    const sums_job *job = (const sums_job *)argument;
    const mb_model *model = job->model;
    const mb_kernels *kernels = mb_kernels_of(model);
    mb_matrix some = job->weights;
    uint32_t first = part * job->rows, behind = some.n_out - first;
    some.at +=
        (size_t)4 * some.words * first; /* the same in panels, of which `first` is whole ones */
    some.n_out = behind < job->rows ? behind : job->rows;
    if (job->index == 0) {
        kernels->dense_bytes(job->sums + first, &some, (const uint8_t *)job->input,
                             model->input_signed, model->zero_point);
    } else {
        kernels->dense_bits(job->sums + first, &some, (const uint32_t *)job->input);
    }
}

void mb_dense_sums(const mb_model *model, uint32_t index, const void *input, int32_t *sums) {
    const mb_layer *layer = &mb_layers(model)[index];
    const mb_runner *runner = model->runner.pointer;
    sums_job job = {model, input, sums, mb_weights(model, layer), index, layer->n_out};
    uint64_t worth = index == 0 ? SPLIT_BYTE_WEIGHTS : SPLIT_BIT_WEIGHTS;
    if (runner == NULL || runner->n_threads < 2u || (uint64_t)layer->n_in * layer->n_out < worth) {
        sum_rows(&job, 0);
        return;
    }
    uint32_t steps = (layer->n_out + STEP_ROWS - 1u) / STEP_ROWS;
    job.rows = (steps + runner->n_threads - 1u) / runner->n_threads * STEP_ROWS;
    runner->run(runner->context, sum_rows, &job, (layer->n_out + job.rows - 1u) / job.rows);
}
