"""Where tables lie: files of this machine, and through fsspec whatever has a URL."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol
from urllib.parse import unquote, urlsplit

from .faults import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self


class Place(Protocol):
    """One file or object. Faults of reading and writing are `OSError`."""

    can_append: ClassVar[bool]

    @property
    def name(self) -> str:
        """Return it for people: without credentials that a URL may hold."""
        ...

    def beside(self, ending: str) -> Place:
        """Return the place whose name is this one's and `ending`."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading; it can seek."""
        ...

    def exists(self) -> bool:
        """Whether there is a file."""
        ...

    def size(self) -> int:
        """Return how many bytes it has, 0 where nobody knows."""
        ...

    def identity(self) -> str:
        """Return text that is another one once the content is."""
        ...

    def read(self) -> bytes | None:
        """Return the content of a small file, None where there is no file."""
        ...

    def write(self, content: bytes) -> None:
        """Replace the content of a small file, all at once."""
        ...

    def remove(self) -> None:
        """Remove it; nothing there is fine."""
        ...

    def require_writable(self) -> None:
        """Raise `OSError` or `WrongUsage` where it is known by now that it can't be written."""
        ...


def find_place(text: str) -> Place:
    """Return the place that a path or a URL names; `WrongUsage` where fsspec is needed and lacks.

    `file://` is a path, too. A URL of another kind is fsspec's, chains (`simplecache::s3://…`) too.
    """
    if text in {"", "-"}:
        raise WrongUsage(f"A table is a file or a URL, not {text or 'nothing'}.")
    if text.startswith("file://"):
        return LocalPlace(Path(unquote(urlsplit(text).path)))
    if "://" in text or "::" in text:
        return _remote(text)
    return LocalPlace(Path(text))


def is_same(one: Place, other: Place) -> bool:
    """Whether two places are one file, by whatever path or link each was named."""
    paths = [path for place in (one, other) if (path := _local_path(place))]
    if len(paths) < len((one, other)):
        return one.name == other.name
    try:
        return paths[0].samefile(paths[1])
    except OSError:  # one is not there yet
        return paths[0].resolve() == paths[1].resolve()


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A file of this machine."""

    can_append: ClassVar[bool] = True

    path: Path

    @property
    def name(self) -> str:
        """Return the path."""
        return str(self.path)

    def beside(self, ending: str) -> LocalPlace:
        """Return the file of that name in the same folder."""
        return LocalPlace(self.path.with_name(self.path.name + ending))

    def open(self) -> BinaryIO:
        """Open it for reading."""
        return self.path.open("rb")

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.is_file()

    def size(self) -> int:
        """Return its length in bytes."""
        return self.path.stat().st_size

    def identity(self) -> str:
        """Return its name, length and time of the last change."""
        found = self.path.stat()
        return _hash(f"{self.path.name} {found.st_size} {found.st_mtime_ns}")

    def read(self) -> bytes | None:
        """Return its content, or None."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        """Write beside it, then take its place."""
        staged = self.beside(".new").path
        staged.write_bytes(content)
        staged.replace(self.path)

    def remove(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)

    def require_writable(self) -> None:
        """Look at the folder."""
        folder = self.path.absolute().parent
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path))
        if self.path.exists() and not self.path.is_file():
            # It would be replaced, a device such as /dev/stdout for the whole machine
            raise WrongUsage(f"{self.path} is no file; an output is one that is made anew.")
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """An object of a file system of fsspec's: `path` is its name there, `url` as it was given."""

    can_append: ClassVar[bool] = False

    url: str
    system: Any
    path: str

    @property
    def name(self) -> str:
        """Return the URL without user, password and query, which may be a signature."""
        return shown_url(self.url)

    def beside(self, ending: str) -> Self:
        """Return the object of that name."""
        return type(self)(self.url + ending, self.system, self.path + ending)

    def open(self) -> BinaryIO:
        """Open it for reading."""
        with _bare_faults(self.name):
            return self.system.open(self.path, "rb")  # type: ignore[no-any-return]

    def exists(self) -> bool:
        """Whether there is an object."""
        self.system.invalidate_cache()
        return bool(self.system.exists(self.path))

    def size(self) -> int:
        """Return its length in bytes, 0 where the server doesn't say."""
        with _bare_faults(self.name):
            return int(self.system.info(self.path).get("size") or 0)

    def identity(self) -> str:
        """Return a hash of what the file system says of it: length, time or tag."""
        return _hash(f"{self.path} {self.size()} {self.system.ukey(self.path)}")

    def read(self) -> bytes | None:
        """Return its content, or None."""
        self.system.invalidate_cache()
        try:
            return bytes(self.system.cat_file(self.path))
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        """Put it there; an object is there whole or not at all."""
        with _bare_faults(self.name):
            self.system.pipe_file(self.path, content)

    def remove(self) -> None:
        """Remove it."""
        if self.exists():
            self.system.rm_file(self.path)

    def require_writable(self) -> None:
        """Leave it to the first object, but where that would be lost."""
        if self.url.startswith("memory://"):
            raise WrongUsage(f"{self.name} would be gone once the run ends; name another output.")


def _local_path(place: Place) -> Path | None:
    """Return the path of a file of this machine, however it was named."""
    if isinstance(place, LocalPlace):
        return place.path
    if isinstance(place, RemotePlace) and "local" in place.system.protocol:
        return Path(place.path)
    return None


@contextmanager
def _bare_faults(name: str) -> Iterator[None]:
    """Let faults name a place as people may see it: a file system's own words hold the URL."""
    try:
        yield
    except OSError as fault:
        usual = errno.ENOENT if isinstance(fault, FileNotFoundError) else errno.EIO
        said = fault.strerror or os.strerror(fault.errno or usual)
        raise OSError(fault.errno or usual, said, name) from None


def shown_url(url: str) -> str:
    """Return a URL, or a chain of them, for logs: without credentials."""
    return "::".join(_bare(part) for part in url.split("::"))


def _bare(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _remote(url: str) -> RemotePlace:
    kind = url.partition("://")[0]
    lines = "`%pip install fsspec` (and what it needs for the store: s3fs, gcsfs, adlfs, aiohttp)"
    try:
        import fsspec  # noqa: PLC0415  (only images that ask for it have it)

        system, path = fsspec.core.url_to_fs(url)
    except ImportError as fault:
        raise WrongUsage(
            f"{kind}:// can't be reached: {fault}. Add {lines} to a production cell, or to "
            "[image] requirements, and deploy again."
        ) from fault
    except ValueError as fault:
        raise WrongUsage(f"fsspec knows no {kind}:// URLs.") from fault
    return RemotePlace(url, system, path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
