"""ClickHouse that is killed, hangs, comes back empty, or does not let one in."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from assay.adapters.clickhouse_warehouse import ClickhouseWarehouse
from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.errors import InvalidInput, Unavailable
from assay.model.activity import EventsAsked, Grain
from assay.model.event import moment_of
from assay.ports import InboxBatch, Warehouse
from tests.contract.test_warehouse import DAY, HOUR, REQUESTS, START, assert_same_answers, generated, line, put_aside
from tests.engines.clickhouse import ClickhouseServer, clickhouse_server

SEED, KILLS = 20261124, 6
ALL_TIME = EventsAsked(since=moment_of(START - 40 * DAY), until=moment_of(START + 40 * DAY))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def opened(server: ClickhouseServer) -> Iterator[Callable[..., ClickhouseWarehouse]]:
    """What opens a warehouse: an empty one, or that of a URL."""
    houses: list[ClickhouseWarehouse] = []

    def fresh(url: str = "", **settings: Any) -> ClickhouseWarehouse:
        houses.append(ClickhouseWarehouse(url or server.create(), **settings))
        return houses[-1]

    yield fresh
    for house in houses:
        house.close()


Opened = Callable[..., ClickhouseWarehouse]


def load_all(house: Warehouse, lines: Sequence[bytes], rng: random.Random) -> int:
    """Load like a loader whose batches end somewhere else each time; returns how often that failed."""
    failures = 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            at = house.position()
            if at == len(lines):
                return failures
            part = tuple(lines[at : at + rng.randrange(20, 400)])
            house.load(InboxBatch(part, at + len(part)))
        except Unavailable:
            failures += 1
            time.sleep(0.02)
    raise AssertionError("the loader never came to an end")


def assert_as_expected(house: Warehouse, lines: Sequence[bytes]) -> None:
    oracle = MemoryWarehouse()
    oracle.load(InboxBatch(tuple(lines), 1))
    assert_same_answers(house, oracle, list(REQUESTS))
    assert house.exposures() == oracle.exposures()
    assert house.activity(ALL_TIME, Grain.HOUR) == oracle.activity(ALL_TIME, Grain.HOUR)


def die_at(server: ClickhouseServer, house: ClickhouseWarehouse, nth: int, *, done: bool) -> None:
    """The server is killed at the nth statement that changes something from now on. done: after it, else before."""
    client, so_far = house._client, [0]
    insert, run = client.insert, client.run

    def counted(what: Callable[..., None]) -> Callable[..., None]:
        def call(*given: Any, **named: Any) -> None:
            so_far[0] += 1
            if so_far[0] == nth and not done:
                server.kill()
            what(*given, **named)
            if so_far[0] == nth and done:
                server.kill()

        return call

    client.insert = counted(insert)  # type: ignore[method-assign]
    client.run = counted(run)  # type: ignore[method-assign]


@pytest.mark.slow
def test_killed_at_random_while_loading(server: ClickhouseServer, opened: Opened) -> None:
    rng = random.Random(SEED)
    lines = generated(SEED, n_units=4_000)
    house = opened()
    house.check()
    failures: list[int] = []
    loader = threading.Thread(target=lambda: failures.append(load_all(house, lines, random.Random(SEED))))
    loader.start()
    n_midway = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.4))
        n_midway += loader.is_alive()
        server.kill()
        server.restart()
    loader.join(120)
    assert n_midway >= 2
    assert failures[0] >= n_midway - 1
    assert_as_expected(house, lines)


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_killed_between_the_tables(server: ClickhouseServer, opened: Opened, nth: int, done: bool) -> None:
    """Events, exposures, position: the same lines come again, in batches of other lengths."""
    lines = generated(nth, n_units=60)
    house = opened()
    assert load_all(house, lines[:20], random.Random(1)) == 0
    die_at(server, house, nth, done=done)
    with pytest.raises(Unavailable, match="does not answer") if (nth, done) != (3, True) else nullcontext():
        house.load(InboxBatch(tuple(lines[20:150]), 150))
    server.restart()
    again = opened(server.url(house._client._database))
    assert again.position() == (150 if (nth, done) == (3, True) else 20)
    assert load_all(again, lines, random.Random(nth)) == 0
    assert_as_expected(again, lines)


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_killed_while_old_events_are_dropped(server: ClickhouseServer, opened: Opened, nth: int, done: bool) -> None:
    """Counts by minute, hour and day, the drop itself, the deletion: each event is counted once all the while."""
    lines = generated(7, n_units=40)
    house, oracle = opened(), MemoryWarehouse()
    for warehouse in (house, oracle):
        load_all(warehouse, lines, random.Random(2))
    moment = moment_of(START + 4 * HOUR)
    assert oracle.drop_before(moment) > 0
    die_at(server, house, nth, done=done)
    with pytest.raises(Unavailable) if (nth, done) != (5, True) else nullcontext():
        house.drop_before(moment)
    server.restart()
    again = opened(server.url(house._client._database))
    late = (line("late", "buy", START - 10 * DAY),)
    for position, warehouse in enumerate((again, oracle)):
        for grain in Grain:
            assert warehouse.activity(ALL_TIME, grain) == oracle.activity(ALL_TIME, grain), position
        warehouse.load(InboxBatch(late, 10_000))
    again.drop_before(moment)
    for grain in Grain:
        assert again.activity(ALL_TIME, grain) == oracle.activity(ALL_TIME, grain)
    left = again._client.rows("SELECT count() FROM events FINAL WHERE unit != 'late'")[0][0]
    assert left == len([event for event in oracle._events.values() if event["unit"] != "late"])


def test_a_repeat_in_another_month_of_loading_is_the_same_event(opened: Opened) -> None:
    house = opened()
    lines = generated(11, n_units=40)
    load_all(house, lines, random.Random(3))
    # As loaded years before, and therefore first.
    house._client.run(
        "INSERT INTO events SELECT * REPLACE (toDate('2020-02-02') AS loaded_on, version + 1 AS version) FROM events"
    )
    parts = house._client.rows("SELECT uniqExact(_partition_id), count() FROM events")[0]
    assert parts[0] == 2
    assert_as_expected(house, lines)
    n_events = house.summary(ALL_TIME, None, (), approximate=False).n_events
    assert n_events < parts[1] / 2 + 1
    assert house.drop_before(moment_of(START + 40 * DAY)) == n_events
    assert house._client.rows("SELECT count() FROM events") == [(0,)]


def test_another_batch_that_ends_at_the_same_place_is_not_taken_for_a_repeat(opened: Opened) -> None:
    """Also where the server itself looks for repeats by their token, as replicated tables do."""
    house = opened()
    house.check()
    for table in ("events", "exposures"):
        house._client.run(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 1000")
    lines = generated(12, n_units=40)
    house.load(InboxBatch(tuple(lines[50:100]), 100))
    house._client.run("TRUNCATE TABLE load_position")
    house.load(InboxBatch(tuple(lines[:100]), 100))
    assert_as_expected(house, lines[:100])


def test_read_by_several_threads_while_it_loads(opened: Opened) -> None:
    house, lines = opened(), generated(13, n_units=200)
    stop, problems = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                house.moments(REQUESTS[:1])
                house.exposures()
                house.check()
            except Exception as error:
                problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    failures = load_all(house, lines, random.Random(4))
    stop.set()
    for reader in readers:
        reader.join(60)
    assert (problems, failures) == ([], 0)
    assert_as_expected(house, lines)


def test_it_is_found_again_after_it_was_gone(server: ClickhouseServer, opened: Opened) -> None:
    house = opened()
    house.check()
    server.kill()
    with pytest.raises(Unavailable, match=r"ClickHouse at 127\.0\.0\.1:\d+ does not answer: Connection refused"):
        house.check()
    unopened = opened()
    with pytest.raises(Unavailable, match="does not answer"):
        unopened.position()
    server.restart()
    house.check()
    assert unopened.position() == 0


def test_it_is_made_anew_after_it_came_back_empty(opened: Opened) -> None:
    house = opened()
    assert load_all(house, generated(14, n_units=5), random.Random(5)) == 0
    house._client.run(f"DROP DATABASE {house._client._database}")
    with pytest.raises(Unavailable, match="reports an error"):
        house.check()
    assert house.position() == 0


def test_a_server_that_hangs_is_found_out_within_seconds(server: ClickhouseServer, opened: Opened) -> None:
    house = opened()
    house.check()
    server.pause()
    try:
        with pytest.raises(Unavailable, match="does not answer: timed out"):
            house.check()
    finally:
        server.resume()
    house.check()


def test_a_query_that_takes_too_long_is_broken_off(opened: Opened) -> None:
    house = opened(query_seconds=1.0)
    with pytest.raises(Unavailable, match="took longer than 1 s") as caught:
        house._client.rows("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
    assert "QUERY_TIMEOUT_SECONDS" in caught.value.hint
    house.check()


def test_a_wrong_password_is_called_so(server: ClickhouseServer, opened: Opened) -> None:
    with pytest.raises(Unavailable, match="refuses the user or the password") as caught:
        opened(server.url(password="not-the-secret")).check()
    assert "not-the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("clickhouse://default:secret@127.0.0.1:1/x", "Connection refused"),
        ("clickhouse://default:secret@nowhere.invalid/x", "nowhere.invalid:8123 does not answer"),
        ("clickhouses://default:secret@127.0.0.1:{port}/x", "SSL"),
        ("clickhouse://default:secret@127.0.0.1:{port}/x?secure=1", "SSL"),
    ],
)
def test_why_it_does_not_answer(server: ClickhouseServer, opened: Opened, url: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words) as caught:
        opened(url.format(port=server.port)).check()
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "url",
    [
        "clickhouse://",
        "clickhouse:///x",
        "clickhouse://u:secret@h:port/x",
        "clickhouse://u:secret@h:99999/x",
        "clickhouse://u:sec/ret@h:8123/x",
        "clickhouse://u:secret@h/x?tls=1",
        "clickhouse://u:secret@h/x?secure=yes",
        "clickhouse://u:secret@h/x`y",
        "clickhouse://u:secret@h/x/y",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"WAREHOUSE_URL: .*accepted: clickhouse://user:password@host") as caught:
        ClickhouseWarehouse(url)
    assert "sec" not in caught.value.given


def test_a_forgotten_unit_is_in_no_line_that_was_put_aside(opened: Opened) -> None:
    house = opened()
    torn = [line(unit, "buy", START)[:-3] for unit in ('u"1', "u", "other")]
    house.load(InboxBatch(tuple(torn), 1))
    assert sorted(put_aside(house)) == sorted(torn)
    house.forget('u"1')
    assert sorted(put_aside(house)) == sorted(torn[1:])
    house.forget("u")
    assert put_aside(house) == torn[2:]
