"""Files as states: which change when one is written, and on which one that is read rests."""

from __future__ import annotations


def files_read(name: str) -> tuple[str, ...]:
    """Return the states that a file's content rests on: `?` stands for a path that nobody knows.

    A file rests on the folders that it is in as a whole, a folder on everything below it.
    """
    if name == "@file:?":
        return ("@file:?all",)
    return (name, name + "/", "@file:?", *_folders(name))


def files_written(name: str) -> tuple[str, ...]:
    """Return the states that change when a file is written."""
    return (name, "@file:?all", *(folder + "/" for folder in _folders(name)))


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
