"""The engineer's file."""

from __future__ import annotations

import pytest

from nbdeploy_ext.core.config import SecretRef, parse_config
from nbdeploy_ext.core.errors import ConfigInvalid


def test_sizes_and_durations_are_read_as_bytes_and_seconds() -> None:
    config = parse_config('[service]\nmemory = "1g"\ntimeout = "2m"\nauth = { secret = "T" }\n')
    assert config.service.memory == 2**30
    assert config.service.timeout == 120
    assert config.service.auth == SecretRef(secret="T")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name = "x"\nnmae = 1\n', 2),
        ("[service]\nport = 1\nprot = 2\n", 3),
        ('[service]\n\nmemory = "lots"\n', 3),
        ("[image\n", 1),
    ],
)
def test_a_fault_names_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigInvalid, match=f"line {line}"):
        parse_config(text)


def test_a_databases_url_is_a_secret_and_its_value_is_not_told() -> None:
    config = parse_config('[calls]\nstore = { secret = "CALLS_URL" }\n')
    assert config.calls.store == SecretRef(secret="CALLS_URL")
    with pytest.raises(ConfigInvalid, match=r"line 2: calls\.store .* PostgreSQL URL") as refused:
        parse_config('[calls]\nstore = "postgresql://me:s3cret@there/calls"\n')
    assert "s3cret" not in str(refused.value) + str(refused.value.details)
