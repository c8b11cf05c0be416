/* The flow "mix A" and its variants, made from a seed, with the oracle of what must come out.
 *
 * Every instrument's fair value starts at FAIR ticks and takes a step of one tick, up or down, in
 * one operation of 2,000. First `live` adds, then operations:
 *
 * - 5 %: replace a random live order: price moved by 1-3 ticks (not crossing), new quantity 1-100;
 * - 5 %: aggressive limit order 3 ticks through the opposite best, quantity 1-100; the rest stays;
 * - 90 %: add or cancel, such that about `live` orders rest. An add is at fair value -+ (1 +
 *   exponential with mean 20 ticks, at most 100), not crossing, quantity 1-100; a cancel takes a
 *   random live order, the worst case for caches, or with `recent` one of the newest.
 *
 * The book of the oracle is as plain as can be, and shares no thought with an engine's: per price
 * a list, from one price to the next by looking at every one between.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define FAIR 32768
#define NEWEST 64
#define LOTS_MAX 100

typedef struct flow_settings {
    uint64_t seed;
    uint64_t operations; /* after the adds */
    uint32_t live;
    uint32_t instruments;
    uint32_t window; /* prices around FAIR that can occur */
    uint32_t recent;
} flow_settings;

typedef struct resting {
    uint32_t before, behind; /* in the list of its price */
    uint32_t place;          /* in `ids` */
    int32_t price;
    int32_t lots;
    uint16_t instrument;
    uint16_t is_ask;
} resting;

typedef struct list {
    uint32_t first, last;
} list;

typedef struct market {
    int32_t fair;
    int32_t best[2]; /* of bids, of asks; of an empty side the window's end */
    uint32_t orders[2];
    list *lists[2]; /* by price less `low` */
} market;

typedef struct maker {
    const flow_settings *settings;
    uint64_t random[2];
    int32_t low, high;
    market *markets;
    resting *orders; /* by number */
    uint32_t *ids;
    uint32_t id_count, numbers;
    flow_op *ops;
    uint64_t op_count;
    outcome *found;
} maker;

/* xorshift128+, which no engine has anything to do with. */
static uint64_t draw(maker *m)
{
    uint64_t a = m->random[0];
    const uint64_t b = m->random[1];
    m->random[0] = b;
    a ^= a << 23;
    m->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return m->random[1] + b;
}

static double draw_unit(maker *m)
{
    return (double)(draw(m) >> 11) * 0x1p-53;
}

static uint32_t draw_below(maker *m, uint32_t end)
{
    return (uint32_t)(((draw(m) >> 32) * end) >> 32);
}

static void note(maker *m, uint8_t kind, uint32_t number, uint32_t instrument, uint8_t side,
                 int32_t price, int32_t lots)
{
    m->ops[m->op_count++] = (flow_op){.price_ticks = price, .number = number,
                                      .lots = (uint16_t)lots, .instrument = (uint16_t)instrument,
                                      .kind = kind, .side = side};
}

static list *list_of(maker *m, const resting *order)
{
    return &m->markets[order->instrument].lists[order->is_ask][order->price - m->low];
}

/* Whether the window has the price. */
static int rest(maker *m, uint32_t number, uint32_t instrument, int is_ask, int32_t price,
                int32_t lots)
{
    market *on = &m->markets[instrument];
    resting *order = &m->orders[number];
    if (price <= m->low || price >= m->high)
        return 0;
    *order = (resting){.price = price, .lots = lots, .instrument = (uint16_t)instrument,
                       .is_ask = (uint16_t)is_ask, .place = m->id_count};
    list *queue = list_of(m, order);
    order->before = queue->last;
    if (queue->last)
        m->orders[queue->last].behind = number;
    else
        queue->first = number;
    queue->last = number;
    if (is_ask ? price < on->best[1] : price > on->best[0])
        on->best[is_ask] = price;
    on->orders[is_ask]++;
    m->ids[m->id_count++] = number;
    return 1;
}

static void leave(maker *m, uint32_t number)
{
    const resting order = m->orders[number];
    market *on = &m->markets[order.instrument];
    list *queue = list_of(m, &order);
    if (order.before)
        m->orders[order.before].behind = order.behind;
    else
        queue->first = order.behind;
    if (order.behind)
        m->orders[order.behind].before = order.before;
    else
        queue->last = order.before;
    on->orders[order.is_ask]--;
    const int32_t end = order.is_ask ? m->high : m->low;
    int32_t *best = &on->best[order.is_ask];
    while (*best != end && !on->lists[order.is_ask][*best - m->low].first)
        *best += order.is_ask ? 1 : -1;
    /* The last id takes the place of the one that goes. */
    const uint32_t last = m->ids[--m->id_count];
    m->ids[order.place] = last;
    m->orders[last].place = order.place;
}

static int32_t draw_lots(maker *m)
{
    return 1 + (int32_t)draw_below(m, LOTS_MAX);
}

static int add(maker *m, uint32_t instrument)
{
    const market *on = &m->markets[instrument];
    const double far = 1 + floor(-20.0 * log(1.0 - draw_unit(m)));
    const int32_t away = far < 100 ? (int32_t)far : 100;
    const int is_ask = (int)draw_below(m, 2);
    int32_t price = is_ask ? on->fair + away : on->fair - away;
    if (is_ask && price <= on->best[0])
        price = on->best[0] + 1;
    if (!is_ask && price >= on->best[1])
        price = on->best[1] - 1;
    const int32_t lots = draw_lots(m);
    note(m, HFT_NEW_ORDER, ++m->numbers, instrument, is_ask ? HFT_SELL : HFT_BUY, price, lots);
    return rest(m, m->numbers, instrument, is_ask, price, lots);
}

