"""Fixtures of the Jupyter server for all tests; the rest stand beside their tests."""

from __future__ import annotations

pytest_plugins = ("pytest_jupyter.jupyter_server",)
