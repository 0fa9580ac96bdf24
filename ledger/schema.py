"""How the ledger lies in a database: the tables of the newest format, on SQLite and PostgreSQL.

`answers` has one row an answer, `outcomes` what came of its horizons once that is known, and
`sums` what is left of answers that were erased. Rows are added and erased, never changed; only a
sum grows.
`ledger.migrations` makes the tables.

Tests: tests/ledger/test_store.py.
"""

import sqlalchemy as sa

from ledger.columns import CELL

METADATA = sa.MetaData()

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ANSWERS_TABLE = sa.Table(
    "answers",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("answer_id", sa.Text, nullable=False, unique=True),
    sa.Column("lead", sa.Text, nullable=False),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("contract_version", sa.Text),
    sa.Column("hot_days", sa.Integer, nullable=False),
    sa.Column("hot_probability", sa.Double, nullable=False),
    sa.Column("hot_low", sa.Double, nullable=False),
    sa.Column("hot_high", sa.Double, nullable=False),
    sa.Column("warm_days", sa.Integer),
    sa.Column("warm_probability", sa.Double),
    sa.Column("warm_low", sa.Double),
    sa.Column("warm_high", sa.Double),
    sa.Column("band", sa.Text, nullable=False),
    sa.Column("previous_band", sa.Text),
    sa.Column("doubt", sa.Boolean, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("features", sa.LargeBinary, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("channel", sa.Text),
    sa.Index("answers_of_lead", "lead", "as_of"),
    sa.Index("answers_by_arrival", "received_at"),
)

OUTCOMES_TABLE = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("answer", _NUMBER, sa.ForeignKey("answers.number"), primary_key=True),
    sa.Column("horizon", sa.Text, primary_key=True),
    sa.Column("happened", sa.Boolean, nullable=False),
)


SUMS_TABLE = sa.Table(
    "sums",
    METADATA,
    *(
        sa.Column(name, sa.Integer if name == "days" else sa.Text, primary_key=True)
        for name in CELL
    ),
    sa.Column("answers", sa.BigInteger, nullable=False),
    sa.Column("promised", sa.Double, nullable=False),
    sa.Column("variance", sa.Double, nullable=False),
    sa.Column("settled", sa.BigInteger, nullable=False),
    sa.Column("settled_promised", sa.Double, nullable=False),
    sa.Column("settled_variance", sa.Double, nullable=False),
    sa.Column("happened", sa.BigInteger, nullable=False),
    sa.Column("residual_squares", sa.Double, nullable=False),
)
