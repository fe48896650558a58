"""The same work for BentoML; `joined` is its adaptive batching."""

import bentoml
import numpy as np
from model import RATES, forest


@bentoml.service(workers=1, traffic={"timeout": 30})
class Work:
    @bentoml.api
    def predict(self, amount: float, country: str) -> dict:
        rate = RATES.get(country, 0.25)
        return {"score": amount * rate, "country": country, "high": amount > 1000}

    @bentoml.api
    def classify(self, rows: list[list[float]]) -> list[float]:
        return forest.predict_proba(np.asarray(rows))[:, 1].tolist()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
    def classify_joined(self, rows: np.ndarray) -> np.ndarray:
        return forest.predict_proba(rows)[:, 1]

    @bentoml.api
    def scale(self, values: list[float]) -> list[float]:
        return (np.asarray(values) * 2.0 + 1.0).tolist()
