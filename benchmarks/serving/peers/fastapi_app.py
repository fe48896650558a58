"""The same work by hand: FastAPI on uvicorn with uvloop and httptools."""

import numpy as np
import pandas as pd
from fastapi import FastAPI
from model import RATES, forest
from pydantic import BaseModel

app = FastAPI()


class Amount(BaseModel):
    amount: float
    country: str


class Rows(BaseModel):
    rows: list[list[float]]


class Values(BaseModel):
    values: list[float]


class Frame(BaseModel):
    frame: list[dict[str, float]]


@app.post("/predict")
async def predict(body: Amount) -> dict:
    rate = RATES.get(body.country, 0.25)
    return {"score": body.amount * rate, "country": body.country, "high": body.amount > 1000}


@app.post("/classify")
async def classify(body: Rows) -> list[float]:
    return forest.predict_proba(np.asarray(body.rows))[:, 1].tolist()


@app.post("/scale")
async def scale(body: Values) -> list[float]:
    return (np.asarray(body.values) * 2.0 + 1.0).tolist()


@app.post("/enrich")
async def enrich(body: Frame) -> list[dict[str, float]]:
    frame = pd.DataFrame(body.frame)
    frame["total"] = frame["c0"] + frame["c1"]
    return frame.to_dict(orient="records")
