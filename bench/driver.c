/* Runs flows through the engine and the floor, beside each other, and takes the times.
 *
 * bench/engine.py loads it, hands over the engine's function table, and does the arithmetic. Times
 * are ticks of the processor's counter; `calibrate` says how long one is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SEGMENT (1024 * BATCH) /* commands after which engine and floor change */
#define LOOKS 512  /* at the clock, of which the median counts */
#define SERIES 200 /* of these, of which the least counts: the others were disturbed */

/* What is timed: the engine, or without a table the floor. */
typedef struct subject {
    const hft_engine_api *api;
    hft_engine *engine;
    floor_book *floor;
} subject;

typedef struct sizes {
    uint32_t instruments;
    uint32_t orders;  /* capacity */
    uint32_t numbers; /* the highest number of an order */
    uint32_t setup;   /* the first commands, not timed */
    uint64_t count;   /* of commands, with those */
} sizes;

static int subject_open(subject *s, const hft_engine_api *api, const sizes *of)
{
    *s = (subject){.api = api};
    if (api == NULL)
        return (s->floor = floor_create(of->orders, of->numbers)) != NULL;
    s->engine = api->create(of->instruments, of->orders, of->instruments, 0);
    if (s->engine == NULL)
        return 0;
    api->prefault(s->engine);
    return 1;
}

static void subject_close(subject *s)
{
    if (s->engine)
        s->api->destroy(s->engine);
    floor_destroy(s->floor);
}

/* Somebody who takes the answers, and as little time as can be. */
static void take(void *context, const hft_message *answers, size_t count)
{
    (void)answers;
    *(uint64_t *)context += count;
}

static inline void subject_apply(subject *s, const hft_message *commands, size_t count,
                                 hft_on_answers on, void *context)
{
    if (s->api)
        s->api->apply(s->engine, commands, count, on, context);
    else
        floor_apply(s->floor, commands, count, on, context);
}

static void run(subject *s, const hft_message *commands, uint64_t count, hft_on_answers on,
                void *context)
{
    for (uint64_t done = 0; done < count; done += BATCH)
        subject_apply(s, commands + done, count - done < BATCH ? count - done : BATCH, on, context);
}

/* For the counter of instructions: everything inside, nothing else, is counted. */
__attribute__((noinline)) void count_engine(subject *s, const hft_message *commands, uint64_t count)
{
    uint64_t answered = 0;
    run(s, commands, count, take, &answered);
}

__attribute__((noinline)) void count_floor(subject *s, const hft_message *commands, uint64_t count)
{
    uint64_t answered = 0;
    run(s, commands, count, take, &answered);
}

int count(const hft_engine_api *api, const hft_message *commands, const sizes *of)
{
    uint64_t answered = 0;
    subject s;
    const int made = subject_open(&s, api, of);
    if (made) {
        run(&s, commands, of->setup, take, &answered);
        if (api)
            count_engine(&s, commands + of->setup, of->count - of->setup);
        else
            count_floor(&s, commands + of->setup, of->count - of->setup);
    }
    subject_close(&s);
    return made;
}

typedef struct judge {
    outcome *found;
    int dense; /* makers are numbers, not ids */
} judge;

static void collect(void *context, const hft_message *answers, size_t count)
{
    judge *j = context;
    for (size_t i = 0; i < count; i++) {
        const hft_trade *trade = &answers[i].trade;
        j->found->rejected += trade->header.kind == HFT_REJECTED;
        if (trade->header.kind == HFT_TRADE)
            note_fill(j->found,
                      j->dense ? sparse_id(trade->maker_order_id) : trade->maker_order_id,
                      trade->price_ticks, trade->qty_lots);
    }
}

/* What the engine, or the floor, makes of a flow. */
int validate(const hft_engine_api *api, const hft_message *commands, const sizes *of,
             outcome *found)
{
    judge j = {found, api == NULL};
    subject s;
    const int made = subject_open(&s, api, of);
    memset(found, 0, sizeof(*found));
    if (made) {
        run(&s, commands, of->count, collect, &j);
        found->left = api ? api->order_count(s.engine) : floor_order_count(s.floor);
    }
    subject_close(&s);
    return made;
}