static int replace(maker *m)
{
    const uint32_t number = m->ids[draw_below(m, m->id_count)];
    const resting order = m->orders[number];
    const market *on = &m->markets[order.instrument];
    const int32_t step = 1 + (int32_t)draw_below(m, 3);
    int32_t price = order.price + (draw_below(m, 2) ? step : -step);
    if (order.is_ask && price <= on->best[0])
        price = order.price + 1;
    if (!order.is_ask && price >= on->best[1])
        price = order.price - 1;
    const int32_t lots = draw_lots(m);
    note(m, HFT_REPLACE_ORDER, number, order.instrument, 0, price, lots);
    leave(m, number);
    return rest(m, number, order.instrument, order.is_ask, price, lots);
}

static int cross(maker *m, uint32_t instrument)
{
    market *on = &m->markets[instrument];
    const int is_ask = (int)draw_below(m, 2);
    const int32_t price = is_ask ? on->best[0] - 3 : on->best[1] + 3;
    int32_t lots = draw_lots(m);
    note(m, HFT_NEW_ORDER, ++m->numbers, instrument, is_ask ? HFT_SELL : HFT_BUY, price, lots);
    while (lots && on->orders[!is_ask]
           && (is_ask ? on->best[0] >= price : on->best[1] <= price)) {
        const int32_t at = on->best[!is_ask];
        const uint32_t number = on->lists[!is_ask][at - m->low].first;
        resting *order = &m->orders[number];
        const int32_t traded = lots < order->lots ? lots : order->lots;
        note_fill(m->found, sparse_id(number), at, traded);
        lots -= traded;
        order->lots -= traded;
        if (!order->lots)
            leave(m, number);
    }
    return !lots || rest(m, m->numbers, instrument, is_ask, price, lots);
}

static int step(maker *m)
{
    const uint32_t instrument = draw_below(m, m->settings->instruments);
    market *on = &m->markets[instrument];
    const double what = draw_unit(m);
    if (draw_below(m, 2000) == 0)
        on->fair += draw_below(m, 2) ? 1 : -1;
    if (what < 0.05 && m->id_count)
        return replace(m);
    if (what >= 0.05 && what < 0.1 && on->orders[0] && on->orders[1])
        return cross(m, instrument);
    double lean = ((double)m->settings->live - (double)m->id_count) / 500;
    lean = lean < -1 ? -1 : lean > 1 ? 1 : lean;
    if (!m->id_count || draw_unit(m) < 0.5 + 0.5 * lean)
        return add(m, instrument);
    const uint32_t newest = m->settings->recent && m->id_count > NEWEST ? m->id_count - NEWEST : 0;
    const uint32_t number = m->ids[newest + draw_below(m, m->id_count - newest)];
    note(m, HFT_CANCEL_ORDER, number, m->orders[number].instrument, 0, 0, 0);
    leave(m, number);
    return 1;
}

/* Fill `ops` with settings->live + settings->operations of them; 0, or -1 without memory, -2 if
 * prices left the window. */
int flow_generate(const flow_settings *settings, flow_op *ops, outcome *found)
{
    const uint64_t all = settings->live + settings->operations;
    maker m = {.settings = settings, .ops = ops, .found = found};
    m.random[0] = settings->seed * 0x9E3779B97F4A7C15ull + 1;
    m.random[1] = ~settings->seed;
    m.low = FAIR - (int32_t)settings->window / 2;
    m.high = FAIR + (int32_t)settings->window / 2;
    memset(found, 0, sizeof(*found));
    const size_t lists = (size_t)settings->window + 1;
    list *memory = calloc(2 * settings->instruments * lists, sizeof(list));
    m.markets = calloc(settings->instruments, sizeof(market));
    m.orders = malloc((all + 1) * sizeof(resting));
    m.ids = malloc((all + 1) * sizeof(uint32_t));
    int status = memory && m.markets && m.orders && m.ids ? 0 : -1;
    for (uint32_t i = 0; !status && i < settings->instruments; i++)
        m.markets[i] = (market){.fair = FAIR, .best = {m.low, m.high},
                                .lists = {memory + 2 * i * lists, memory + (2 * i + 1) * lists}};
    for (int i = 0; i < 64; i++)
        draw(&m);
    for (uint64_t i = 0; !status && i < all; i++) {
        const uint32_t turn = (uint32_t)(i % settings->instruments);
        status = (i < settings->live ? add(&m, turn) : step(&m)) ? 0 : -2;
    }
    found->left = m.id_count;
    free(memory);
    free(m.markets);
    free(m.orders);
    free(m.ids);
    return status;
}

/* The commands of operations, numbered from 1. */
void flow_commands(const flow_op *ops, size_t count, hft_message *commands)
{
    memset(commands, 0, count * sizeof(hft_message));
    for (size_t i = 0; i < count; i++) {
        hft_command *command = &commands[i].command;
        command->header.sequence = i + 1;
        command->header.instrument = ops[i].instrument;
        command->header.kind = ops[i].kind;
        command->header.source = HFT_SOURCE_STRATEGY;
        command->order_id = sparse_id(ops[i].number);
        command->price_ticks = ops[i].price_ticks;
        command->qty_lots = ops[i].lots;
        command->side = ops[i].side;
        command->event_ts_ns = ops[i].number; /* the floor's id */
    }
}
