"""The tables in ClickHouse.

There is no transaction over tables: a crash in the middle of a load leaves part of a batch, and the batch comes again.
So repeats are told apart when they are read: of rows with the same key one is left, the first to arrive (of exposures,
the earliest), whichever loader wrote it.

Events have the month in which they were loaded as their partition, so that dropping old ones rewrites old parts only.
The month in which they happened would not do: an event that is sent again may have another time, a query for a span of
time may leave out the partition in which the first one lies, and a batch of long ago has more months than an insert may
have. FINAL compares across partitions.

Parts are on disk before an insert is answered, because the inbox then forgets its lines.
"""

from __future__ import annotations

_DURABLE = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"

SCHEMA = (
    f"""
    CREATE TABLE IF NOT EXISTS events (
        key FixedString(16), unit String, type LowCardinality(String), experiment LowCardinality(String),
        occurred_at Int64, metrics Map(String, Float64), properties String CODEC(ZSTD), version UInt64,
        loaded_on Date DEFAULT toDate(now('UTC'))
    ) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(loaded_on) ORDER BY (unit, key) {_DURABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS exposures (
        experiment LowCardinality(String), unit String, variant LowCardinality(String), first_at Int64,
        context String CODEC(ZSTD), version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (experiment, unit, variant) {_DURABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS load_position (`partition` Int32, position Int64)
    ENGINE = ReplacingMergeTree(position) ORDER BY `partition` {_DURABLE}
    """,
    # Lines that no parser reads.
    f"""
    CREATE TABLE IF NOT EXISTS unreadable (line String CODEC(ZSTD), `partition` Int32, position Int64)
    ENGINE = ReplacingMergeTree ORDER BY (`partition`, line) {_DURABLE}
    """,
    # Counts of the events that a drop removed; see clickhouse_activity.
    f"""
    CREATE TABLE IF NOT EXISTS rollups (
        grain LowCardinality(String), starts_at Int64, type LowCardinality(String), experiment LowCardinality(String),
        loaded_before UInt64, n_events Int64
    ) ENGINE = ReplacingMergeTree ORDER BY (grain, starts_at, type, experiment, loaded_before) {_DURABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS drops (dropped_at Int64, loaded_before UInt64)
    ENGINE = ReplacingMergeTree ORDER BY loaded_before {_DURABLE}
    """,
)
