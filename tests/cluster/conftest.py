"""What these tests run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.broker import RealBroker, real_broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBroker]:
    with real_broker(tmp_path_factory.mktemp("kafka")) as found:
        yield found
