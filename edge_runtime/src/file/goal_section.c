/* goal_section.c: check what the section GOAL says. */
#include "goal_section.h"

#include "offsets.h"

/* Whether samples can be kept and learnt again: with a goal, something that can is chosen. */
static bool replays(uint32_t what) {
    return what == MB_TOLD_BY_GOAL || what == MB_HEAD_TRACKING || what == MB_TOLD_LAST_LAYER;
}

int mb_read_goal(mb_blob_view *view, const section_map *map) {
    mb_info *info = &view->info;
    uint32_t start = map->offset[GOAL];
    if (start == 0) {
        return MB_OK;
    }
    if (map->length[GOAL] != GOAL_BYTES) {
        return MB_ERR_CORRUPT;
    }
    info->told_what = u32(view->bytes, start + GOAL_WHAT);
    info->told_goal = u32(view->bytes, start + GOAL_GOAL);
    info->told_replay = u32(view->bytes, start + GOAL_REPLAY);
    info->told_batch = u32(view->bytes, start + GOAL_BATCH);
    bool known = info->told_what <= MB_TOLD_ALL_LAYERS && info->told_goal >= MB_GOAL_REMEMBER &&
                 info->told_goal <= MB_GOAL_TRACK;
    bool sane = info->told_replay <= MB_MAX_REPLAY && info->told_batch >= 1 &&
                info->told_batch <= MB_MAX_BATCH;
    bool together = info->told_replay == 0 || (replays(info->told_what) && info->told_batch == 1);
    return known && sane && together ? MB_OK : MB_ERR_CORRUPT;
}
