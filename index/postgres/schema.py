"""The tables of a catalogue in PostgreSQL, and how statements name them.

Each build is a schema of its own. One row, `vitrine.current`, points at the one that is served, and its lock puts all
writes in one order.
"""

from __future__ import annotations

from psycopg import sql

FORMAT = 1
M, EF_CONSTRUCTION, EF_SEARCH = 16, 128, 200
"""Links of a product in the graph; candidates compared when it is added, and the fewest when it is searched."""

SETUP = """
CREATE SCHEMA IF NOT EXISTS vitrine;
CREATE TABLE IF NOT EXISTS vitrine.builds (
    name TEXT PRIMARY KEY,
    format INTEGER NOT NULL,
    info JSONB NOT NULL,
    started TIMESTAMPTZ NOT NULL DEFAULT now(),
    replaced TIMESTAMPTZ,
    finished BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS vitrine.current (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    build TEXT,
    version BIGINT NOT NULL DEFAULT 0,
    position BIGINT NOT NULL DEFAULT 0,
    products BIGINT NOT NULL DEFAULT 0
);
INSERT INTO vitrine.current DEFAULT VALUES ON CONFLICT DO NOTHING;
"""
# These two are made when they are first needed: databases that are older have none.
CALIBRATIONS = """
CREATE TABLE IF NOT EXISTS vitrine.calibrations (encoder_id TEXT PRIMARY KEY, value JSONB NOT NULL)
"""
MAPS = """
CREATE TABLE IF NOT EXISTS vitrine.maps (encoder_id TEXT PRIMARY KEY, made TIMESTAMPTZ NOT NULL, value JSON NOT NULL)
"""
# `keys` and `numbers` are the attributes as filters compare them. `lead`: the first product of its title, whose words
# and vector stand for it. Pictures have a table of their own: rows that are scanned stay small. `edited` has the
# products that were edited and are no longer in the log; `brought`: only where a copy comes from. Older builds have
# none.
TABLES = """
CREATE TABLE {build}.products (
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    lead BOOLEAN NOT NULL,
    title_id UUID NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    split TEXT NOT NULL,
    digest TEXT NOT NULL,
    attributes JSON NOT NULL,
    keys JSONB NOT NULL,
    numbers JSONB NOT NULL,
    image_vector VECTOR({dim}) NOT NULL,
    text_vector VECTOR({dim}) NOT NULL
);
CREATE TABLE {build}.images (id TEXT NOT NULL, image BYTEA NOT NULL);
ALTER TABLE {build}.images ALTER image SET STORAGE EXTERNAL;
CREATE TABLE {build}.changes (seq BIGINT PRIMARY KEY, product_id TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE {build}.edited (id TEXT PRIMARY KEY, brought BOOLEAN NOT NULL);
CREATE TABLE {build}.attributes (name TEXT PRIMARY KEY, products BIGINT NOT NULL);
"""
NUMBERS = "numbers: dates and prices"
"""The comment on a table of products whose column `numbers` has dates and prices with a currency."""
KEYS = """
ALTER TABLE {build}.products ADD PRIMARY KEY (id);
ALTER TABLE {build}.images ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX ON {build}.products (position);
CREATE INDEX ON {build}.products (id COLLATE "C");
CREATE INDEX ON {build}.products (seq) WHERE seq > 0;
CREATE INDEX ON {build}.products (title_id, position);
CREATE INDEX ON {build}.products USING gin (keys jsonb_path_ops);
"""
KEYS += f"COMMENT ON TABLE {{build}}.products IS '{NUMBERS}';\n"
# halfvec_ip_ops: half the memory of the graph, and the scores are computed again from the whole vectors.
HNSW = """
CREATE INDEX ON {build}.products USING hnsw ((image_vector::halfvec({dim})) halfvec_ip_ops)
    WITH (m = {m}, ef_construction = {ef});
CREATE INDEX ON {build}.products USING hnsw ((text_vector::halfvec({dim})) halfvec_ip_ops)
    WITH (m = {m}, ef_construction = {ef}) WHERE lead;
"""


def format_sql(text: str, build: str, **numbers: int) -> sql.Composed:
    """Return a statement with the schema of a build and some numbers filled in."""
    return sql.SQL(text).format(build=sql.Identifier(build), **{key: sql.Literal(n) for key, n in numbers.items()})
