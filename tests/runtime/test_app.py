"""The routes around the endpoints: documents, probes, limits of HTTP, the token."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

TYPES = """\
import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Iterator, Literal, Optional, TypedDict, Union
from uuid import UUID
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

class Colour(Enum):
    RED = "red"

class Level(IntEnum):
    LOW = 1

class Kernel(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    weights: NDArray[np.float64] = np.eye(2)
    scale: np.float32 = np.float32(0.5)

@dataclass
class Applicant:
    income: float
    colour: Colour = Colour.RED
    photo: bytes = b""

class Row(TypedDict):
    id: int

class Form(BaseModel):
    age: Annotated[int, Field(ge=0)]
    applicant: Optional[Applicant] = None

class Own:
    pass
"""
ENDPOINTS = '''\
def decide(applicant: Applicant, /, limit: float = 0.5, *, kind: Literal["a", "b"] = "a") -> bool:
    """Say whether a loan is granted.

    By a rule.
    """
    return True

def kinds(
    number: int, when: dt.datetime, day: dt.date, span: dt.timedelta, price: Decimal, key: UUID,
    raw: bytes, rows: list[Row], form: Form, array: NDArray[np.float64], frame: pd.DataFrame,
    series: pd.Series, either: Union[int, str], maybe: Optional[int], own: Own, anything,
    once: set[int], by_number: dict[int, str], by_level: dict[Level, str], kernel: Kernel,
    free: Annotated[Any, WithJsonSchema({"type": ["string", "null"]})],
    scalar: np.float32 = np.float32(1.5), colour: Colour = Colour.RED,
    missing: float = float("nan"),
) -> dict[str, Row]:
    return {}

def open_ended(a: int, *rest: int, **weights: float) -> None:
    return None

def stream(n: int) -> Iterator[Form]:
    yield from ()

def tables(rows: pd.DataFrame, limit: float = 0.5) -> pd.DataFrame:
    return rows

def upload(raw: bytes) -> bytes:
    return raw

def say(text: str) -> str:
    return text

def draw() -> Figure:
    return Figure()
'''
NAMES = ("decide", "kinds", "open_ended", "stream", "tables", "upload", "say", "draw")
FLOAT32 = 3.4028234663852886e38
EXAMPLE = {"applicant": {"income": 1.0, "photo": "AP8="}}


@pytest.fixture(scope="module")
def running(start_once):
    return start_once(
        ("types", "production", TYPES),
        ("calls", "production", ENDPOINTS),
        ("watch", "monitor", "len(calls)"),
        endpoints={name: [EXAMPLE] if name == "decide" else [] for name in NAMES},
        git_commit="abc123",
        env={"NBDEPLOY_VERSION": "7"},
    )


@pytest.fixture(scope="module")
def document(running):
    return running.client.get("/openapi.json").json()


def arguments_of(document, name):
    body = document["paths"][f"/{name}"]["post"]["requestBody"]
    return body["content"]["application/json"]["schema"]


def result_of(document, name, kind="application/json"):
    return document["paths"][f"/{name}"]["post"]["responses"]["200"]["content"][kind]["schema"]


def test_the_document_is_openapi_3_1(document) -> None:
    assert document["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_document_says_what_an_endpoint_takes_and_gives(document) -> None:
    operation = document["paths"]["/decide"]["post"]
    assert operation["summary"] == "Say whether a loan is granted."
    assert operation["requestBody"]["required"] is True
    schema = arguments_of(document, "decide")
    assert schema["required"] == ["applicant"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["limit"] == {"type": "number", "title": "Limit", "default": 0.5}
    assert schema["properties"]["kind"]["enum"] == ["a", "b"]
    assert result_of(document, "decide") == {"type": "boolean"}
    said = {"200", "400", "406", "413", "415", "422", "500", "503", "504"}
    assert said <= set(operation["responses"])


def test_the_document_shows_the_example_that_answered(document) -> None:
    body = document["paths"]["/decide"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"] == {"example1": {"value": EXAMPLE}}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("number", {"type": "integer"}),
        ("when", {"type": "string", "format": "date-time"}),
        ("day", {"type": "string", "format": "date"}),
        ("span", {"type": "string", "format": "duration"}),
        ("key", {"type": "string", "format": "uuid"}),
        ("raw", {"type": "string", "contentEncoding": "base64"}),
        ("array", {"type": "array"}),
        ("series", {"anyOf": [{"type": "array"}, {"type": "object"}]}),
        ("either", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("maybe", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("scalar", {"type": "number", "default": 1.5, "minimum": -FLOAT32, "maximum": FLOAT32}),
        ("missing", {"type": "number"}),
        ("own", {}),
        ("once", {"type": "array", "items": {"type": "integer"}}),
        (
            "by_number",
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"pattern": "^-?[0-9]+$"},
            },
        ),
        (
            "by_level",
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"enum": ["1"]},
            },
        ),
        ("free", {"type": ["string", "null"]}),
        ("anything", {}),
    ],
)
def test_the_document_says_the_truth_of_each_type(document, name, said) -> None:
    schema = arguments_of(document, "kinds")["properties"][name]
    assert {key: value for key, value in schema.items() if key != "title"} == said


def test_the_document_names_the_notebooks_own_types(document) -> None:
    shared = document["components"]["schemas"]
    assert arguments_of(document, "kinds")["properties"]["colour"]["default"] == "red"
    assert shared["Colour"]["enum"] == ["red"]
    applicant = arguments_of(document, "decide")["properties"]["applicant"]
    schema = shared[applicant["$ref"].rpartition("/")[2]]
    assert schema["required"] == ["income"]
    assert schema["properties"]["photo"]["contentEncoding"] == "base64"


def test_the_document_says_the_defaults_of_fields_as_those_of_arguments(running, document) -> None:
    fields = document["components"]["schemas"]["Kernel"]["properties"]
    assert fields["weights"]["default"] == [[1.0, 0.0], [0.0, 1.0]]
    assert fields["scale"]["default"] == 0.5
    assert "is not JSON serializable" not in "".join(running.log)


def test_the_document_says_what_any_number_of_arguments_are(document) -> None:
    schema = arguments_of(document, "open_ended")
    assert list(schema["properties"]) == ["a", "rest"]
    assert schema["additionalProperties"] == {"type": "number"}


def test_the_document_says_what_a_stream_is_of(document) -> None:
    schema = result_of(document, "stream", "application/x-ndjson")
    assert schema["$ref"].startswith("#/components/schemas/Form")


TABLES = {
    "text/csv", "text/tab-separated-values", "application/x-ndjson",
    "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
}  # fmt: skip
FORMS = {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}


@pytest.mark.parametrize(
    ("name", "taken", "given"),
    [
        ("decide", FORMS, {"application/json"}),
        ("tables", FORMS | TABLES, {"application/json", "text/html", *TABLES}),
        ("upload", {*FORMS, "application/octet-stream"},
         {"application/json", "application/octet-stream"}),
        ("say", {*FORMS, "text/plain"}, {"application/json", "text/plain"}),
        ("draw", FORMS, {"image/png", "image/svg+xml", "application/pdf"}),
        ("stream", FORMS, {"application/x-ndjson"}),
    ],
)  # fmt: skip
def test_the_document_names_every_type_of_bodies_and_results(document, name, taken, given) -> None:
    operation = document["paths"][f"/{name}"]["post"]
    assert set(operation["requestBody"]["content"]) == taken
    assert set(operation["responses"]["200"]["content"]) == given


def test_the_document_says_what_goes_into_the_query_beside_a_table(document) -> None:
    told = document["paths"]["/tables"]["post"]["parameters"]
    assert [(p["name"], p["in"], p["schema"]["type"]) for p in told] == [
        ("limit", "query", "number")
    ]
    file = document["paths"]["/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert file["schema"]["properties"]["raw"] == {
        "type": "string", "contentMediaType": "application/octet-stream"
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_the_page_needs_nothing_from_the_internet(running, path) -> None:
    answer = running.client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert re.findall(r"(?:https?:)?//[\w.]+|@import|<link|src=", answer.text) == []
    assert "fetch('openapi.json'" in answer.text


def test_the_version_names_notebook_cells_and_commit(running) -> None:
    said = running.client.get("/version").json()
    assert (said["notebook"], said["version"], said["git_commit"]) == ("loan.ipynb", 7, "abc123")
    cells = {cell["id"]: cell for cell in said["cells"]}
    assert list(cells) == ["types", "calls", "watch"]
    assert cells["calls"]["sha256"] == hashlib.sha256(ENDPOINTS.encode()).hexdigest()
    assert cells["watch"]["role"] == "monitor"


def test_the_probes_answer(running) -> None:
    assert running.client.get("/healthz").json() == {"status": "alive"}
    assert running.client.get("/readyz").json() == {"status": "ready"}
    assert running.client.head("/healthz").status_code == 200


def test_an_unknown_path_is_a_problem(running) -> None:
    answer = running.client.post("/nothing", json={}, headers={"X-Request-ID": "mine"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/decide", {"POST"}), ("DELETE", "/decide", {"POST"}),
    ("POST", "/version", {"GET", "HEAD"}),
])  # fmt: skip
def test_a_wrong_method_is_told_the_right_one(running, method, path, allowed) -> None:
    answer = running.client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.headers["x-request-id"]) == 32


def test_a_body_in_another_coding_is_not_taken_for_json(running) -> None:
    body, coded = json.dumps({"a": 1}).encode(), {"Content-Encoding": "gzip"}
    answer = running.client.post("/open_ended", content=gzip.compress(body), headers=coded)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    plain = {"Content-Encoding": "identity"}
    assert running.client.post("/open_ended", content=body, headers=plain).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread(running) -> None:
    head = b"POST /decide HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n"
    address = (running.client.base_url.host, running.client.base_url.port)
    with socket.create_connection(address, 20) as s:
        s.sendall(head)
        s.sendall(b" " * 2**22)  # more than the system holds for a caller that sends on
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert b"\r\nconnection: close\r\n" in answer


def test_a_body_that_grows_too_large_is_refused(running) -> None:
    def chunks():
        for _ in range(101):
            yield b" " * 2**20

    assert running.client.post("/decide", content=chunks()).status_code == 413
    metrics = running.client.get("/metrics").text
    assert 'nbdeploy_requests_total{endpoint="decide",status="413"}' in metrics


def test_a_large_body_is_taken(running) -> None:
    body = {"a": 1, **{f"w{n}": n / 3 for n in range(20_000)}}
    assert running.client.post("/open_ended", json=body).json() is None


def test_the_state_of_monitors_is_told_before_their_first_run(running) -> None:
    state = running.client.get("/monitors").json()[0]
    assert (state["cell"], state["state"]) in {("watch", "pending"), ("watch", "ok")}
