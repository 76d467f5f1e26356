"""The tables of a run's database."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = sa.MetaData()
META = sa.Table(
    "meta",
    SCHEMA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
STEPS = sa.Table(
    "steps",
    SCHEMA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)
COMPLETIONS = sa.Table(
    "completions",
    SCHEMA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("phase", sa.String, nullable=False, index=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("completion", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("machine_seconds", sa.Float, nullable=False),
)
MODELS = sa.Table(
    "models",
    SCHEMA,
    sa.Column("fingerprint", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
)
REUSED = sa.Table(
    "reused",
    SCHEMA,
    sa.Column("key", sa.String(64), primary_key=True),
)
"""Completions that came out of the cache: measured like all others, and not paid by this run."""
PHASE_KEYS = sa.Table(
    "phase_keys",
    SCHEMA,
    sa.Column("phase", sa.String, primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
)
"""What each phase wanted, whichever phase asked it first: what a search takes on its own."""
RECORDS = sa.Table(
    "records",
    SCHEMA,
    sa.Column("arm", sa.String, primary_key=True),
    sa.Column("example_id", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("output", sa.Text),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("completion", sa.Text, nullable=False),
)
