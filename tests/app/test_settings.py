"""Settings: every one from its variable, and what is wrong named by it."""

from __future__ import annotations

import pytest

from assay.app.doctor import without_password
from assay.app.settings import Role, Settings
from assay.errors import InvalidInput


def test_nothing_set_is_the_embedded_stack() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.database_url, settings.redis_url, settings.kafka, settings.warehouse_url) == ("", "", "", "")


def test_the_documents_names_are_honoured() -> None:
    settings = Settings.from_environment(
        {
            "DATABASE_URL": "postgresql://user:password@localhost:5432/nexus_db",
            "DATABASE_POOL_SIZE": "7",
            "DATABASE_MAX_OVERFLOW": "0",
            "REDIS_URL": "redis://localhost:6379/0",
            "REDIS_MAX_CONNECTIONS": "5",
            "KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:9092",
            "WAREHOUSE_URL": "clickhouse://default@localhost:8123/assay",
            "API_HOST": "0.0.0.0",
            "API_PORT": "8000",
            "LOG_LEVEL": "info",
            "ASSAY_ROLE": "edge",
            "EVENT_RETENTION_DAYS": "30",
            "QUERY_TIMEOUT_SECONDS": "5",
            "SAMPLE_ABOVE_UNITS": "1000000",
        }
    )
    assert (settings.database_pool_size, settings.database_max_overflow, settings.redis_max_connections) == (7, 0, 5)
    assert (settings.role, settings.kafka, settings.log_level) == (Role.EDGE, "one:9092,two:9092", "INFO")
    assert (settings.retention_days, settings.query_seconds, settings.sample_above_units) == (30, 5, 1_000_000)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("DATABASE_URL", "mysql://user:secret@host/x", "postgresql://"),
        ("DATABASE_URL", "secret", "postgresql://"),
        ("REDIS_URL", "http://host", "redis://"),
        ("WAREHOUSE_URL", "clickhouse:/host", "clickhouse://"),
        ("DATABASE_POOL_SIZE", "0", "1 to 1,000"),
        ("DATABASE_POOL_SIZE", "2.5", "whole"),
        ("ASSAY_ROLE", "boss", "edge"),
        ("KAFKA_TOPIC", "a topic", "letters"),
        ("QUERY_TIMEOUT_SECONDS", "soon", "a number"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, accepted: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings.from_environment({name: value})
    assert caught.value.field == name
    assert accepted in caught.value.accepted
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:pa:ss@host:5432/db", "postgresql://user@host:5432/db"),
        ("redis://:word@host", "redis://@host"),
        ("clickhouse://host", "clickhouse://host"),
        ("one:9092,two:9092", "one:9092,two:9092"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
