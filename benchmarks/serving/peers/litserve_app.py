"""The same work for LitServe, one API a process: `litserve_app.py WORK PORT`."""

import sys

import litserve
import numpy as np
from model import RATES, forest


class Predict(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def predict(self, request: dict) -> dict:
        rate = RATES.get(request["country"], 0.25)
        amount = request["amount"]
        return {"score": amount * rate, "country": request["country"], "high": amount > 1000}


class Classify(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def predict(self, request: dict) -> list:
        return forest.predict_proba(np.asarray(request["rows"]))[:, 1].tolist()


class ClassifyJoined(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def decode_request(self, request: dict) -> np.ndarray:
        return np.asarray(request["rows"][0])

    def batch(self, inputs: list) -> np.ndarray:
        return np.stack(inputs)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return forest.predict_proba(rows)[:, 1]

    def unbatch(self, output: np.ndarray) -> list:
        return list(output)

    def encode_response(self, output: float) -> list:
        return [float(output)]


class Scale(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def predict(self, request: dict) -> list:
        return (np.asarray(request["values"]) * 2.0 + 1.0).tolist()


if __name__ == "__main__":
    work, port = sys.argv[1:]
    if work == "classify_joined":
        api = ClassifyJoined(max_batch_size=64, batch_timeout=0.005, api_path="/classify_joined")
    else:
        kinds = {"predict": Predict, "classify": Classify, "scale": Scale}
        api = kinds[work](api_path=f"/{work}")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(port), num_api_servers=1, generate_client_file=False, log_level="warning")
