"""The commented lead_temperature.toml that `lead-temperature init` writes."""

TEMPLATE = """\
# What your CRM's export means, and what to train from it. Lines that begin with # are examples or
# defaults. Times are ISO 8601; tables are CSV, Excel (.xlsx), JSON, JSON lines, Parquet, or a SQL database's.

[data]
# timezone = "Europe/Lisbon"     # zone of times written without one
# decimal = ","                  # how values are written; also for a table, or a column: [leads.formats.budget]
# thousands = "."
# dates = "%d/%m/%Y %H:%M"       # or "epoch_ms", "epoch_s", "excel", a list; default: ISO 8601
# missing = ["NULL", "-"]        # words for a missing value
# most_rejected = 0.1            # train stops when a larger share of a table's rows is rejected
# ends_at = "2026-01-01T00:00:00+00:00"   # when the export was made; default: the latest creation or recording
# database = "postgresql+psycopg://reader:$CRM_PASSWORD@crm.example.org/crm"   # $NAME: from the environment

# [files]                        # names for files, where tables must be joined; a list, a pattern, a folder, an archive
# Lead = "data/Lead*.csv"        # or {path = "data/weekly.zip/Lead.csv", delimiter = ";", encoding = "cp1252"}
# Deal = {path = "data/deals.xlsx", sheet = "Deals"}

[leads]                          # one row for each lead
source = "data/leads.csv"        # or file = a name of [files], sql = a query over these names (DuckDB's SQL);
                                 # or, with a database: table = "…" or query = "SELECT …"
# delimiter = ";"
# encoding = "cp1252"
# Attributes whose value is what was known when the lead was created. No other column is used: its
# value may have been written after the outcome, and a model that sees the future is worthless.
fixed_at_creation = []           # such as ["source", "form", "country", "company_size"]
# allow_sensitive = ["age"]      # age, income, family status … stay out unless you name them here
# allow_flags = ["mobile"]       # a name that speaks of personal data, with values that are a flag or a few words
[leads.columns]                  # our name = your column
# lead_id = "id"
# created_at = "created"
# converted_at = "won_at"        # empty: not yet
# closed_at = "lost_at"          # lost or refused; empty: not
# closed_reason = "lost_reason"  # why; read where after_refusal_days says that refused leads are looked at
[leads.kinds]                    # number, category or timestamp, where the guess is wrong
# company_size = "number"

[interactions]                   # one row for each contact; leave it out when you have none, write [[interactions]] for several
source = "data/interactions.csv"
# measures = ["duration_seconds"]
[interactions.columns]           # lead_id, occurred_at, recorded_at, channel, kind, direction, outcome, agent
# occurred_at = "call_started"
# recorded_at = "entered_at"     # when it was entered; without it, the moment it occurred
[interactions.values.kind]       # your value = the name to use
# "TEL" = "call"

# [attributes]                   # the log of attributes that change: lead_id, recorded_at, name, value
# source = "data/attributes.csv"

[horizons]
hot_days = 14                    # hot: probably converts within this many days
warm_days = 90                   # warm: probably converts within this many; as many as hot_days: one horizon

[snapshots]                      # when a lead is looked at, blind to what became of it
first_days = 0.0
every_days = 7.0
until_days = 180.0
# thin = 2                       # of this many looks in a row that show nothing new, one is learned from; for all
# after_refusal_days = 90        # look also so long after a closing, since refused leads may buy; default: not at all
# triggers = ["inbound"]         # look also after each inbound interaction (a direction, kind or channel), once a day

[split]
# test_from = "2025-06-01"       # what begins here is only judged on; default: the last 15 % that can be
# test_share = 0.15
# leads = "apart"                # a lead that lives on into the next period is in one alone: stricter, for fewer looks

[bands]                          # what is promised of the leads called hot (within hot_days) and warm (warm_days)
hot = {least_reach = 0.25}       # the highest multiple of the base rate borne while it holds a quarter of the buyers;
warm = {least_reach = 0.25}      # or {rate = 0.15, confidence = 0.90}, {reach = 0.50}, {rate = 0.15, reach = 0.50},
                                 # {up_to = 0.30}, {per_week = 40}, {sale_value = 900, call_cost = 60}, a cut-off as 0.30
# hysteresis = 0.2               # a lead stays in its band until its odds fall so far below the cut-off's

[features]                       # the catalogue is made from your data; add to it or drop from it
# owner = "owner"                # the attribute that names the lead's owner
# drop = ["calendar_hour"]       # names as `lead-temperature features` prints them; * stands for any text
# add = [{feature = "Count", selection = {kind = ["call"], outcome = ["answered"]}, days = 5}]
# file = "my_features.py"        # or a Python file that sets FEATURES

[audit]                          # what times prove to be written with the outcome is left out
# allow = []                     # names to use all the same
# drop = []                      # names to leave out, for instance suspects that are filled in at the sale

[calibration]
# method = "anchored"            # or auto, beta, wide_beta, platt, isotonic, venn_abers

[model]
# kind = "auto"                  # or "blend", "booster", "scorecard": a points card
# trees = 100
# leaves = 7
# seed = 1
# monotone = {"count[[]direction=inbound]*" = "increasing"}   # with more of it, never the colder

[scorecard]                      # points cards that you have edited
# hot = "hot.json"               # from a bundle with a points card

[gate]
# least_conversions = 30         # later leads that must have converted before champion and challenger are compared
# margin = 0.1                   # share of the champion's gain over the base rate that a challenger may lose

[contract]                       # what callers of the server may rely on; docs/serving.md
# retired_days = 180             # how long a name is accepted that a new champion does not read

[report]                         # what the managers' report counts by; docs/report.md
# channel = "source"             # default: channel, source, lead_source or utm_source
# owner = "owner"
# source_kind = "source_kind"    # or seeds = ["referral"], nets = ["search"], spears = ["cold_outreach"]
# funnel = [{step = "quoted", selection = {kind = ["quote_sent"]}}]
# spend = "spend.csv"            # channel,month,reach,clicks,cost

[registry]
# folder = "artifacts"           # MLflow's store and runs
# tracking_uri = "http://…"      # an MLflow server; default: the environment's MLFLOW_TRACKING_URI, else the folder
"""

_FIRST_OF_TRAINING = "[horizons]"


def template_with(sections: str) -> str:
    """Template with the sections of an export in the place of its examples.

    Parameters
    ----------
    sections : str
        The sections ``[data]`` to ``[attributes]`` as TOML.
    """
    head = (
        "# A first draft of what your exports mean, guessed from their headers and values: look over\n"
        "# each line. docs/exports.md says more about each CRM. Lines that begin with # are examples or defaults.\n\n"
    )
    return head + sections.rstrip() + "\n\n" + TEMPLATE[TEMPLATE.index(_FIRST_OF_TRAINING) :]
