/* Books and orders as somebody would send them who wants the engine to be slow.
 *
 * A scenario is a list of commands, of which some are timed, one a call. `size` scales it: what is
 * timed for each order, level or fill that a command really touches should not depend on it.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define FIRST 1000000 /* a price */
#define GAP (1 << 20)

typedef struct script {
    hft_message *commands;
    uint8_t *timed;
    size_t count, room;
    uint64_t numbers;
    uint32_t orders; /* capacity */
} script;

typedef struct adversary_result {
    uint64_t operations; /* timed */
    uint64_t touched;    /* orders that entered, left, changed or traded in them */
    uint64_t ticks;
    uint64_t worst_ticks;
    uint64_t rejected;
} adversary_result;

static uint64_t send(script *s, int timed, uint8_t kind, uint64_t number, uint8_t side,
                     int64_t price_ticks, int64_t lots)
{
    if (s->count < s->room) {
        hft_command *command = &s->commands[s->count].command;
        command->header.sequence = s->count + 1;
        command->header.kind = kind;
        command->header.source = HFT_SOURCE_STRATEGY;
        command->order_id = sparse_id(number);
        command->side = side;
        command->price_ticks = price_ticks;
        command->qty_lots = lots;
        s->timed[s->count] = (uint8_t)timed;
    }
    s->count++;
    return number;
}

static uint64_t enter(script *s, int timed, uint8_t side, int64_t price_ticks, int64_t lots)
{
    return send(s, timed, HFT_NEW_ORDER, ++s->numbers, side, price_ticks, lots);
}

static void cancel(script *s, int timed, uint64_t number)
{
    send(s, timed, HFT_CANCEL_ORDER, number, 0, 0, 0);
}

/* One order on each of `size` levels, all taken by one market order. Four times, of which the first
 * makes room for the answers and is not timed. */
static void sweep(script *s, uint64_t size)
{
    for (int turn = 0; turn < 4; turn++) {
        for (uint64_t i = 0; i < size; i++)
            enter(s, 0, HFT_SELL, FIRST + (int64_t)i, 1);
        enter(s, turn > 0, HFT_BUY, FIRST, (int64_t)size);
        if (s->count <= s->room)
            s->commands[s->count - 1].command.order_type = HFT_MARKET;
    }
}

/* `size` orders on one level, cancelled from the middle outwards. */
static void middle(script *s, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        enter(s, 0, HFT_SELL, FIRST, 1);
    for (uint64_t i = 0; i < size / 2; i++) {
        cancel(s, 1, size / 2 - i);
        cancel(s, 1, size / 2 + 1 + i);
    }
}

/* Levels a million ticks apart; the best is traded away and comes again, on either side. */
static void gaps(script *s, uint64_t size)
{
    const int64_t levels = (int64_t)(size / 100 + 1);
    for (int64_t i = 0; i < levels; i++) {
        enter(s, 0, HFT_SELL, FIRST + i * GAP, 1);
        enter(s, 0, HFT_BUY, FIRST - 1 - i * GAP, 1);
    }
    for (uint64_t i = 0; i < size / 4; i++) {
        enter(s, 1, HFT_BUY, FIRST, 1);
        enter(s, 1, HFT_SELL, FIRST, 1);
        enter(s, 1, HFT_SELL, FIRST - 1, 1);
        enter(s, 1, HFT_BUY, FIRST - 1, 1);
    }
}

/* The best prices jump to the ends of the 64-bit range, and back. */
static void ends(script *s, uint64_t size)
{
    uint64_t bid = enter(s, 0, HFT_BUY, FIRST - 1, 1);
    uint64_t ask = enter(s, 0, HFT_SELL, FIRST, 1);
    for (uint64_t i = 0; i < size / 8; i++) {
        const int64_t inwards = (int64_t)(i % 4096);
        const uint64_t low = enter(s, 1, HFT_BUY, INT64_MIN + inwards, 1);
        const uint64_t high = enter(s, 1, HFT_SELL, INT64_MAX - inwards, 1);
        cancel(s, 1, bid);
        cancel(s, 1, ask);
        bid = enter(s, 1, HFT_BUY, FIRST - 1, 1);
        ask = enter(s, 1, HFT_SELL, FIRST, 1);
        cancel(s, 1, low);
        cancel(s, 1, high);
    }
}

/* The market falls by a tick in four operations, and with it ten levels on either side. */
static void crash(script *s, uint64_t size)
{
    enum { DEEP = 10 };
    uint64_t asks[DEEP];
    for (int64_t i = 0; i < DEEP; i++) {
        enter(s, 0, HFT_BUY, FIRST - 1 - i, 1);
        asks[DEEP - 1 - i] = enter(s, 0, HFT_SELL, FIRST + i, 1);
    }
    for (int64_t i = 0; i < (int64_t)(size / 4); i++) {
        enter(s, 1, HFT_SELL, FIRST - 1 - i, 1);
        enter(s, 1, HFT_BUY, FIRST - 1 - DEEP - i, 1);
        cancel(s, 1, asks[i % DEEP]);
        asks[i % DEEP] = enter(s, 1, HFT_SELL, FIRST - 1 - i, 1);
    }
}

static void (*const SCENARIOS[])(script *, uint64_t) = {sweep, middle, gaps, ends, crash};

static void weigh(void *context, const hft_message *answers, size_t count)
{
    adversary_result *found = context;
    for (size_t i = 0; i < count; i++) {
        const uint8_t kind = answers[i].header.kind;
        found->rejected += kind == HFT_REJECTED;
        found->touched += kind == HFT_ACCEPTED || kind == HFT_CANCELLED || kind == HFT_TRADE;
    }
}

static void ignore(void *context, const hft_message *answers, size_t count)
{
    (void)context;
    (void)answers;
    (void)count;
}

/* Twice: to count what is touched, and to take the times. */
static void play(const hft_engine_api *api, const script *s, adversary_result *found, int weighed)
{
    hft_engine *engine = api->create(1, s->orders, 1, 0);
    if (engine == NULL) {
        found->rejected++;
        return;
    }
    api->prefault(engine);
    adversary_result untimed = {0};
    for (size_t i = 0; i < s->count; i++) {
        if (weighed) {
            api->apply(engine, &s->commands[i], 1, weigh, s->timed[i] ? found : &untimed);
            continue;
        }
        const uint64_t before = ticks_now();
        api->apply(engine, &s->commands[i], 1, ignore, NULL);
        const uint64_t ticks = ticks_now() - before;
        if (s->timed[i]) {
            found->operations++;
            found->ticks += ticks;
            if (ticks > found->worst_ticks)
                found->worst_ticks = ticks;
        }
    }
    found->rejected += untimed.rejected;
    api->destroy(engine);
}

/* Play a scenario by its number; 0 if there is none, or no memory. */
int adversary(const hft_engine_api *api, uint32_t scenario, uint64_t size,
              adversary_result *found)
{
    if (scenario >= sizeof(SCENARIOS) / sizeof(SCENARIOS[0]))
        return 0;
    script s = {0};
    SCENARIOS[scenario](&s, size); /* to see how long it is */
    s = (script){.room = s.count, .orders = (uint32_t)size + 4096};
    s.commands = calloc(s.room, sizeof(hft_message));
    s.timed = calloc(s.room, 1);
    const int made = s.commands && s.timed;
    memset(found, 0, sizeof(*found));
    if (made) {
        SCENARIOS[scenario](&s, size);
        play(api, &s, found, 1);
        play(api, &s, found, 0);
    }
    free(s.commands);
    free(s.timed);
    return made;
}
