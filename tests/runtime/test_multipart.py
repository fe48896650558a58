"""Multipart bodies to parts, and back from what a client of its own makes of them."""

from __future__ import annotations

import os

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy_ext.runtime.faults import BodyUnreadable
from nbdeploy_ext.runtime.media import read_media_type
from nbdeploy_ext.runtime.multipart import Part, read_parts

STEADY = settings(deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)

BODY = (
    b'preamble\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--x  \r\ncontent-disposition: form-data; name=b; filename="\xc3\xa9.bin"\r\n'
    b"Content-Type: image/png\r\n\r\n\x00\r\n--y\r\n\r\n--x--\r\nepilogue"
)


def test_a_part_is_its_name_its_file_its_type_and_its_bytes() -> None:
    first, second = read_parts(BODY, "x")
    assert first == Part("a", "", "", b"one")
    assert (second.name, second.content_type) == ("b", "image/png")
    assert second.content == b"\x00\r\n--y\r\n"


@settings(STEADY)
@given(
    st.lists(st.tuples(st.from_regex(r"[a-zA-Z_ ]{1,8}", fullmatch=True), st.binary()), max_size=5)
)
def test_files_that_a_client_sends_come_out_whole(files) -> None:
    sent = [(name, ("f.bin", content, "application/x-f")) for name, content in files]
    request = httpx.Request("POST", "http://x", files=sent or {"none": b""})
    kind, told = read_media_type(request.headers["content-type"])
    parts = read_parts(request.read(), told["boundary"])
    assert kind == "multipart/form-data"
    if files:
        assert [(part.name, part.content) for part in parts] == files


@settings(STEADY)
@given(st.binary(), st.binary(max_size=20))
def test_any_bytes_are_parts_or_are_refused(body, middle) -> None:
    for sent in (body, BODY[:60] + middle + BODY[60:]):
        try:
            parts = read_parts(sent, "x")
        except BodyUnreadable:
            continue
        assert all(isinstance(part, Part) for part in parts)


@pytest.mark.parametrize("cut", range(0, len(BODY) - 14, 7))
def test_a_body_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(BodyUnreadable):
        read_parts(BODY[:cut], "x")


def test_too_many_parts_are_refused() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    with pytest.raises(BodyUnreadable):
        read_parts(part * 1001 + b"--x--", "x")
