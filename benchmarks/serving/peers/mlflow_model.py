"""The same work for MLflow: `mlflow_model.py WORK FOLDER` saves what `models serve` serves."""

import sys

import mlflow.pyfunc
import numpy as np
from model import RATES, forest


class Predict(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        amount, country = model_input["amount"][0], model_input["country"][0]
        score = float(amount) * RATES.get(country, 0.25)
        return {"score": score, "country": country, "high": bool(amount > 1000)}


class Classify(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return forest.predict_proba(np.asarray(model_input))[:, 1].tolist()


class Scale(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (np.asarray(model_input) * 2.0 + 1.0).tolist()


if __name__ == "__main__":
    work, folder = sys.argv[1:]
    kinds = {"predict": Predict, "classify": Classify, "scale": Scale}
    mlflow.pyfunc.save_model(folder, python_model=kinds[work](), pip_requirements=[])
