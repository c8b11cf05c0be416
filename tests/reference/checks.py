"""The checks that a command must pass, in the order of the table of docs/engine.md."""

from tests.reference.book import Order
from tests.reference.words import (
    ALL_ACCOUNTS,
    ANONYMOUS,
    BUY,
    CANCEL_ON_DISCONNECT,
    CLOSED,
    DAY,
    DECREMENT,
    ENTERS_OWN,
    ENTERS_RECORDED,
    FLOW,
    FOK,
    GTD,
    HALTED,
    HAS_OPTIONS,
    IOC,
    LIMIT,
    LOTS_LIMIT,
    MARKET,
    MARKET_TO_LIMIT,
    MAY_REST,
    NAMES_OWN,
    NAMES_RECORDED,
    NEEDS_QTY,
    NEEDS_SIDE,
    OF_NO_INSTRUMENT,
    ONE_INSTRUMENT,
    ORDERS,
    PEG_MID,
    PEGS,
    POSITION_PAIRS,
    POST_ONLY,
    POST_ONLY_SLIDE,
    PRE_OPEN,
    REDUCE_ONLY,
    SELL,
    SHOWN_AT_LEAST,
    SOURCE_SHIFT,
    STOP_LIMIT,
    STOPS,
    K,
    other,
)


class Checks:
    def objection(self) -> str | None:
        c = self.command
        if c.kind not in FLOW and c.kind not in ORDERS:
            return "BAD_OPTIONS" if c.kind == K["ORDER_OPTIONS"] else "UNKNOWN_KIND"
        if self.objection_to_instrument():
            return "UNKNOWN_INSTRUMENT"
        if c.kind in NEEDS_SIDE and c.side not in (BUY, SELL):
            return "BAD_SIDE"
        if c.kind == K["MASS_CANCEL"] and c.side not in (0, BUY, SELL):
            return "BAD_SIDE"
        if c.kind in NEEDS_QTY and c.qty_lots <= 0:
            return "BAD_QTY"
        if not self.flags_are_good():
            return "BAD_FLAGS"
        if c.kind in ENTERS_OWN:
            reason = c.kind == K["NEW_ORDER"] and self.objection_to_words()
            if reason or not self.options_are_good():
                return reason or "BAD_OPTIONS"
        if c.kind == K["NEW_ORDER"]:
            if c.time_in_force == GTD and self.options.expiry_ts_ns <= self.time:
                return "BAD_EXPIRY"
            if c.order_id >> SOURCE_SHIFT == 0:
                return "BAD_ID"
        if c.kind == K["FLOW_ADD"] and (c.order_id >> SOURCE_SHIFT or c.order_id == ANONYMOUS):
            return "BAD_ID"
        if c.kind in (K["NEW_ORDER"], K["FLOW_ADD"]) and c.order_id in self.by_id:
            return "DUPLICATE_ID"
        if c.kind in NAMES_OWN:
            order = self.by_id.get(c.order_id)
            if order is None or not order.own or order.instrument != c.instrument:
                return "UNKNOWN_ORDER"
            if order.account != c.account:
                return "WRONG_ACCOUNT"
        if c.kind in NAMES_RECORDED and self.recorded() is None:
            return "UNKNOWN_ORDER"
        if c.kind in ENTERS_OWN:
            return self.objection_to_order(self.by_id.get(c.order_id))
        if c.kind in ENTERS_RECORDED:
            return self.objection_to_room(None, c.side, c.price_ticks)
        if c.kind == K["LIST_INSTRUMENT"]:
            return self.objection_to_listing()
        if c.kind == K["SET_POSITION"]:
            known = (c.account, c.instrument) in self.positions
            if not known and len(self.positions) >= POSITION_PAIRS:
                return "POOL_FULL"
        return None

    def objection_to_instrument(self) -> bool:
        c = self.command
        everywhere = c.kind == K["MASS_CANCEL"] and not c.flags & ONE_INSTRUMENT
        if c.kind in OF_NO_INSTRUMENT or everywhere:
            return False
        if c.instrument >= len(self.books):
            return True
        return c.kind != K["LIST_INSTRUMENT"] and not self.books[c.instrument].listed

    def flags_are_good(self) -> bool:
        c = self.command
        if c.kind == K["FLOW_STATUS"]:
            return c.flags <= CLOSED
        if c.kind == K["MASS_CANCEL"]:
            return not c.flags & ~(ONE_INSTRUMENT | ALL_ACCOUNTS)
        if c.kind == K["SET_ACCOUNT"]:
            return c.flags & ~CANCEL_ON_DISCONNECT <= DECREMENT
        if c.kind == K["REPLACE_ORDER"]:
            return c.flags in (0, HAS_OPTIONS)
        return True

    def objection_to_listing(self) -> str | None:
        rules = self.rules
        if self.books[self.command.instrument].listed:
            return "ALREADY_LISTED"
        steps_good = rules.price_step_ticks >= 1 and rules.qty_step_lots >= 1
        limits_good = rules.price_min_ticks <= rules.price_max_ticks and rules.qty_max_lots >= 1
        return None if steps_good and limits_good else "BAD_RULES"

    # What goes together.

    def objection_to_words(self) -> str | None:
        """Type, time in force and flags of a new order."""
        c = self.command
        if c.order_type > PEG_MID:
            return "BAD_ORDER_TYPE"
        if c.time_in_force > GTD:
            return "BAD_TIME_IN_FORCE"
        if c.order_type == MARKET and c.time_in_force in (DAY, GTD):
            return "BAD_TIME_IN_FORCE"
        if c.order_type in (MARKET_TO_LIMIT, *PEGS) and c.time_in_force in (IOC, FOK):
            return "BAD_TIME_IN_FORCE"
        if c.flags & ~(POST_ONLY | POST_ONLY_SLIDE | REDUCE_ONLY | HAS_OPTIONS):
            return "BAD_FLAGS"
        passive = c.flags & (POST_ONLY | POST_ONLY_SLIDE)
        if passive == POST_ONLY | POST_ONLY_SLIDE:
            return "BAD_FLAGS"
        if passive and (c.order_type != LIMIT or c.time_in_force not in MAY_REST):
            return "BAD_FLAGS"
        return None

    def options_are_good(self) -> bool:
        c, o = self.command, self.options
        if c.flags & HAS_OPTIONS and o is None:
            return False
        if c.kind == K["REPLACE_ORDER"]:
            return o is None or not any(o._replace(trigger_ticks=0))
        if o is None:
            return c.order_type not in STOPS and c.time_in_force != GTD
        rests = c.time_in_force in MAY_REST
        if o.trigger_ticks and c.order_type not in (*STOPS, *PEGS):
            return False
        if o.display_lots:
            hides = c.order_type == LIMIT and rests and not c.flags & REDUCE_ONLY
            if o.display_lots < 0 or not hides or c.qty_lots > SHOWN_AT_LEAST * o.display_lots:
                return False
        if o.min_lots:
            passive = c.flags & (POST_ONLY | POST_ONLY_SLIDE)
            if o.min_lots < 0 or o.min_lots > c.qty_lots or passive:
                return False
            if c.order_type not in (LIMIT, MARKET):
                return False
        if o.expiry_ts_ns and c.time_in_force != GTD:
            return False
        linkable = rests and c.order_type not in (MARKET, MARKET_TO_LIMIT)
        return linkable or not o.linked_order_id

    # What an own order that enters, new or replaced, must be.

    def objection_to_order(self, old: Order | None) -> str | None:
        """The checks from options on; `old` is the order that is replaced."""
        c, book = self.command, self.books[self.command.instrument]
        order_type = old.order_type if old else c.order_type
        side = old.side if old else c.side
        is_stop, is_peg = order_type in STOPS, order_type in PEGS
        rules = book.rules
        if old and self.options and not is_stop and not is_peg:
            return "BAD_OPTIONS"
        if order_type in (LIMIT, STOP_LIMIT):
            inside = rules.price_min_ticks <= c.price_ticks <= rules.price_max_ticks
            if not inside or c.price_ticks % rules.price_step_ticks:
                return "BAD_PRICE"
        if c.qty_lots > rules.qty_max_lots or c.qty_lots % rules.qty_step_lots:
            return "BAD_QTY"
        if old and old.display and c.qty_lots > SHOWN_AT_LEAST * old.display:
            return "BAD_QTY"
        if not old and self.options and self.options.linked_order_id and not self.link_is_good():
            return "BAD_LINK"
        at_any_price = order_type in (MARKET, MARKET_TO_LIMIT)
        limit = None if at_any_price else c.price_ticks
        would_match = not is_stop and not is_peg and any(book.resting(other(side), limit))
        if book.state in (HALTED, CLOSED) or (book.state == PRE_OPEN and would_match):
            return "INSTRUMENT_HALTED"
        reduce_only = old.reduce_only if old else bool(c.flags & REDUCE_ONLY)
        if reduce_only and not is_stop and self.may_reduce(c.account, c.instrument, side) == 0:
            return "NOTHING_TO_REDUCE"
        slides = old.slides if old else bool(c.flags & POST_ONLY_SLIDE)
        price = self.slide(book, side, c.price_ticks) if slides and would_match else c.price_ticks
        held_against = None if at_any_price or is_peg else price
        reason = self.objection_to_room(old, side, held_against)
        if reason:
            return reason
        post_only = old.post_only if old else bool(c.flags & POST_ONLY)
        if would_match and (post_only or (slides and price is None)):
            return "POST_ONLY_WOULD_MATCH"
        return None

    def objection_to_room(self, old: Order | None, side: int, price: int | None) -> str | None:
        """Against the book as it stands; without a price no level is looked at."""
        c, book = self.command, self.books[self.command.instrument]
        if len(self) >= self.capacity:
            return "POOL_FULL"
        if price is None:
            return None
        shows, queue = c.qty_lots, book.queue(side, price)
        if c.kind in ENTERS_OWN:
            display = old.display if old else self.options.display_lots if self.options else 0
            shows = min(shows, display or shows)
            if (old.order_type if old else c.order_type) in STOPS:
                queue = book.stop_queue(
                    side, self.options.trigger_ticks if self.options else old.trigger
                )
        if sum(order.leaves for order in queue) + shows >= LOTS_LIMIT:
            return "BAD_QTY"
        grows = c.kind == K["FLOW_SEED"] and queue and queue[0].order_id == ANONYMOUS
        if grows and queue[0].life + c.qty_lots >= LOTS_LIMIT:
            return "BAD_QTY"
        return None

    def link_is_good(self) -> bool:
        c = self.command
        linked = self.by_id.get(self.options.linked_order_id)
        if linked is None or not linked.own or linked.link:
            return False
        if (linked.instrument, linked.account) != (c.instrument, c.account):
            return False
        return linked.side == c.side or linked.is_stop or c.order_type in STOPS
