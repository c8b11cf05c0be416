/* The floor: as little as a matching engine can do on this machine, to measure a real one against.
 *
 * Limit, cancel and replace on one instrument; numbers without gaps instead of ids; prices within
 * a fixed band; nothing is checked. But the same kind of data (32-byte orders in a pool with 32-bit
 * links, free slots reused last in first out, a bitmap over the levels for the next best price)
 * and the same answers, one 64-byte message for each event.
 *
 * Below the best bid all levels are bids, above the best ask all are asks: one array of levels and
 * one bitmap serve both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define TICKS 65536u
#define ANSWERS (BATCH * 301u) /* an order of at most 100 lots has that many */

typedef struct floor_order {
    uint64_t number;
    int64_t lots;
    uint32_t prev, next;
    uint32_t tick;
    uint32_t side; /* hft_side */
} floor_order;

typedef struct floor_level {
    int64_t lots;
    uint32_t head, tail;
} floor_level;

struct floor_book {
    floor_order *orders; /* slot 0 is nil */
    uint32_t *slots;     /* by number */
    floor_level *levels; /* by tick */
    hft_message *answers;
    uint32_t answered;
    uint32_t free, fresh;
    uint32_t best_bid; /* 0: none */
    uint32_t best_ask; /* TICKS - 1: none */
    uint64_t count;
    uint64_t words[TICKS / 64]; /* occupied levels */
    uint64_t groups[TICKS / 64 / 64];
};

static inline uint32_t next_above(const floor_book *book, uint32_t tick)
{
    uint32_t word = tick >> 6;
    uint64_t bits = book->words[word] & (~0ull << (tick & 63));
    if (bits)
        return (word << 6) | (uint32_t)__builtin_ctzll(bits);
    uint32_t group = (word + 1) >> 6;
    bits = group < TICKS / 4096 ? book->groups[group] & (~0ull << ((word + 1) & 63)) : 0;
    while (!bits) {
        if (++group >= TICKS / 4096)
            return TICKS - 1;
        bits = book->groups[group];
    }
    word = (group << 6) | (uint32_t)__builtin_ctzll(bits);
    return (word << 6) | (uint32_t)__builtin_ctzll(book->words[word]);
}

static inline uint32_t next_below(const floor_book *book, uint32_t tick)
{
    uint32_t word = tick >> 6;
    uint64_t bits = book->words[word] & (~0ull >> (63 - (tick & 63)));
    if (bits)
        return (word << 6) | (63 - (uint32_t)__builtin_clzll(bits));
    if (word == 0)
        return 0;
    uint32_t group = (word - 1) >> 6;
    bits = book->groups[group] & (~0ull >> (63 - ((word - 1) & 63)));
    while (!bits) {
        if (group-- == 0)
            return 0;
        bits = book->groups[group];
    }
    word = (group << 6) | (63 - (uint32_t)__builtin_clzll(bits));
    return (word << 6) | (63 - (uint32_t)__builtin_clzll(book->words[word]));
}

static inline void answer(floor_book *book, const hft_command *command, uint8_t kind,
                          uint64_t number, int64_t price_ticks, int64_t last, int64_t leaves,
                          uint32_t side)
{
    hft_report *report = &book->answers[book->answered++].report;
    report->header = command->header;
    report->header.kind = kind;
    report->order_id = number;
    report->price_ticks = price_ticks;
    report->last_lots = last;
    report->leaves_lots = leaves;
    report->cause = (uint32_t)command->header.sequence;
    report->account = command->account;
    report->reason = HFT_NONE;
    report->side = (uint8_t)side;
}

static inline void level_emptied(floor_book *book, uint32_t tick)
{
    book->words[tick >> 6] &= ~(1ull << (tick & 63));
    if (!book->words[tick >> 6])
        book->groups[tick >> 12] &= ~(1ull << ((tick >> 6) & 63));
    if (tick == book->best_bid)
        book->best_bid = next_below(book, tick);
    else if (tick == book->best_ask)
        book->best_ask = next_above(book, tick);
}

static inline void unlink_order(floor_book *book, const floor_order *order)
{
    floor_level *level = &book->levels[order->tick];
    if (order->prev)
        book->orders[order->prev].next = order->next;
    else
        level->head = order->next;
    if (order->next)
        book->orders[order->next].prev = order->prev;
    else
        level->tail = order->prev;
    level->lots -= order->lots;
    if (!level->head)
        level_emptied(book, order->tick);
}

static inline void link_order(floor_book *book, uint32_t slot, uint32_t tick, int64_t lots)
{
    floor_order *order = &book->orders[slot];
    floor_level *level = &book->levels[tick];
    order->tick = tick;
    order->lots = lots;
    order->next = 0;
    order->prev = level->tail;
    level->lots += lots;
    if (level->tail) {
        book->orders[level->tail].next = slot;
    } else {
        level->head = slot;
        book->words[tick >> 6] |= 1ull << (tick & 63);
        book->groups[tick >> 12] |= 1ull << ((tick >> 6) & 63);
        if (order->side == HFT_BUY) {
            if (tick > book->best_bid)
                book->best_bid = tick;
        } else if (tick < book->best_ask) {
            book->best_ask = tick;
        }
    }
    level->tail = slot;
}

