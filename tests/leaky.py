"""A notebook that shows a secret wherever a notebook can hold more than sources."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "AKIAIOSFODNN7" + "ZYXWVUT"
_IMAGE = base64.b64encode(f"\x89PNG....{SECRET}....".encode()).decode()
FORMS = (SECRET.encode(), _IMAGE.encode(), base64.b64encode(SECRET.encode()).rstrip(b"="))
"""The secret as it is, and as base64 may hold it."""

OUTPUTS: tuple[dict[str, Any], ...] = (
    {"output_type": "stream", "name": "stdout", "text": ["signed in with ", SECRET]},
    {"output_type": "execute_result", "execution_count": 3, "metadata": {"note": SECRET},
     "data": {"text/plain": [SECRET], "text/html": f"<b>{SECRET}</b>", "image/png": _IMAGE,
              "application/json": {"key": SECRET}}},
    {"output_type": "display_data", "metadata": {},
     "data": {"application/vnd.jupyter.widget-view+json": {"model_id": SECRET}}},
    {"output_type": "error", "ename": "E", "evalue": SECRET, "traceback": [f"\x1b[31m{SECRET}"]},
)  # fmt: skip


def write_leaky(folder: Path) -> Path:
    """Write a notebook that can be deployed, with the secret in every such place."""
    path = write_notebook(folder, *LOAN, ("look", None, "print('signed in')"))
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        cell["outputs"] = list(OUTPUTS)
        cell["execution_count"] = None
        cell["metadata"].update({"papermill": {"error": SECRET}, "execution": {"reply": SECRET},
                                 "nbdeploy": {"seen": SECRET}})  # fmt: skip
        cell["vendor"] = {"kept": SECRET}
    text = {
        "id": "text", "cell_type": "markdown", "source": "![picture](attachment:p.png)",
        "metadata": {"kept": SECRET}, "attachments": {"p.png": {"image/png": _IMAGE,
                                                                "text/plain": SECRET}},
    }  # fmt: skip
    raw = {"id": "raw", "cell_type": "raw", "source": "raw", "metadata": {"format": SECRET}}
    content["cells"] += [text, raw]
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"value": SECRET}}}}
    content["metadata"].update(
        {"widgets": state, "papermill": {"parameters": {"key": SECRET}}, "signature": SECRET,
         "kernelspec": {"name": "python3", "display_name": "Python 3", "env": {"KEY": SECRET}},
         "language_info": {"name": "python", "mimetype": SECRET}, "nbdeploy": {"last": SECRET}}
    )  # fmt: skip
    content["vendor"] = SECRET
    path.write_text(json.dumps(content))
    return path