/* One round: the flow through each of `many` subjects, by turns of a segment, in an order that
 * `round` changes. `ticks` gets the time that each took for what comes after the setup. */
int race(const hft_engine_api **apis, uint32_t many, const hft_message *commands, const sizes *of,
         uint32_t round, uint64_t *ticks)
{
    subject subjects[8];
    uint64_t answered = 0;
    int made = many <= 8;
    memset(subjects, 0, sizeof(subjects));
    for (uint32_t i = 0; made && i < many; i++) {
        ticks[i] = 0;
        made = subject_open(&subjects[i], apis[i], of);
        if (made)
            run(&subjects[i], commands, of->setup, take, &answered);
    }
    for (uint64_t done = of->setup; made && done < of->count; done += SEGMENT) {
        const uint64_t part = of->count - done < SEGMENT ? of->count - done : SEGMENT;
        for (uint32_t i = 0; i < many; i++) {
            const uint32_t turn = (i + round) % many;
            const uint64_t before = ticks_now();
            run(&subjects[turn], commands + done, part, take, &answered);
            ticks[turn] += ticks_now() - before;
        }
        round++;
    }
    for (uint32_t i = 0; i < many && i < 8; i++)
        subject_close(&subjects[i]);
    return made;
}

/* The ticks of each operation after the setup, one command a call; waited for until it is done, or
 * as it comes. */
int latencies(const hft_engine_api *api, const hft_message *commands, const sizes *of, int waited,
              uint32_t *ticks)
{
    uint64_t answered = 0;
    subject s;
    const int made = subject_open(&s, api, of);
    if (made) {
        run(&s, commands, of->setup, take, &answered);
        for (uint64_t i = of->setup; i < of->count; i++) {
            const uint64_t before = waited ? ticks_when_done() : ticks_now();
            subject_apply(&s, commands + i, 1, take, &answered);
            *ticks++ = (uint32_t)((waited ? ticks_when_done() : ticks_now()) - before);
        }
    }
    subject_close(&s);
    return made;
}

/* Bytes that the engine's pools have in memory before and after the flow; what rests in the end. */
int memory(const hft_engine_api *api, const hft_message *commands, const sizes *of,
           uint64_t *bytes, uint64_t *left)
{
    uint64_t answered = 0;
    hft_engine *engine = api->create(of->instruments, of->orders, of->instruments, 0);
    if (engine == NULL)
        return 0;
    bytes[0] = api->resident_bytes(engine);
    for (uint64_t done = 0; done < of->count; done += BATCH)
        api->apply(engine, commands + done, of->count - done < BATCH ? of->count - done : BATCH,
                   take, &answered);
    bytes[1] = api->resident_bytes(engine);
    *left = api->order_count(engine);
    api->destroy(engine);
    return 1;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Ticks between two looks at the clock with nothing between them. */
static uint32_t overhead(int waited)
{
    uint32_t looks[LOOKS], least = UINT32_MAX;
    for (int series = 0; series < SERIES; series++) {
        for (int i = 0; i < LOOKS; i++) {
            const uint64_t before = waited ? ticks_when_done() : ticks_now();
            looks[i] = (uint32_t)((waited ? ticks_when_done() : ticks_now()) - before);
        }
        qsort(looks, LOOKS, sizeof(looks[0]), by_value);
        if (looks[LOOKS / 2] < least)
            least = looks[LOOKS / 2];
    }
    return least;
}

/* Nanoseconds of a tick, over a twentieth of a second; and what a pair of looks costs, as it comes
 * and waited for. */
void calibrate(double *ns_per_tick, uint32_t *overhead_ticks)
{
    const double started_ns = now_ns();
    const uint64_t started = ticks_now();
    while (now_ns() - started_ns < 5e7)
        ;
    *ns_per_tick = (now_ns() - started_ns) / (double)(ticks_now() - started);
    overhead_ticks[0] = overhead(0);
    overhead_ticks[1] = overhead(1);
}
