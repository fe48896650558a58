"""Output that grows and can be cut: what a run has written so far, until it is complete."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from .faults import BatchRefused
from .places import LocalPlace, RemotePlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .places import Place

    Reopen: TypeAlias = Callable[[], io.BufferedReader]
    Finish: TypeAlias = Callable[[Reopen, BinaryIO], None]

_BLOCK = 2**20


class Part(Protocol):
    """Bytes in the order in which they were added. `length` counts bytes or objects."""

    length: int

    def add(self, content: bytes) -> None:
        """Add some; they are safe once `flush` is done."""
        ...

    @property
    def pending(self) -> int:
        """Return how many bytes wait for `flush`."""
        ...

    def flush(self) -> None:
        """Make what was added so far safe."""
        ...

    def cut(self, length: int) -> None:
        """Drop what was added behind `length`; `BatchRefused` where there is less."""
        ...

    def publish(self, finish: Finish | None) -> None:
        """Let it appear under its final name, through `finish` where one is given.

        That gets what opens the bytes from the beginning, and where to write.
        """
        ...

    def drop(self) -> None:
        """Remove it."""
        ...


def open_part(place: Place, ending: str = ".part") -> Part:
    """Open the unfinished output of a place; `BatchRefused` where another run writes it."""
    if isinstance(place, LocalPlace):
        return LocalPart(place, ending)
    if isinstance(place, RemotePlace):
        return RemotePart(place, ending or ".part")
    raise TypeError(f"{place} is no place that can be written")


class LocalPart:
    """A file beside the final one, or that itself where there is no `ending`."""

    pending = 0

    def __init__(self, place: LocalPlace, ending: str) -> None:
        """Open it and hold it against other runs."""
        self._final = place.path
        self._path = place.beside(ending).path
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        self._file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BatchRefused(f"Another run writes {self._path}.") from None
        self.length = self._file.seek(0, io.SEEK_END)

    def add(self, content: bytes) -> None:
        """Append."""
        self._file.write(content)
        self.length += len(content)

    def flush(self) -> None:
        """Hand it to the system: it outlives this process, though not the machine's power."""
        self._file.flush()

    def cut(self, length: int) -> None:
        """Cut the file."""
        if self.length < length:
            raise BatchRefused(f"{self._path} is not as it was left; --restart begins anew.")
        self._file.truncate(length)
        self.length = self._file.seek(length)

    def publish(self, finish: Finish | None) -> None:
        """Rename it, or what `finish` makes of it."""
        done = self._path
        if finish is not None:
            done = self._path.with_name(f"{self._path.name}.done")
            self._file.flush()
            with done.open("wb") as final:
                finish(lambda: self._path.open("rb"), final)
                _sync(final)
        else:
            _sync(self._file)
        done.replace(self._final)
        if finish is not None:
            self._path.unlink()
        self._file.close()

    def drop(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
        self._file.close()


class RemotePart:
    """Objects beside the final one, as object stores can't append; `length` counts them."""

    def __init__(self, place: RemotePlace, ending: str) -> None:
        """Find what is there."""
        self._place = place
        self._system: Any = place.system
        self._folder = f"{place.path}{ending}"
        self._waiting = bytearray()
        self.length = 0
        while self._system.exists(self._object(self.length)):
            self.length += 1

    @property
    def pending(self) -> int:
        """Return how much is not in an object yet."""
        return len(self._waiting)

    def add(self, content: bytes) -> None:
        """Keep it for the next object."""
        self._waiting += content

    def flush(self) -> None:
        """Write an object."""
        if self._waiting:
            self._system.makedirs(self._folder, exist_ok=True)
            self._system.pipe_file(self._object(self.length), bytes(self._waiting))
            self.length += 1
            self._waiting.clear()

    def cut(self, length: int) -> None:
        """Remove the objects behind."""
        if self.length < length:
            where = f"{self._place.name}.part"
            raise BatchRefused(f"{where} is not as it was left; --restart begins anew.")
        while self.length > length:
            self.length -= 1
            self._system.rm_file(self._object(self.length))

    def publish(self, finish: Finish | None) -> None:
        """Copy them one behind the other; the final object appears when that is complete."""
        with self._system.open(self._place.path, "wb") as final:
            (finish or _copy)(self._reopen, final)
        self.drop()

    def drop(self) -> None:
        """Remove the objects, the last one first."""
        self.cut(0)
        if self._system.exists(self._folder):
            self._system.rm(self._folder, recursive=True)

    def _reopen(self) -> io.BufferedReader:
        return io.BufferedReader(_Joined(self._opened, self.length), _BLOCK)

    def _object(self, number: int) -> str:
        return f"{self._folder}/{number:08}"

    def _opened(self, number: int) -> BinaryIO:
        return self._system.open(self._object(number), "rb")  # type: ignore[no-any-return]


class _Joined(io.RawIOBase):
    """Files read as one."""

    def __init__(self, opened: Callable[[int], BinaryIO], count: int) -> None:
        self._opened = opened
        self._count = count
        self._number = 0
        self._file: BinaryIO | None = None

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the file that is its turn."""
        while self._number < self._count or self._file is not None:
            if self._file is None:
                self._file = self._opened(self._number)
                self._number += 1
            content = self._file.read(len(buffer))
            if content:
                buffer[: len(content)] = content
                return len(content)
            self._file.close()
            self._file = None
        return 0


def _copy(reopen: Reopen, target: BinaryIO) -> None:
    with reopen() as source:
        shutil.copyfileobj(source, target, _BLOCK)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
