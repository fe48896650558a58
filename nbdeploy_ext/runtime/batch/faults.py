"""Why a batch can't run, in one sentence for whoever started it."""

from __future__ import annotations


class BatchRefused(Exception):
    """The run can't begin or go on; the message holds no value of the table."""

    status = 1


class WrongUsage(BatchRefused):
    """What was asked for makes no sense: an option, a column, a format."""

    status = 2
