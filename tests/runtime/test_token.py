"""The token that callers send, where the engineer asks for one."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import serve, write_app


@pytest.fixture(scope="module")
def guarded(start_once):
    return start_once(
        ("calls", "production", "def one() -> int:\n    return 1"),
        endpoints={"one": []},
        service=ServiceSettings(auth="TOKEN"),
        env={"TOKEN": "s3cret-token"},
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic s3cret-token"}, 401),
        ({"authorization": "Bearer s3cret-tokem"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "bearer s3cret-token"}, 200),
        ({"authorization": "Bearer s3cret-token"}, 200),
    ],
)
def test_callers_send_the_token(guarded, headers, status) -> None:
    answer = guarded.client.post("/one", json={}, headers=headers)
    assert answer.status_code == status
    assert (status == 401) == (answer.headers.get("www-authenticate") == "Bearer")


@pytest.mark.parametrize("path", ["/openapi.json", "/metrics", "/calls", "/monitors",
                                  "/version", "/nothing", "/healthz/x"])  # fmt: skip
def test_all_but_the_page_and_the_probes_ask_for_the_token(guarded, path) -> None:
    assert guarded.client.get(path).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_token(guarded, path) -> None:
    assert guarded.client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_asks_for_the_token_and_shows_nothing_before(guarded, path) -> None:
    page = guarded.client.get(path)
    assert page.status_code == 200
    assert 'type="password"' in page.text
    assert "one" not in re.findall(r">([^<]*)<", page.text)
    assert "/one" not in page.text


def test_the_document_of_a_guarded_service_says_so(guarded) -> None:
    document = guarded.client.get(
        "/openapi.json", headers={"authorization": "Bearer s3cret-token"}
    ).json()
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert document["security"] == [{"bearer": []}]
    assert "401" in document["paths"]["/one"]["post"]["responses"]


def test_an_empty_token_opens_nothing(tmp_path) -> None:
    folder = write_app(
        tmp_path / "app", ("calls", "production", "def one():\n    return 1"),
        endpoints={"one": []}, service=ServiceSettings(auth="TOKEN"),
    )  # fmt: skip
    running = serve(folder, TOKEN="")
    assert running.stop() == 1
    assert "secret TOKEN is empty" in running.events[0]["message"]
