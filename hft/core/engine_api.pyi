"""Types of the compiled module ext/engine_api.pyx."""

from typing import Final

API: Final[object]  # the capsule of hft_engine_api
