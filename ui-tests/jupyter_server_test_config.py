"""The server that the browser tests use: it has no protection, so it stays on loopback."""

import os

from jupyterlab.galata import configure_jupyter_server

configure_jupyter_server(c)  # noqa: F821

c.ServerApp.ip = "127.0.0.1"  # noqa: F821
c.ServerApp.port = int(os.environ.get("UI_TEST_PORT", "8917"))  # noqa: F821
c.ServerApp.port_retries = 0  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821
# One test file opens two browsers on one notebook; all others run without it.
c.ServerApp.jpserver_extensions = {  # noqa: F821
    "nbdeploy_ext": True,
    "jupyter_server_ydoc": os.environ.get("UI_TEST_COLLABORATION") == "1",
}
