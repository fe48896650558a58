"""The servers that the browser tests use: they have no protection, so they stay on loopback."""

import os
from tempfile import mkdtemp

from jupyterlab.galata import configure_jupyter_server

configure_jupyter_server(c)  # noqa: F821

# What the process target keeps: nothing of this machine's own deployments.
os.environ["XDG_STATE_HOME"] = mkdtemp(prefix="galata-state-")
c.Application.log_level = "ERROR"  # noqa: F821
c.ServerApp.ip = "127.0.0.1"  # noqa: F821
c.ServerApp.port = int(os.environ.get("UI_TEST_PORT", "8917"))  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821
c.ServerApp.jpserver_extensions = {"nbdeploy_ext": True}  # noqa: F821
c.YDocExtension.disable_rtc = os.environ.get("UI_TEST_COLLABORATION") != "1"  # noqa: F821
