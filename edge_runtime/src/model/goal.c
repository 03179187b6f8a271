/* goal.c: what learns where mb_options.goal leaves it to the library.
 *
 * To remember, a counting head comes before any layer: it keeps what the network knows, while
 * layers that move forget it. To track, nothing comes before the tracking head. */
#include "goal.h"

#include "arena.h"

/* Hidden units of a tracking head where as many as are asked for do not fit. */
#define FEWER_UNITS 32u

/* Choice number n of a tracking head. Returns false where there is none. */
static bool track(const mb_blob_view *view, uint32_t n, mb_options *choice) {
    uint32_t units[] = {choice->units, choice->units > FEWER_UNITS ? FEWER_UNITS : 0, 0};
    bool wide = view->info.n_inputs > MB_TRACKED_INPUTS; /* which has no units */
    choice->head = MB_HEAD_TRACKING;
    choice->contexts = 0;
    choice->trust = view->info.untrained ? 0.0f : choice->trust;
    choice->units = wide ? 0 : n < 3u ? units[n] : 0;
    if (view->tracker.kept_at != 0) { /* whose units are as they are */
        choice->units = view->tracker.n_units;
        return n == 0;
    }
    return n < (wide ? 1u : 3u);
}

/* The same of what remembers: both forms of the counting head, all layers in fewer and fewer
 * contexts, then fewer and fewer layers. */
static bool remember(const mb_blob_view *view, uint32_t n, mb_options *choice) {
    static const uint32_t forms[] = {MB_HEAD_COUNTING, MB_HEAD_COUNTING_SMALL};
    uint32_t n_forms = view->head.kind != 0 ? 2u : 0;
    uint32_t most = view->info.state_bits != 0 ? view->info.n_layers : 0;
    uint32_t contexts = most > 0 && choice->batch <= 1 ? choice->contexts : 0;
    choice->contexts = 0;
    if (n < n_forms) {
        choice->head = forms[n];
        return true;
    }
    n -= n_forms;
    if (n + 1u < contexts) {
        choice->learn_layers = most;
        choice->contexts = contexts - n;
        return true;
    }
    n -= contexts > 1 ? contexts - 1u : 0;
    choice->learn_layers = most - n;
    return n <= most;
}

/* The same where the blob says what learns. */
static bool as_told(const mb_blob_view *view, uint32_t n, mb_options *choice) {
    uint32_t what = view->info.told_what;
    choice->contexts = 0;
    if (what <= MB_HEAD_COUNTING_SMALL) {
        choice->head = what;
    } else {
        choice->learn_layers = what == MB_TOLD_LAST_LAYER ? 1u : view->info.n_layers;
    }
    return n == 0;
}

typedef bool chooser(const mb_blob_view *view, uint32_t n, mb_options *choice);

static chooser *chooser_for(const mb_blob_view *view, const mb_options *options) {
    uint32_t what = mb_is_told(view, options) ? view->info.told_what : MB_TOLD_BY_GOAL;
    if (what == MB_TOLD_BY_GOAL) {
        return mb_goal_of(view, options) == MB_GOAL_TRACK ? track : remember;
    }
    return what == MB_HEAD_TRACKING ? track : as_told;
}

/* The options with what the blob says of replay and batch, where they leave both open. */
static mb_options completed(const mb_blob_view *view, const mb_options *options) {
    mb_options whole = *options;
    bool told = mb_is_told(view, options), leaves_replay = options->replay == 0;
    whole.goal = MB_GOAL_NONE;
    if (told && leaves_replay && options->batch <= 1) {
        whole.replay = view->info.told_replay;
    }
    if (options->goal == MB_GOAL_FILE && options->replay == MB_NO_REPLAY) {
        whole.replay = 0;
    }
    if (told && options->batch == 0 && whole.replay == 0) {
        whole.batch = view->info.told_batch;
    }
    return whole;
}

static bool replays(const mb_blob_view *view, const mb_options *choice) {
    bool some_layers = choice->learn_layers > 0 && choice->learn_layers < view->info.n_layers;
    return choice->head == MB_HEAD_TRACKING || some_layers;
}

/* Whether a choice fits. Returns an error of its options. */
static int fits(const mb_blob_view *view, const mb_options *choice, size_t ram_bytes, bool *fit) {
    mb_plan plan;
    int error = mb_measure(view, choice, &plan);
    *fit = error == MB_OK && plan.arena_bytes <= ram_bytes;
    return error == MB_ERR_BUDGET ? MB_OK : error;
}

bool mb_is_told(const mb_blob_view *view, const mb_options *options) {
    return options->goal == MB_GOAL_FILE && view->info.told_goal != 0;
}

uint32_t mb_goal_of(const mb_blob_view *view, const mb_options *options) {
    if (options->goal != MB_GOAL_FILE) {
        return options->goal;
    }
    return mb_is_told(view, options) ? view->info.told_goal : MB_GOAL_REMEMBER;
}

int mb_settle(const mb_blob_view *view, const mb_options *options, size_t ram_bytes,
              mb_options *chosen) {
    chooser *choose = chooser_for(view, options);
    mb_options asked = completed(view, options);
    int none = MB_ERR_INPUT; /* until a choice is only too large */
    *chosen = *options;
    if (options->goal == MB_GOAL_NONE) {
        return MB_OK;
    }
    if (options->goal > MB_GOAL_FILE || options->learn_layers != 0 || options->head != 0 ||
        options->contexts > MB_MAX_CONTEXTS) {
        return MB_ERR_INPUT;
    }
    for (uint32_t n = 0;; n++) {
        bool fit;
        *chosen = asked;
        chosen->panels = 0;
        if (!choose(view, n, chosen)) {
            return none;
        }
        if (asked.replay > 0 && !replays(view, chosen)) {
            continue;
        }
        int error = fits(view, chosen, ram_bytes, &fit);
        if (error != MB_OK) {
            return error;
        }
        if (fit) {
            mb_options wide = *chosen;
            wide.panels = options->panels;
            error = fits(view, &wide, ram_bytes, &fit);
            chosen->panels = fit ? wide.panels : 0;
            return error;
        }
        none = MB_ERR_BUDGET;
    }
}
