/* head_section.c: check what the section HEAD says, and find its parts. */
#include "head_section.h"

#include "../arith.h"
#include "offsets.h"
#include "products.h"

#define MAX_CAP 65535u
#define MAX_EVERY 65536u
#define MAX_STILL 65536u
#define MAX_BONUS 16.0f

/* Kinds of a head in a file: both count, the second has a bonus for each class. */
#define COUNTS 1u
#define COUNTS_WITH_BONUS 2u

/* How many values the features are made of; 0 where there is no such source. */
static uint32_t values_of(const mb_blob_view *v, uint32_t source, uint32_t layer) {
    const mb_layer_view *from = &v->layers[layer < v->info.n_layers ? layer : 0];
    bool hidden = layer < v->info.n_layers - 1u; /* any number may stand there: + 1 could wrap */
    switch (source) {
    case MB_HEAD_INPUTS:
        return layer == 0 ? v->info.n_inputs : 0;
    case MB_HEAD_SUMS:
        return hidden && from->window.kernel == 0 ? from->n_out : 0;
    case MB_HEAD_ONES:
        return hidden && from->window.kernel != 0 ? from->n_out : 0;
    default:
        return 0;
    }
}

static int read_choice(mb_blob_view *v, uint32_t at) {
    const uint8_t *b = v->bytes;
    mb_head_view *head = &v->head;
    uint32_t kind = u32(b, at + HEAD_KIND);
    head->kind = MB_HEAD_COUNTING;
    head->bonus_at = kind == COUNTS_WITH_BONUS ? at + HEAD_VALUES : 0;
    head->source = u32(b, at + HEAD_SOURCE);
    head->layer = u32(b, at + HEAD_LAYER);
    head->n_units = u32(b, at + HEAD_N_UNITS);
    head->folds = u32(b, at + HEAD_FOLDS);
    head->n_scores = u32(b, at + HEAD_N_SCORES);
    head->n_classes = u32(b, at + HEAD_N_CLASSES);
    head->cap = u32(b, at + HEAD_CAP);
    head->every = u32(b, at + HEAD_EVERY);
    head->still = u32(b, at + HEAD_STILL);
    head->ridge = f32(b, at + HEAD_RIDGE);
    head->prior = f32(b, at + HEAD_PRIOR);
    head->scale = f32(b, at + HEAD_SCALE);
    head->n_products = u32(b, at + HEAD_N_PRODUCTS);
    head->limit = f32(b, at + HEAD_LIMIT);
    if (kind != COUNTS && kind != COUNTS_WITH_BONUS) {
        return MB_ERR_FORMAT;
    }
    head->n_source = values_of(v, head->source, head->layer);
    bool ranges =
        head->n_source > 0 && head->n_units >= 1 && head->n_units <= head->n_source &&
        head->folds <= 1 && (head->n_scores == 0 || head->n_scores == v->info.n_outputs) &&
        head->n_units + head->n_scores <= MB_MAX_FEATURES && head->n_classes >= v->info.n_outputs &&
        head->n_classes <= MB_MAX_CLASSES && head->cap >= 1 && head->cap <= MAX_CAP &&
        head->every >= 1 && head->every <= MAX_EVERY && head->still <= MAX_STILL;
    bool floats = head->ridge >= 1e-6f && head->ridge <= 1.0f && head->prior >= 0.0f &&
                  head->prior <= 16.0f && mb_is_scale(head->scale) &&
                  (head->limit == 0.0f || (head->limit >= 1e-6f && head->limit <= 1e12f));
    return ranges && floats && u32(b, at + HEAD_ANSWERS) <= 1 ? MB_OK : MB_ERR_CORRUPT;
}

static bool affine_is_sane(const mb_blob_view *v) {
    bool sane = true;
    for (uint32_t i = 0; i < v->head.n_source; i++) {
        uint32_t pair = v->head.affine_at + PAIR_BYTES * i;
        float centre = f32(v->bytes, pair + PAIR_CENTRE);
        float gain = f32(v->bytes, pair + PAIR_GAIN);
        sane &= centre >= -33554432.0f && centre <= 33554432.0f;
        sane &= gain >= -1048576.0f && gain <= 1048576.0f;
    }
    return sane;
}

static bool bonuses_are_sane(const mb_blob_view *v) {
    bool sane = true;
    for (uint32_t c = 0; v->head.bonus_at != 0 && c < v->head.n_classes; c++) {
        float bonus = f32(v->bytes, v->head.bonus_at + 4u * c);
        sane &= bonus >= 0.0f && bonus <= MAX_BONUS;
    }
    return sane;
}

int mb_read_head(mb_blob_view *view, const section_map *map) {
    uint32_t start = map->offset[HEAD];
    mb_head_view *head = &view->head;
    if (start == 0) {
        return MB_OK;
    }
    if (map->length[HEAD] < HEAD_VALUES) {
        return MB_ERR_CORRUPT;
    }
    int error = read_choice(view, start);
    if (error != MB_OK) {
        return error;
    }
    uint32_t n = head->n_units + head->n_scores, k = head->n_classes;
    head->affine_at = start + HEAD_VALUES + (head->bonus_at != 0 ? 4u * k : 0);
    head->counts_at = head->affine_at + PAIR_BYTES * head->n_source;
    head->means_at = head->counts_at + 4u * k;
    head->weights_at = head->means_at + 2u * k * n;
    head->products_at = head->weights_at + 2u * k * n;
    uint64_t end = (uint64_t)head->products_at + MB_PRODUCT_BYTES * mb_triangle(n);
    bool fills = end == (uint64_t)start + map->length[HEAD];
    if (!fills || !bonuses_are_sane(view) || !affine_is_sane(view)) {
        return MB_ERR_CORRUPT;
    }
    view->info.head_kind = head->kind;
    view->info.n_classes = k;
    return MB_OK;
}
