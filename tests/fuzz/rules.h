/* What must hold of the answers of any commands, followed from the answers alone.
 *
 * Lots of own orders add up from report to report, and whoever applies the market data has the
 * book. Nothing here looks into the engine.
 */
#ifndef HFT_FUZZ_RULES_H
#define HFT_FUZZ_RULES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "hft_engine.h"

enum { LIVE_MAX = 1024, LEVELS_MAX = 2048 };

typedef struct live_order {
    uint64_t order_id;
    int64_t leaves_lots;
} live_order;

typedef struct seen_level {
    int64_t price_ticks, lots;
    uint32_t order_count;
    uint16_t instrument;
    uint8_t side;
} seen_level;

typedef struct rules {
    uint64_t digest; /* of all answers */
    size_t commands_answered, reports; /* of the command at work */
    uint32_t cause;
    int64_t origin_ts_ns;
    size_t live_count, level_count;
    live_order live[LIVE_MAX];     /* own orders */
    seen_level levels[LEVELS_MAX]; /* as BOOK_LEVEL told */
    hft_book_top tops[INSTRUMENTS];
    hft_trade trade; /* the last one, until its fills are seen */
    unsigned fills_due;
} rules;

#define MUST(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "engine_fuzz: " __VA_ARGS__);                                          \
            fprintf(stderr, " (%s:%d: %s)\n", __FILE__, __LINE__, #condition);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline void digest(rules *self, const hft_message *answer)
{
    for (int word = 0; word < 8; word++) {
        self->digest = (self->digest ^ answer->words[word]) * UINT64_C(0x9E3779B97F4A7C15);
        self->digest ^= self->digest >> 32;
    }
}

static inline live_order *find_live(rules *self, uint64_t order_id)
{
    for (size_t place = 0; place < self->live_count; place++)
        if (self->live[place].order_id == order_id)
            return &self->live[place];
    return NULL;
}

/* Leaves of an own order go from report to report without a gap. */
static inline void follow_report(rules *self, const hft_report *report)
{
    live_order *order = find_live(self, report->order_id);
    const uint8_t kind = report->header.kind;
    if (report->order_id >> HFT_SOURCE_SHIFT == 0 || kind == HFT_REJECTED)
        return;
    if (kind == HFT_ACCEPTED) {
        if (report->leaves_lots == 0) /* a setting that named an id */
            return;
        MUST(order == NULL, "an order was accepted twice");
        MUST(report->leaves_lots > 0 && self->live_count < LIVE_MAX, "leaves are not positive");
        self->live[self->live_count++] = (live_order){report->order_id, report->leaves_lots};
        return;
    }
    if (order == NULL) { /* an empty MASS_CANCEL, FLOW_FORGET, echo nothing that is own */
        MUST(0, "a report of kind %u on an order that is not live", (unsigned)kind);
    }
    if (kind == HFT_REPLACED) {
        MUST(report->leaves_lots > 0, "leaves are not positive");
        order->leaves_lots = report->leaves_lots;
        return;
    }
    MUST(report->last_lots >= 0 && report->leaves_lots >= 0, "lots below 0");
    if (kind == HFT_TRIGGERED)
        MUST(report->leaves_lots == order->leaves_lots, "a trigger changed the leaves");
    else
        MUST(report->leaves_lots == order->leaves_lots - report->last_lots, "lots were lost");
    order->leaves_lots = report->leaves_lots;
    if (kind == HFT_CANCELLED)
        MUST(report->leaves_lots == 0, "a cancelled order has leaves");
    if (order->leaves_lots == 0)
        *order = self->live[--self->live_count];
}

static inline void follow_level(rules *self, const hft_book_level *told)
{
    size_t place = 0;
    while (place < self->level_count
           && (self->levels[place].price_ticks != told->price_ticks
               || self->levels[place].instrument != told->header.instrument
               || self->levels[place].side != told->side))
        place++;
    MUST((told->lots > 0) == (told->order_count > 0) && told->lots >= 0, "a level is half gone");
    if (told->lots == 0) {
        MUST(place < self->level_count, "a level left that never came");
        self->levels[place] = self->levels[--self->level_count];
        return;
    }
    MUST(place < LEVELS_MAX, "more levels than orders");
    self->levels[place] = (seen_level){told->price_ticks, told->lots, told->order_count,
                                       told->header.instrument, told->side};
    self->level_count += place == self->level_count;
}

/* A trade is followed by what its two sides say of it, the same price and lots. */
static inline void follow_trade(rules *self, const hft_message *answer)
{
    const hft_trade *trade = &self->trade;
    if (answer->header.kind == HFT_TRADE) {
        MUST(answer->trade.qty_lots > 0, "a trade of nothing");
        MUST(self->fills_due == 0, "a trade whose fills were not reported");
        self->trade = answer->trade;
        self->fills_due = (trade->maker_order_id != 0) + (trade->taker_order_id != 0);
    } else if (answer->header.kind == HFT_FILLED) {
        MUST(self->fills_due > 0, "a fill without a trade");
        MUST(answer->report.last_lots == trade->qty_lots
                 && answer->report.price_ticks == trade->price_ticks
                 && (answer->report.order_id == trade->maker_order_id
                     || answer->report.order_id == trade->taker_order_id),
             "a fill that is not its trade's");
        self->fills_due--;
    }
}

static inline void follow(void *context, const hft_message *answers, size_t count)
{
    rules *self = context;
    for (const hft_message *each = answers; each < answers + count; each++) {
        const uint8_t kind = each->header.kind;
        digest(self, each);
        MUST(each->header.origin_ts_ns == self->origin_ts_ns, "an answer of another command");
        follow_trade(self, each);
        if (kind >= HFT_ACCEPTED && kind <= HFT_RESTATED) {
            self->reports++;
            MUST(each->report.cause == self->cause, "a report of another command");
            follow_report(self, &each->report);
        } else if (kind == HFT_BOOK_LEVEL) {
            follow_level(self, &each->book_level);
        } else if (kind == HFT_BOOK_TOP) {
            MUST(each->header.instrument < INSTRUMENTS, "best prices of no instrument");
            self->tops[each->header.instrument] = each->book_top;
        }
    }
}

/* The engine's best levels are those that the market data told. */
static inline void compare_book(const rules *self, const hft_engine_api *api,
                                const hft_engine *engine, int with_levels)
{
    static int64_t prices[LEVELS_MAX], lots[LEVELS_MAX], orders[LEVELS_MAX];
    size_t levels = 0;
    for (uint32_t instrument = 0; instrument < INSTRUMENTS; instrument++)
        for (uint32_t side = HFT_BUY; side <= HFT_SELL; side++) {
            const hft_book_top *top = &self->tops[instrument];
            const uint32_t found = api->depth(engine, instrument, side, LEVELS_MAX, prices, lots,
                                              orders);
            const int64_t told = side == HFT_BUY ? top->bid_lots : top->ask_lots;
            const int64_t at = side == HFT_BUY ? top->bid_price_ticks : top->ask_price_ticks;
            MUST(told == (found ? lots[0] : 0) && (!found || at == prices[0]),
                 "BOOK_TOP is not the book");
            levels += found;
            for (uint32_t row = 0; with_levels && row < found; row++) {
                size_t place = 0;
                while (place < self->level_count
                       && !(self->levels[place].price_ticks == prices[row]
                            && self->levels[place].lots == lots[row]
                            && self->levels[place].order_count == orders[row]
                            && self->levels[place].instrument == instrument
                            && self->levels[place].side == side))
                    place++;
                MUST(place < self->level_count, "a level that no BOOK_LEVEL told");
            }
        }
    MUST(!with_levels || levels == self->level_count, "BOOK_LEVEL told of levels that are none");
}

#endif
