"""The server that LitServe is; see `benchmarks.serving_peer`."""

import sys

import litserve  # type: ignore[import-not-found]  # only where the peers live

from benchmarks.serving_peer import Json, answering


class Score(litserve.LitAPI):  # type: ignore[misc]
    """One lead at a time."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe tells it
        """Read the bundle once."""
        self.answer = answering()

    def predict(self, lead: Json) -> Json:
        """What is done for a lead."""
        return self.answer(lead)


if __name__ == "__main__":
    server = litserve.LitServer(Score(api_path="/score"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), generate_client_file=False, access_log=False)
