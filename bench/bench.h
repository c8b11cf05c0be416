/* What the C files of the benchmarks share. They use hft's public headers and nothing else of it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "hft_engine.h"
#include "ticks.h"

#define BATCH 256 /* commands of one call where throughput is measured */

/* One operation of a flow, as it is generated and cached. */
typedef struct flow_op {
    int32_t price_ticks;
    uint32_t number; /* of the order, from 1, without gaps */
    uint16_t lots;
    uint16_t instrument;
    uint8_t kind; /* hft_kind */
    uint8_t side; /* hft_side of a new order */
    uint16_t reserved;
} flow_op;

/* What has to come out of a flow. */
typedef struct outcome {
    uint64_t fills;
    uint64_t lots;
    uint64_t hash; /* over every fill in order: maker, price, quantity */
    uint64_t left; /* orders that rest in the end */
    uint64_t rejected;
} outcome;

/* The id under which the engine knows an order: one to one, without any order of its own, so that
 * nothing is won by ids being dense. The top byte is the source. */
static inline uint64_t sparse_id(uint64_t number)
{
    const uint64_t mask = (1ull << HFT_SOURCE_SHIFT) - 1;
    number = (number * 0xD6E8FEB86659FD93ull) & mask;
    number = ((number ^ (number >> 29)) * 0xCA5A826395121157ull) & mask;
    return (number ^ (number >> 31)) | ((uint64_t)HFT_SOURCE_STRATEGY << HFT_SOURCE_SHIFT);
}

static inline uint64_t mixed(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    return hash ^ (hash >> 32);
}

static inline void note_fill(outcome *found, uint64_t maker, int64_t price_ticks, int64_t lots)
{
    found->fills++;
    found->lots += (uint64_t)lots;
    found->hash = mixed(mixed(mixed(found->hash, maker), (uint64_t)price_ticks), (uint64_t)lots);
}

/* The floor. A command carries the dense number of its order in `event_ts_ns`. */
typedef struct floor_book floor_book;

floor_book *floor_create(uint32_t orders, uint32_t numbers);
void floor_destroy(floor_book *book);
void floor_apply(floor_book *book, const hft_message *commands, size_t count, hft_on_answers on,
                 void *context);
uint64_t floor_order_count(const floor_book *book);

#endif
