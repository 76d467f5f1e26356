"""The older layout of a run's database, which held one run in tables without a ``run_id``."""

from __future__ import annotations

import sqlalchemy as sa

from steelyard.store.tables import SCHEMA

_TABLES = ("meta", "steps", "completions", "models", "reused", "phase_keys", "records")
_META = "(SELECT value FROM old_meta WHERE key = '{}')"
_COPIES = {
    "runs": (
        f"SELECT :run, '', json_extract({_META.format('created')}, '$'), "
        f"coalesce({_META.format('attempts')}, 0), {_META.format('identity')} "
        "WHERE EXISTS (SELECT 1 FROM old_meta WHERE key = 'created')"
    ),
    "meta": (
        "SELECT :run, key, value FROM old_meta WHERE key NOT IN ('identity', 'attempts', 'created') "
        "AND key NOT LIKE 'elapsed:%' AND key NOT LIKE 'notes:%'"
    ),
    "steps": (
        "SELECT :run, name, payload, seconds FROM old_steps UNION ALL "
        "SELECT :run, substr(key, 9), NULL, CAST(value AS REAL) FROM old_meta "
        "WHERE key LIKE 'elapsed:%' AND substr(key, 9) NOT IN (SELECT name FROM old_steps)"
    ),
    "completions": (
        "SELECT :run, key, phase, model, request, completion, input_tokens, cached_tokens, "
        "output_tokens, machine_seconds, key IN (SELECT key FROM old_reused) FROM old_completions"
    ),
    "models": (
        "SELECT :run, fingerprint, name, "
        "(SELECT value FROM old_meta WHERE key = 'notes:' || fingerprint) FROM old_models"
    ),
    "phase_keys": "SELECT :run, phase, key FROM old_phase_keys",
    "records": (
        "SELECT :run, arm, example_id, position, outcome, score, scores, "
        "CASE WHEN reason IS NOT NULL THEN json_quote(reason) END, "
        "CASE WHEN output IS NOT NULL THEN json_quote(output) END, "
        "json_quote(reference), completion FROM old_records"
    ),
}


def is_older(connection: sa.Connection) -> bool:
    """Whether a database has the older layout."""
    tables = set(sa.inspect(connection).get_table_names())
    return "completions" in tables and "runs" not in tables


def migrate(connection: sa.Connection, run_id: str) -> None:
    """Bring an older SQLite database to today's tables, its run as ``run_id``, in this transaction."""
    # Tables that the first versions did not have yet:
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS reused (key TEXT)")
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS phase_keys (phase TEXT, key TEXT)")
    connection.exec_driver_sql("DROP INDEX IF EXISTS ix_completions_phase")
    for name in _TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO old_{name}")
    SCHEMA.create_all(connection)
    for name, rows in _COPIES.items():
        connection.execute(sa.text(f"INSERT INTO {name} {rows}"), {"run": run_id})
    for name in _TABLES:
        connection.exec_driver_sql(f"DROP TABLE old_{name}")
