"""A strategy in Python for bench_pipeline.py, called on every change of the best prices."""

from hft.strategies import Parameters, Strategy


class Joining(Strategy):
    """Joins the side to which the book leans, and leaves it after 50 ms."""

    class Parameters(Parameters):
        threshold: float = 0.6
        max_lots: int = 20

    def on_book(self, ctx, book):
        p, held = self.parameters, ctx.position_lots()
        if book.valid and not ctx.orders:
            if book.imbalance > p.threshold and held < p.max_lots:
                ctx.buy(book.bid_price_ticks, 1, post_only=True)
            elif book.imbalance < -p.threshold and held > -p.max_lots:
                ctx.sell(book.ask_price_ticks, 1, post_only=True)
            ctx.set_timer(50_000_000)

    def on_timer(self, ctx, timer):
        ctx.cancel_all()
