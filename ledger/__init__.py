"""What was answered about leads, and what came of it; start with `ledger.record`.

`record` is one answer as it was given. `store` keeps answers in a database and gives them back,
`schema` and `migrations` say how they lie there, `forgetting` erases leads and old answers and
keeps sums, `hashing` replaces lead ids by keyed hashes, and `writer` keeps the answers of a server
without holding it up. Only `store`, `schema`, `migrations` and `forgetting` load SQLAlchemy.
"""
