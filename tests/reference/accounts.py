"""What the reference engine knows of accounts: their rules and their positions."""

from tests.reference.book import Order
from tests.reference.words import BUY, CANCEL_ON_DISCONNECT, INT64_MAX


def held(position: int) -> int:
    return max(-INT64_MAX, min(position, INT64_MAX))


class Accounts:
    def self_trade_rule(self, account: int) -> int:
        return self.account_flags.get(account, 0) & ~CANCEL_ON_DISCONNECT

    def count_fill(self, order: Order, lots: int) -> None:
        pair = (order.account, order.instrument)
        if order.own and pair in self.positions:
            change = lots if order.side == BUY else -lots
            self.positions[pair] = held(self.positions[pair] + change)

    def may_reduce(self, account: int, instrument: int, side: int) -> int:
        """What a reduce-only order of that side may trade."""
        position = self.positions.get((account, instrument), 0)
        return max(0, -position if side == BUY else position)

    def cut(self, order: Order) -> bool:
        """Whether a reduce-only order had more than the position allows; now it hasn't."""
        allowed = self.may_reduce(order.account, order.instrument, order.side)
        if not order.reduce_only or order.left <= allowed:
            return False
        if allowed == 0:
            self.cancel(order, "NOTHING_TO_REDUCE")
            return True
        lots = order.left - allowed
        order.lose(lots)
        self.report("RESTATED", order, "NOTHING_TO_REDUCE", lots)
        self.settle(order)
        return True

    def set_account(self) -> None:
        self.account_flags[self.command.account] = self.command.flags

    def set_position(self) -> None:
        c = self.command
        self.positions[c.account, c.instrument] = held(c.qty_lots)

    def disconnect(self) -> None:
        account = self.command.account
        if self.account_flags.get(account, 0) & CANCEL_ON_DISCONNECT:
            mine = [o for o in self.all_orders() if o.own and o.account == account]
            self.cancel_all(mine, "DISCONNECTED")
