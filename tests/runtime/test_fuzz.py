"""Requests made up from the OpenAPI document: every answer is one that the document allows."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.kinds_app import FUNCTIONS, NAMES, TYPES

ALWAYS = [content_type_conformance, not_a_server_error, response_schema_conformance,
          status_code_conformance]  # fmt: skip
# What JSON Schema has no words for
UNSAID = {
    "Input should be base64 text",
    "Input should be a valid decimal",
    "Input should be an array of numbers (float64)",
    "Input should be an array of whole numbers (int64)",
    "Input should be an array whose lists have the same length and depth",
    "Input should be a list of records or lists by column",
}

load_all_checks()


@pytest.fixture(scope="module")
def schema(start_once):
    running = start_once(
        ("types", "production", TYPES),
        ("functions", "production", FUNCTIONS),
        endpoints={name: [] for name in NAMES},
        service=ServiceSettings(batchable=("joined",)),
    )
    found = schemathesis.openapi.from_url(str(running.client.base_url.join("/openapi.json")))
    found.hook("map_body")(whole)
    return found


def whole(_, body):
    """To JSON Schema 1.0 is an integer; here it is a float, as it is in Python."""
    if isinstance(body, dict):
        return {key: whole(_, value) for key, value in body.items()}
    if isinstance(body, list):
        return [whole(_, item) for item in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", NAMES)
def test_answers_are_as_the_document_says(schema, name, mode) -> None:
    session = requests.Session()

    @seed(1)
    @settings(max_examples=15, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=schema[f"/{name}"]["POST"].as_strategy(generation_mode=mode))
    def ask(case) -> None:
        answer = case.call(session=session)
        case.validate_response(answer, checks=checks_of(case, answer))

    with session:
        ask()


def checks_of(case, answer):
    # Forms and queries know no types: what is wrong in them may read as something right
    if case.media_type != "application/json" or case.query:
        return ALWAYS
    said = answer.json() if answer.status_code == 422 else {"errors": []}
    if any(error["message"] in UNSAID for error in said["errors"]):
        return [*ALWAYS, negative_data_rejection]
    return [*ALWAYS, negative_data_rejection, positive_data_acceptance]
