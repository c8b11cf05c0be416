/* libFuzzer's entrance to the engine: bytes become commands, and what must hold is checked.
 *
 * Two fresh engines get the same commands, one singly, the other in batches that are cut at random
 * places; answers and state must be the same. What must hold of the answers is in rules.h; the
 * engine of this build checks its own invariants after every command. `make fuzz` builds and runs
 * it. With HFT_FUZZ_RAW=folder every input is also written there as a raw one, for Python to read.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "hft_engine.h"
#include "rules.h"

static const hft_engine_api *api;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    Py_InitializeEx(0);
    api = hft_engine_import();
    if (api == NULL) {
        PyErr_Print();
        exit(2);
    }
    return 0;
}

/* Keep an input as a raw one, under a name made of its commands. */
static void write_raw(const char *folder, const uint8_t *data, const hft_message *messages,
                      size_t count)
{
    static rules names;
    char path[4096];
    const uint8_t head[HEAD_BYTES] = {data[0] | RAW, data[1]};
    names.digest = data[0];
    for (size_t place = 0; place < count; place++)
        digest(&names, &messages[place]);
    snprintf(path, sizeof(path), "%s/%016llx", folder, (unsigned long long)names.digest);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(head, 1, sizeof(head), file) != sizeof(head)
        || fwrite(messages, sizeof(hft_message), count, file) != count || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static void apply_singly(hft_engine *engine, const hft_message *messages, size_t count,
                         rules *seen)
{
    for (size_t at = 0; at < count;) {
        const size_t slots = slots_of(&messages[at], count - at);
        seen->reports = 0;
        seen->cause = (uint32_t)messages[at].header.sequence;
        seen->origin_ts_ns = messages[at].header.origin_ts_ns;
        MUST(api->apply(engine, &messages[at], slots, follow, seen) == slots, "messages left");
        MUST(seen->reports > 0, "a command without a report");
        MUST(seen->fills_due == 0, "a trade whose fills were not reported");
        at += slots;
    }
}

static void only_digest(void *context, const hft_message *answers, size_t count)
{
    for (size_t place = 0; place < count; place++)
        digest(context, &answers[place]);
}

static void apply_in_batches(hft_engine *engine, const hft_message *messages, size_t count,
                             uint32_t random, rules *seen)
{
    for (size_t at = 0; at < count;) {
        size_t batch = 0;
        random = random * 1664525u + 1013904223u;
        const size_t wanted = 1 + (random >> 24) % 16;
        while (batch < wanted && at + batch < count) /* no cut before an order's options */
            batch += slots_of(&messages[at + batch], count - at - batch);
        MUST(api->apply(engine, &messages[at], batch, only_digest, seen) == batch, "messages left");
        at += batch;
    }
}

/* Everything can leave, and then every lot was reported. */
static void cancel_all(hft_engine *engine, rules *seen)
{
    hft_message all = {{0}};
    all.command.header.kind = HFT_MASS_CANCEL;
    all.command.event_ts_ns = INT64_MIN;
    all.command.flags = HFT_ALL_ACCOUNTS;
    apply_singly(engine, &all, 1, seen);
    MUST(seen->live_count == 0, "own orders outlived a mass cancel");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static hft_message messages[COMMANDS_MAX];
    static rules singly, batched;
    const size_t count = decode(data, size, messages);
    if (count == 0)
        return 0;
    const char *raw = getenv("HFT_FUZZ_RAW");
    if (raw != NULL)
        write_raw(raw, data, messages, count);
    const uint32_t orders = CAPACITIES[data[0] >> CAPACITY_SHIFT & 7];
    const uint32_t market_data = data[0] >> MARKET_DATA_SHIFT & 3;
    const uint32_t listed = data[0] >> LISTED_SHIFT;
    hft_engine *one = api->create(INSTRUMENTS, orders, listed, market_data);
    hft_engine *other = api->create(INSTRUMENTS, orders, listed, market_data);
    MUST(one != NULL && other != NULL, "no memory");
    singly.digest = batched.digest = singly.live_count = singly.level_count = 0;
    singly.fills_due = 0;
    memset(singly.tops, 0, sizeof(singly.tops));

    apply_singly(one, messages, count, &singly);
    apply_in_batches(other, messages, count, data[1], &batched);
    MUST(singly.digest == batched.digest, "batches give other answers");
    MUST(api->state_hash(one) == api->state_hash(other), "batches give another state");
    MUST(api->check(one) == 0, "invariant %u is broken", api->check(one));
    MUST(api->order_count(one) >= singly.live_count, "live orders are missing");
    compare_book(&singly, api, one, market_data & HFT_MARKET_LEVELS);
    cancel_all(one, &singly);
    compare_book(&singly, api, one, market_data & HFT_MARKET_LEVELS);

    api->destroy(one);
    api->destroy(other);
    return 0;
}
