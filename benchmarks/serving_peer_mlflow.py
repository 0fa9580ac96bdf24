"""The model that MLflow is told to serve; see `benchmarks.serving_peer`."""

from typing import Any

import mlflow

from benchmarks.serving_peer import answering


class Score(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow gives it no type
    """Every row of a data frame is a lead."""

    def load_context(self, context: Any) -> None:  # noqa: ARG002 - MLflow calls it by this name
        """Read the bundle once."""
        self.answer = answering()

    def predict(self, model_input: Any) -> list[dict[str, Any]]:
        """What is done for a lead."""
        return [self.answer(lead) for lead in model_input.to_dict("records")]


mlflow.models.set_model(Score())
