/* What the bytes of a fuzzer's input mean: an engine's shape, then commands.
 *
 * Byte 0 is the shape (enum below), byte 1 seeds where batches are cut. What follows are records of
 * RECORD_BYTES each, every byte a choice among few values, so that commands are about the same
 * orders, prices and accounts; or, with RAW set, messages of 64 bytes as they are. tests/fuzz/
 * seeds.py writes such inputs; whatever is changed here is changed there.
 */
#ifndef HFT_FUZZ_DECODE_H
#define HFT_FUZZ_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hft_messages.h"

enum {
    RAW = 1,
    MARKET_DATA_SHIFT = 1, /* two bits: LEVELS, ORDERS */
    CAPACITY_SHIFT = 3,    /* three bits: which of CAPACITIES */
    LISTED_SHIFT = 6,      /* two bits: how many instruments are listed from the start */
    HEAD_BYTES = 2,
    RECORD_BYTES = 12,
    INSTRUMENTS = 3,
    COMMANDS_MAX = 512, /* more than any input has */
};

static const uint32_t CAPACITIES[8] = {28, 1, 2, 3, 5, 8, 12, 100};

static const uint8_t KINDS[32] = {
    HFT_NEW_ORDER,      HFT_NEW_ORDER,       HFT_NEW_ORDER,         HFT_NEW_ORDER,
    HFT_NEW_ORDER,      HFT_NEW_ORDER,       HFT_NEW_ORDER,         HFT_NEW_ORDER,
    HFT_FLOW_ADD,       HFT_FLOW_ADD,        HFT_FLOW_CANCEL,       HFT_FLOW_DELETE,
    HFT_FLOW_EXECUTE,   HFT_FLOW_EXECUTE,    HFT_FLOW_HIDDEN,       HFT_FLOW_SEED,
    HFT_FLOW_FORGET,    HFT_FLOW_STATUS,     HFT_CANCEL_ORDER,      HFT_CANCEL_ORDER,
    HFT_REPLACE_ORDER,  HFT_REPLACE_ORDER,   HFT_REPLACE_ORDER,     HFT_MASS_CANCEL,
    HFT_LIST_INSTRUMENT, HFT_RETIRE_INSTRUMENT, HFT_SET_ACCOUNT,    HFT_SET_POSITION,
    HFT_DISCONNECT,     HFT_ADVANCE_TIME,    HFT_ORDER_OPTIONS,     0,
};

/* Far from the market, and where sums leave 64 bits. */
static const int64_t EXTREMES[16] = {
    INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, INT64_MAX - 20, -INT64_MAX + 1,
    INT64_C(1) << 62, -(INT64_C(1) << 62), 4096, -4096, 262143, INT64_C(1) << 30,
    -(INT64_C(1) << 30), INT64_C(1) << 60, 5000, 1000,
};

static inline int64_t near(uint8_t byte, int64_t middle)
{
    return byte < 240 ? middle + (int64_t)byte - 120 : EXTREMES[byte - 240];
}

static inline uint64_t decoded_id(uint8_t byte)
{
    if (byte < 96) /* own */
        return (UINT64_C(1) << HFT_SOURCE_SHIFT) + byte % 32;
    if (byte < 192) /* recorded; the first is the anonymous order */
        return byte % 32;
    return byte < 224 ? UINT64_MAX - byte % 8 : (UINT64_C(1) << HFT_SOURCE_SHIFT) - byte % 4;
}

static inline uint16_t decoded_account(uint8_t byte)
{
    return byte == 63 ? 65535 : byte & 3;
}

/* The options of an order, from the second half of its record. */
static inline void decode_options(const uint8_t *bytes, int64_t now_ns, hft_message *message)
{
    memset(message, 0, sizeof(*message));
    message->options.header.kind = HFT_ORDER_OPTIONS;
    if (bytes[8] < 128)
        message->options.trigger_ticks = 36 + bytes[8]; /* a price */
    else
        message->options.trigger_ticks = near(bytes[8] < 240 ? bytes[8] - 72 : bytes[8], 0);
    message->options.display_lots = bytes[9] & 15;
    message->options.min_lots = bytes[9] >> 4;
    if (bytes[10])
        message->options.expiry_ts_ns = bytes[10] < 240 ? now_ns + bytes[10] - 8
                                                        : EXTREMES[bytes[10] - 240];
    message->options.linked_order_id = bytes[11] ? decoded_id(bytes[11]) : 0;
}

