/* The matching engine for C and C++: a table of functions that hft's Python package exports.
 *
 * A program embeds Python only to get the table (hft_engine_import below); the functions run
 * without the interpreter and without its lock, from any thread, one thread at a time for one
 * engine. Exceptions are `create`, `ring_attach` and `ring_detach`: they take the lock for as long
 * as they run, so whoever holds it elsewhere must let go of it. The interpreter has to stay
 * initialised while the table is in use.
 *
 * What the commands do: docs/engine.md. An example: docs/c_interface.md. C99 and C++.
 */
#ifndef HFT_ENGINE_H
#define HFT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "hft_messages.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HFT_ENGINE_API_VERSION 1u /* raised when the table changes */
#define HFT_ENGINE_CHUNK 256      /* commands for which `apply` collects answers */

typedef struct hft_engine hft_engine;
typedef struct hft_ring hft_ring;

/* Takes answers: reports, trades and market data in order, valid during the call only. Each has
 * in `cause` the low 32 bits of its command's `sequence`. It must not use the engine. */
typedef void (*hft_on_answers)(void *context, const hft_message *answers, size_t count);

typedef struct hft_engine_api {
    uint32_t api_version;    /* HFT_ENGINE_API_VERSION of the package */
    uint32_t layout_version; /* HFT_LAYOUT_VERSION of the package */

    /* An engine with room for that many instruments, numbered from 0, of which the first `listed`
     * are open, and for that many orders. It gives the market data of `market_data`, a sum of
     * HFT_MARKET_LEVELS and HFT_MARKET_ORDERS, beside trades and best prices. NULL if the
     * capacities are out of range or there is no memory. */
    hft_engine *(*create)(uint32_t instruments, uint32_t orders, uint32_t listed,
                          uint32_t market_data);
    void (*destroy)(hft_engine *engine);

    /* Touch the memory, so that no page fault delays a command later. */
    void (*prefault)(hft_engine *engine);

    /* Apply commands in order; `on` gets their answers, once for every HFT_ENGINE_CHUNK commands
     * and once for the rest; NULL discards them. Returns the messages consumed: all of them. The
     * options of an order are the message behind it. */
    size_t (*apply)(hft_engine *engine, const hft_message *commands, size_t count,
                    hft_on_answers on, void *context);

    /* Apply commands in order and publish their answers on a ring. Stops when the ring is full:
     * returns the messages consumed. Answers of a consumed command that found no room wait in the
     * engine, and the next call, also one with a count of 0, publishes them first. A ring whose
     * policy is `drop` is never full. */
    size_t (*apply_to_ring)(hft_engine *engine, const hft_message *commands, size_t count,
                            hft_ring *ring);

    /* The producing end of a ring that exists, by its name; NULL if there is none, or if another
     * living process produces on it. */
    hft_ring *(*ring_attach)(const char *name);
    void (*ring_detach)(hft_ring *ring);

    uint64_t (*state_hash)(const hft_engine *engine);  /* equal states have equal hashes */
    uint64_t (*order_count)(const hft_engine *engine); /* live orders */
    uint32_t (*check)(const hft_engine *engine); /* 0, or which invariant is broken: always 0 */
    uint64_t (*mapped_bytes)(const hft_engine *engine);   /* all pools, touched or not */
    uint64_t (*resident_bytes)(const hft_engine *engine); /* of these, what is in memory now */

    /* The best `levels` prices of a side (HFT_BUY or HFT_SELL), best first, into the caller's
     * arrays, of which each may be NULL. Returns how many there were; 0 for an instrument or side
     * that doesn't exist. */
    uint32_t (*depth)(const hft_engine *engine, uint32_t instrument, uint32_t side,
                      uint32_t levels, int64_t *price_ticks, int64_t *lots, int64_t *orders);
} hft_engine_api;

#ifdef Py_PYTHON_H
/* The table, or NULL with a Python exception set. To be called with the interpreter's lock, as
 * after Py_Initialize. */
static inline const hft_engine_api *hft_engine_import(void)
{
    const hft_engine_api *api;
    /* PyCapsule_Import imports the first part of a dotted name only. */
    PyObject *module = PyImport_ImportModule("hft.core.engine_api");
    if (module == NULL)
        return NULL;
    Py_DECREF(module);
    api = (const hft_engine_api *)PyCapsule_Import("hft.core.engine_api.API", 0);
    if (api != NULL && (api->api_version != HFT_ENGINE_API_VERSION
                        || api->layout_version != HFT_LAYOUT_VERSION)) {
        PyErr_Format(PyExc_ImportError,
                     "hft's engine has version %u and layout %u, compiled for %u and %u",
                     (unsigned)api->api_version, (unsigned)api->layout_version,
                     (unsigned)HFT_ENGINE_API_VERSION, (unsigned)HFT_LAYOUT_VERSION);
        return NULL;
    }
    return api;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