static inline void give_slot(floor_book *book, uint32_t slot)
{
    book->orders[slot].next = book->free;
    book->free = slot;
    book->count--;
}

/* Trade with the front of a level; what the taker still wants. */
static int64_t fill(floor_book *book, const hft_command *taker, uint32_t tick, int64_t wanted)
{
    const uint32_t slot = book->levels[tick].head;
    floor_order *maker = &book->orders[slot];
    const int64_t lots = maker->lots < wanted ? maker->lots : wanted;
    hft_trade *trade = &book->answers[book->answered++].trade;
    trade->header = taker->header;
    trade->header.kind = HFT_TRADE;
    trade->maker_order_id = maker->number;
    trade->taker_order_id = (uint64_t)taker->event_ts_ns;
    trade->price_ticks = tick;
    trade->qty_lots = lots;
    trade->cause = (uint32_t)taker->header.sequence;
    trade->side = taker->side;
    trade->hidden = 0;
    trade->reserved = 0;
    answer(book, taker, HFT_FILLED, maker->number, tick, lots, maker->lots - lots, maker->side);
    answer(book, taker, HFT_FILLED, (uint64_t)taker->event_ts_ns, tick, lots, wanted - lots,
           taker->side);
    if (lots == maker->lots) {
        unlink_order(book, maker);
        give_slot(book, slot);
    } else {
        maker->lots -= lots;
        book->levels[tick].lots -= lots;
    }
    return wanted - lots;
}

static inline void new_order(floor_book *book, const hft_command *command)
{
    const uint32_t tick = (uint32_t)command->price_ticks;
    int64_t left = command->qty_lots;
    answer(book, command, HFT_ACCEPTED, (uint64_t)command->event_ts_ns, tick, 0, left,
           command->side);
    if (command->side == HFT_BUY) {
        while (left && book->best_ask <= tick)
            left = fill(book, command, book->best_ask, left);
    } else {
        while (left && book->best_bid >= tick)
            left = fill(book, command, book->best_bid, left);
    }
    if (!left)
        return;
    uint32_t slot = book->free;
    if (slot)
        book->free = book->orders[slot].next;
    else
        slot = book->fresh++;
    book->count++;
    book->slots[command->event_ts_ns] = slot;
    book->orders[slot].number = (uint64_t)command->event_ts_ns;
    book->orders[slot].side = command->side;
    link_order(book, slot, tick, left);
}

void floor_apply(floor_book *book, const hft_message *commands, size_t count, hft_on_answers on,
                 void *context)
{
    book->answered = 0;
    for (size_t i = 0; i < count; i++) {
        const hft_command *command = &commands[i].command;
        if (command->header.kind == HFT_NEW_ORDER) {
            new_order(book, command);
            continue;
        }
        const uint32_t slot = book->slots[command->event_ts_ns];
        floor_order *order = &book->orders[slot];
        unlink_order(book, order);
        if (command->header.kind == HFT_CANCEL_ORDER) {
            answer(book, command, HFT_CANCELLED, order->number, order->tick, order->lots, 0,
                   order->side);
            give_slot(book, slot);
        } else {
            answer(book, command, HFT_REPLACED, order->number, command->price_ticks, 0,
                   command->qty_lots, order->side);
            link_order(book, slot, (uint32_t)command->price_ticks, command->qty_lots);
        }
    }
    on(context, book->answers, book->answered);
}

/* With room for `orders` at a time, of numbers up to `numbers`; all memory touched. */
floor_book *floor_create(uint32_t orders, uint32_t numbers)
{
    floor_book *book = calloc(1, sizeof(*book));
    if (book == NULL)
        return NULL;
    book->orders = malloc((orders + 1ull) * sizeof(floor_order));
    book->slots = malloc((numbers + 1ull) * sizeof(uint32_t));
    book->levels = malloc(TICKS * sizeof(floor_level));
    book->answers = malloc(ANSWERS * sizeof(hft_message));
    if (!book->orders || !book->slots || !book->levels || !book->answers) {
        floor_destroy(book);
        return NULL;
    }
    memset(book->orders, 0, (orders + 1ull) * sizeof(floor_order));
    memset(book->slots, 0, (numbers + 1ull) * sizeof(uint32_t));
    memset(book->levels, 0, TICKS * sizeof(floor_level));
    memset(book->answers, 0, ANSWERS * sizeof(hft_message));
    book->fresh = 1;
    book->best_ask = TICKS - 1;
    return book;
}

void floor_destroy(floor_book *book)
{
    if (book == NULL)
        return;
    free(book->orders);
    free(book->slots);
    free(book->levels);
    free(book->answers);
    free(book);
}

uint64_t floor_order_count(const floor_book *book)
{
    return book->count;
}
