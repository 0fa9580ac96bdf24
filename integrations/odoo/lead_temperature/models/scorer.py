"""The server's HTTP API, as much of it as Odoo needs. Nothing of Odoo is in this file."""

import time

import requests

WAITS = (1, 5)  # seconds between the three tries of one call
LONGEST_WAIT = 30  # who is asked to wait longer comes back with the next run
RETRIED = {408, 429, 502, 503, 504}


class UnavailableError(Exception):
    """The server cannot answer now. Asking later helps."""


class RefusedError(Exception):
    """The server refused a whole call. Asking again does not help: an administrator must."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Scorer:
    """A lead-temperature server at an address, asked with an API key of the role ``score``."""

    TIMEOUT = (5, 60)  # seconds to connect, seconds of silence

    def __init__(self, address, key):
        self._address = address.rstrip("/")
        self._http = requests.Session()
        # What the model no longer knows is told in `warnings`; it stops nobody.
        self._http.headers["Prefer"] = "handling=lenient"
        if key:
            self._http.headers["Authorization"] = f"Bearer {key}"

    def model(self):
        """What the model reads: its attributes, measures, words and limits."""
        return self._call("GET", "/v1/model")

    def score(self, leads):
        """Answer or problem for each lead, in their order."""
        answer = self._call("POST", "/v1/score/batch?reasons=3", json={"leads": leads})
        return answer["results"]

    def _call(self, method, path, **given):
        for wait in (*WAITS, None):
            try:
                response = self._http.request(
                    method, self._address + path, timeout=self.TIMEOUT, **given
                )
            except requests.ReadTimeout as error:  # it is slow: to ask again makes it slower
                raise UnavailableError(f"{self._address} is silent: {error}") from error
            except requests.RequestException as error:
                reason, asked_wait = str(error), None
            else:
                if response.ok:
                    return response.json()
                reason = f"{response.status_code}: {response.text[:500]}"
                if response.status_code not in RETRIED:
                    raise RefusedError(response.status_code, response.text[:2000])
                asked_wait = response.headers.get("Retry-After", "")
                asked_wait = int(asked_wait) if asked_wait.isdecimal() else None
            if wait is None or (asked_wait or 0) > LONGEST_WAIT:
                raise UnavailableError(f"{self._address} does not answer: {reason}")
            time.sleep(wait if asked_wait is None else asked_wait)
        raise AssertionError("the last wait is None")
