"""The tables in ClickHouse.

There is no transaction over tables: a crash in the middle of a load leaves part of a batch, and the batch comes again.
So repeats are told apart when they are read: of rows with the same key one is left, the first to arrive (of exposures,
the earliest), whichever loader wrote it. Months are partitions, for what is dropped; FINAL compares across them, so an
event that is sent again with another time still counts once.
"""

from __future__ import annotations

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS events (
        key FixedString(16), unit String, type LowCardinality(String), experiment LowCardinality(String),
        occurred_at Int64, metrics Map(String, Float64), properties String CODEC(ZSTD), version UInt64
    ) ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(fromUnixTimestamp64Micro(occurred_at, 'UTC'))
    ORDER BY (unit, key)
    """,
    """
    CREATE TABLE IF NOT EXISTS exposures (
        experiment LowCardinality(String), unit String, variant LowCardinality(String), first_at Int64,
        context String CODEC(ZSTD), version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (experiment, unit, variant)
    """,
    """
    CREATE TABLE IF NOT EXISTS load_position (`partition` Int32, position Int64)
    ENGINE = ReplacingMergeTree(position) ORDER BY `partition`
    """,
    """
    CREATE TABLE IF NOT EXISTS rollups (
        grain LowCardinality(String), starts_at Int64, type LowCardinality(String), experiment LowCardinality(String),
        dropped_at Int64, n_events Int64
    ) ENGINE = ReplacingMergeTree ORDER BY (grain, starts_at, type, experiment, dropped_at)
    """,
    """
    CREATE TABLE IF NOT EXISTS drops (dropped_at Int64) ENGINE = ReplacingMergeTree ORDER BY dropped_at
    """,
)
