/* choose.c: the kernel sets by number, and the best that runs here. */
#include "choose.h"

#include "list.h"
#include "metabit.h"

#define DECLARE(set) extern const mb_kernels mb_kernels_##set;
#define ADDRESS(set) &mb_kernels_##set,

MB_KERNEL_LIST(DECLARE)

static const mb_kernels *const sets[] = {MB_KERNEL_LIST(ADDRESS)};

#define N_SETS ((uint32_t)(sizeof sets / sizeof *sets))

const mb_kernels *mb_kernels_number(uint32_t isa) {
    return isa >= 1u && isa <= N_SETS ? sets[isa - 1u] : NULL;
}

uint32_t mb_choose_kernels(uint32_t wanted) {
    for (uint32_t isa = 1; isa <= N_SETS; isa++) {
        if ((wanted == 0 || wanted == isa) && sets[isa - 1u]->runs()) {
            return isa;
        }
    }
    return 0;
}

const char *mb_isa_name(uint32_t isa) {
    const mb_kernels *set = mb_kernels_number(isa);
    return set != NULL ? set->name : NULL;
}

int mb_isa_runs(uint32_t isa) {
    const mb_kernels *set = mb_kernels_number(isa);
    return set != NULL && set->runs();
}
