/* What the ring is measured beside: two bare flags, and a ring of the usual kind.
 *
 * The flags are what the machine allows: a number in a cache line each way, and nothing else. The
 * other ring keeps a head and a tail, each on lines of its own, each side with a copy of the
 * other's, and publishes every message by storing its head (Lamport's queue with cached indices,
 * as in rigtorp's SPSCQueue). Each way lies in a segment of hft's, so that all have the same pages.
 *
 * A loop gives up when it has waited for PATIENCE_S: then the other process is dead.
 */
#include <string.h>
#include <time.h>

#include "bench.h"

#define SLOTS 65536 /* as the ring beside it */
#define PREPARED 64 /* messages with their number in order_id: an outbox, still in cache */
#define LOOK 0xFFFF /* polls between two looks at the clock */
#define PATIENCE_S 30
#define LINES_APART 128

/* One direction. */
typedef struct way {
    _Alignas(4096) uint64_t segment_header[8];
    _Alignas(4096) uint64_t flag;
    _Alignas(LINES_APART) uint64_t head;
    _Alignas(LINES_APART) uint64_t tail;
    _Alignas(4096) hft_message slots[SLOTS];
} way;

_Static_assert(sizeof(way) == 2 * 4096 + SLOTS * sizeof(hft_message), "bench/ring.py maps as much");

typedef struct patience {
    uint64_t polls;
    int64_t until_s;
} patience;

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static inline int is_over(patience *p)
{
    if (++p->polls & LOOK)
        return 0;
    if (p->until_s == 0)
        p->until_s = now_s() + PATIENCE_S;
    return now_s() > p->until_s;
}

static inline uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline int wait_for(const uint64_t *word, uint64_t value)
{
    patience p = {0};
    while (load(word) != value)
        if (is_over(&p))
            return 0;
    return 1;
}

/* Round trips from number `first` on, with the ticks of each; one look at the clock each. */
int flag_ping(way *there, way *back, uint64_t first, uint32_t *ticks, uint64_t count)
{
    uint64_t before = ticks_now();
    for (uint64_t done = 0; done < count; done++) {
        store(&there->flag, first + done + 1);
        if (!wait_for(&back->flag, first + done + 1))
            return 0;
        const uint64_t now = ticks_now();
        ticks[done] = (uint32_t)(now - before);
        before = now;
    }
    return 1;
}

int flag_pong(way *there, way *back, uint64_t first, uint64_t count)
{
    for (uint64_t done = 0; done < count; done++) {
        if (!wait_for(&there->flag, first + done + 1))
            return 0;
        store(&back->flag, first + done + 1);
    }
    return 1;
}

/* An end: its own index, and the other's as last seen. */
typedef struct end {
    way *of;
    uint64_t mine;
    uint64_t theirs;
} end;

static end producer(way *of)
{
    return (end){of, of->head, load(&of->tail)};
}

static end consumer(way *of)
{
    return (end){of, of->tail, of->tail};
}

static inline int wait_for_space(end *e, uint64_t wanted)
{
    patience p = {0};
    while (SLOTS - (e->mine - e->theirs) < wanted) {
        e->theirs = load(&e->of->tail);
        if (is_over(&p))
            return 0;
    }
    return 1;
}

static inline const hft_message *wait_for_message(end *e)
{
    patience p = {0};
    while (e->mine == e->theirs) {
        e->theirs = load(&e->of->head);
        if (is_over(&p))
            return NULL;
    }
    return &e->of->slots[e->mine & (SLOTS - 1)];
}

static inline void put(end *e, const hft_message *message)
{
    memcpy(&e->of->slots[e->mine & (SLOTS - 1)], message, sizeof(*message));
    e->mine++;
}

int queue_publish(way *target, uint64_t count, uint64_t batch)
{
    hft_message prepared[PREPARED];
    end e = producer(target);
    memset(prepared, 0, sizeof(prepared));
    for (uint64_t i = 0; i < PREPARED; i++)
        prepared[i].command.order_id = i;
    for (uint64_t done = 0; done < count;) {
        const uint64_t until = done + batch < count ? done + batch : count;
        if (!wait_for_space(&e, batch))
            return 0;
        for (; done < until; done++)
            put(&e, &prepared[done & (PREPARED - 1)]);
        store(&target->head, e.mine);
    }
    return 1;
}

/* Take `count` messages of `queue_publish`, each checked, and give them back one by one or a batch
 * at a time: the ticks from the first to the last; 0 if something was wrong. */
uint64_t queue_consume(way *source, uint64_t count, uint64_t batch)
{
    end e = consumer(source);
    uint64_t wrong = 0, started = 0;
    for (uint64_t done = 0; done < count; done++) {
        const hft_message *message = wait_for_message(&e);
        if (message == NULL)
            return 0;
        if (done == 0)
            started = ticks_now();
        wrong += message->command.order_id != (done & (PREPARED - 1));
        e.mine++;
        if (batch == 1 || e.mine == e.theirs)
            store(&source->tail, e.mine);
    }
    return wrong ? 0 : ticks_now() - started;
}

int queue_ping(way *there, way *back, uint32_t *ticks, uint64_t count)
{
    end out = producer(there), in = consumer(back);
    hft_message message;
    memset(&message, 0, sizeof(message));
    uint64_t before = ticks_now();
    for (uint64_t done = 0; done < count; done++) {
        message.command.order_id = done;
        if (!wait_for_space(&out, 1))
            return 0;
        put(&out, &message);
        store(&there->head, out.mine);
        const hft_message *answer = wait_for_message(&in);
        if (answer == NULL || answer->command.order_id != done)
            return 0;
        store(&back->tail, ++in.mine);
        const uint64_t now = ticks_now();
        ticks[done] = (uint32_t)(now - before);
        before = now;
    }
    return 1;
}

int queue_pong(way *there, way *back, uint64_t count)
{
    end in = consumer(there), out = producer(back);
    for (uint64_t done = 0; done < count; done++) {
        const hft_message *message = wait_for_message(&in);
        if (message == NULL || !wait_for_space(&out, 1))
            return 0;
        put(&out, message);
        store(&back->head, out.mine);
        store(&there->tail, ++in.mine);
    }
    return 1;
}
