"""URLs of databases: the environment's values in their places, and no secret in a message."""

import pytest
import sqlalchemy as sa

from features.database_urls import database_url, expand_variables, shown_url, without_secrets


def test_a_variable_that_is_not_set_is_named_with_its_setting() -> None:
    with pytest.raises(ValueError, match=r"--ledger names \$CRM_PASSWORD, which is not set"):
        expand_variables("$CRM_PASSWORD", "--ledger", {})


def test_a_value_from_the_environment_is_not_expanded_again() -> None:
    assert expand_variables("$A-$B", "--ledger", {"A": "$B", "B": "b"}) == "$B-b"


def test_a_variable_may_hold_the_whole_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_URL", "postgresql://ana:s3cret@db/crm")
    assert database_url("$CRM_URL", "--ledger") == sa.URL.create(
        "postgresql+psycopg", "ana", "s3cret", "db", database="crm"
    )


@pytest.mark.parametrize("url", ["crm:s3cret", "postgresql://ana:s3cret@host:port/crm"])
def test_what_is_no_url_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"--ledger must be a URL such as") as caught:
        database_url(url, "--ledger")
    assert "s3cret" not in str(caught.value)


def test_a_database_is_shown_without_user_and_password() -> None:
    url = database_url("postgresql://ana:s3cret@db/crm?sslkey=k3y", "--ledger")
    assert shown_url(url) == "postgresql db/crm"
    assert without_secrets("s3cret and k3y are wrong", url) == "*** and *** are wrong"