static inline void decode_rules(const uint8_t *bytes, hft_message *message)
{
    message->rules.price_step_ticks = bytes[8] == 255 ? UINT32_MAX : bytes[8] & 3;
    message->rules.qty_step_lots = bytes[9] & 3;
    message->rules.price_min_ticks = near(bytes[2], 100);
    message->rules.price_max_ticks = near(bytes[10], 100);
    message->rules.qty_max_lots = near(bytes[3], 120);
}

/* One record: one message, or two with options. Returns how many. */
static inline size_t decode_record(const uint8_t *bytes, int64_t *now_ns, hft_message *messages)
{
    hft_command *command = &messages[0].command;
    const uint8_t kind = KINDS[bytes[0] & 31];
    memset(command, 0, sizeof(*command));
    command->header.kind = kind ? kind : bytes[8];
    /* Bytes 4 and 7: side, account, then instrument, time. */
    command->header.instrument = (bytes[7] & 7) == 7 ? 65535 : (bytes[7] & 3);
    command->header.origin_ts_ns = bytes[7];
    *now_ns += (bytes[7] >> 3) & 15;
    if (kind == HFT_LIST_INSTRUMENT) {
        messages[0].rules.event_ts_ns = *now_ns;
        decode_rules(bytes, &messages[0]);
        return 1;
    }
    if (kind == HFT_ORDER_OPTIONS) {
        decode_options(bytes, *now_ns, &messages[0]);
        return 1;
    }
    command->order_id = decoded_id(bytes[1]);
    command->price_ticks = near(bytes[2], 100);
    command->qty_lots = near(bytes[3], 120);
    command->event_ts_ns = bytes[7] & 128 ? *now_ns - 20 : *now_ns;
    if (bytes[7] == 255) /* the end of time, once */
        command->event_ts_ns = INT64_MAX - 40;
    command->side = bytes[4] & 3;
    command->account = decoded_account(bytes[4] >> 2);
    command->order_type = bytes[5] & 7;
    command->time_in_force = bytes[5] >> 3 & 7;
    command->flags = bytes[6];
    if (bytes[5] == 255)
        command->order_type = bytes[8];
    if ((kind != HFT_NEW_ORDER && kind != HFT_REPLACE_ORDER) || !(bytes[6] & HFT_HAS_OPTIONS)
        || bytes[6] == 255)
        return 1;
    decode_options(bytes, *now_ns, &messages[1]);
    return 2;
}

/* All messages of an input, numbered; how many. */
static inline size_t decode(const uint8_t *data, size_t size, hft_message *messages)
{
    size_t count = 0;
    int64_t now_ns = 1000;
    if (size < HEAD_BYTES)
        return 0;
    const uint8_t *end = data + size;
    const size_t step = data[0] & RAW ? sizeof(hft_message) : RECORD_BYTES;
    for (const uint8_t *at = data + HEAD_BYTES;
         (size_t)(end - at) >= step && count + 2 <= COMMANDS_MAX; at += step) {
        if (data[0] & RAW)
            memcpy(&messages[count++], at, step);
        else
            count += decode_record(at, &now_ns, &messages[count]);
    }
    for (size_t place = 0; place < count; place++)
        messages[place].header.sequence = place + 1;
    return count;
}

/* How many messages the command at one of `left` messages takes (docs/engine.md). */
static inline size_t slots_of(const hft_message *at, size_t left)
{
    const uint8_t kind = at->header.kind;
    return (kind == HFT_NEW_ORDER || kind == HFT_REPLACE_ORDER) && left > 1
                   && at->command.flags & HFT_HAS_OPTIONS && at[1].header.kind == HFT_ORDER_OPTIONS
               ? 2 : 1;
}

#endif
