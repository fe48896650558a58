"""The engineer's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.config import SecretRef, parse_config, read_config
from nbdeploy_ext.core.errors import ConfigInvalid
from nbdeploy_ext.core.requirement_files import read_requirement_file

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('endpoints = "decide"', "endpoints should be a list"),
        ('name = "My Service"', "name should be of lower-case letters"),
        ("service = 1", "service should be a table"),
        ('[service]\ntimeout = "1..2s"', 'service.timeout is no duration; write "30s"'),
        ('[service]\nmemory = "."', 'service.memory is no size; write "512m"'),
        ('[service]\nauth = "t0ken"', 'service.auth should be a secret, { secret = "NAME" }'),
        ('[service]\nauth = { secret = "a b" }', "service.auth.secret should be of letters"),
        ('[image]\napt = ["curl; reboot"]', "image.apt.0 is no name"),
        ('[image]\nplatform = "amd64"', "image.platform should be 'linux/amd64' or 'linux/arm64'"),
        ('[image]\nindex_url = "simple"', "image.index_url is no URL of a package index"),
        ('[env]\n"A B" = "x"', "env.A B is no name"),
        ('[target.docker]\npublish = "there"', 'target.docker.publish is no address; write "127'),
        ('[target.docker]\npublish = "1.2.3.4:70000"', "target.docker.publish is no address"),
        ('[alerts]\nchannels = ["me"]', "alerts.channels has one that is no Apprise URL"),
    ],
)
def test_a_wrong_value_is_told_in_the_files_own_words(text: str, said: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse_config(text)
    assert said in refused.value.message
    assert "t0ken" not in refused.value.message


def test_what_engineers_write_is_taken() -> None:
    config = parse_config(
        'image = { apt = ["g++", "libgomp1=12.2.0-14", "curl/bookworm"] }\n'
        '[env]\n"my.var" = ""\n[target.docker]\npublish = 8001\n'
        '[service]\ntimeout = "1.5m"\nmemory = ".5g"\n'
    )
    assert config.target.docker.publish == "8001"
    assert (config.service.timeout, config.service.memory) == (90, 2**29)
    assert config.env == {"my.var": ""}


def test_a_byte_order_mark_is_no_fault_and_another_encoding_is_told(tmp_path: Path) -> None:
    file = tmp_path / "nbdeploy.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "x"')
    assert read_config(tmp_path).name == "x"
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigInvalid, match="UTF-8"):
        read_config(tmp_path)


def test_a_requirements_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"none\.txt.* can't be read: No such file") as refused:
        read_requirement_file(tmp_path / "none.txt")
    assert "relative to the notebook" in refused.value.hint


def test_certificates_stand_beside_the_notebook_or_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "nbdeploy.toml"
    file.write_text('[image]\nca_bundle = "certificates.pem"\n')
    with pytest.raises(ConfigInvalid, match=r"line 2: image\.ca_bundle is no file"):
        read_config(tmp_path)
    (tmp_path / "certificates.pem").touch()
    assert read_config(tmp_path).image.ca_bundle == str(tmp_path / "certificates.pem")
    file.write_text(f'[image]\nca_bundle = "{tmp_path}/certificates.pem"\n')
    assert read_config(tmp_path).image.ca_bundle == str(tmp_path / "certificates.pem")
