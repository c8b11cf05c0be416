"""Fixtures of the unit tests: a desk to trade from, over each of the two engines."""

import pytest

from tests.reference.desk import Desk
from tests.reference.engine import ReferenceEngine
from tests.reference.fast import FastEngine


@pytest.fixture(params=[ReferenceEngine, FastEngine], ids=["reference", "fast"])
def new_desk(request):
    return lambda **capacity: Desk(request.param(**capacity))


@pytest.fixture
def desk(new_desk):
    return new_desk()
