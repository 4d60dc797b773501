"""The disk cache: compiled code and printed modules, addressed by content.

``<cache dir>/<salt>/<kind>/<key>`` holds one entry: a header with a checksum, metadata as JSON, the bytes. The salt
stands for everything outside a key that changes generated code: versions, this CPU, graphc's own files. Entries are
written to a temporary file and renamed, so readers see a whole entry or none; a file that does not match its checksum
counts as absent and is written anew. Where the folder cannot be written, there is one warning, and entries live in
memory.
"""

from __future__ import annotations

import hashlib
import json
import linecache
import os
import re
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from graphc.config import settings
from graphc.errors import GraphcWarning
from graphc.runtime import native

MAGIC = b"graphc cache 1\n"
_HEADER = struct.Struct("<32sII")  # checksum of all that follows it, length of the metadata, length of the bytes
_VERSION_LINE = re.compile(r"""version["']?\s*[:=]\s*["']([^"']+)["']""")
_UNUSED_SECONDS = 30 * 24 * 3600.0
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,160}")


@dataclass(frozen=True)
class Entry:
    """What was put: bytes and JSON-able metadata."""

    data: bytes
    metadata: Any


@dataclass(frozen=True)
class CacheInfo:
    """Statistics: folder, whether it can be written, entries and bytes in it (all versions), this process's traffic."""

    folder: Path
    writable: bool
    entries: int
    bytes: int
    hits: int
    misses: int


class _State:
    """What this process knows: entries kept in memory, the folder found unwritable, counts."""

    def __init__(self) -> None:
        self.memory: dict[tuple[str, str], Entry] = {}
        self.unwritable: set[Path] = set()
        self.prepared: set[Path] = set()
        self.hits = self.misses = 0


_state = _State()


def content_key(*parts: str | bytes) -> str:
    """A name for this content: 32 hexadecimal digits (str). Different splits into parts give different keys."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        digest.update(struct.pack("<Q", len(encoded)))
        digest.update(encoded)
    return digest.hexdigest()


def package_version(package: str) -> str:
    """Version of an installed package without importing it, '' if absent: 0.1 ms, importlib.metadata takes 4 ms."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    for name in ("_version.py", "version.py"):
        try:
            found = _VERSION_LINE.search((Path(spec.origin).parent / name).read_text())
        except OSError:
            continue
        if found:
            return found.group(1)
    from importlib.metadata import version  # 4 ms, for the rare package without such a file

    return version(package)


def _source_files(folder: str, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of change of each Python file: in 1 ms, where ``Path.rglob`` takes 7."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                stat = entry.stat()
                yield prefix + entry.name, stat.st_size, stat.st_mtime_ns
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _source_files(entry.path, f"{prefix}{entry.name}/")


@lru_cache(maxsize=1)
def salt() -> str:
    """The name of this version's folder (str): Python, graphc, numba, llvmlite, numpy, graphc's own files, the CPU."""
    sources = sorted(_source_files(str(Path(__file__).resolve().parent.parent), ""))
    versions = [f"{name} {package_version(name)}" for name in ("numba", "llvmlite", "numpy")]
    key = content_key(sys.version, sys.platform, *versions, *native.host_cpu(), json.dumps(sources))
    return f"py{sys.version_info.major}{sys.version_info.minor}-{key[:16]}"


def folder() -> Path:
    """The folder of this version's entries (Path); it need not exist."""
    return settings.cache_dir / salt()


def get(kind: str, key: str) -> Entry | None:
    """The entry put under (kind, key), or None where there is none or its file is damaged.

    Args: kind: what it is, e.g. ``"kernel"``; key: its content key. Both are file names.
    """
    entry = _state.memory.get((kind, key)) or _read(_path(kind, key))
    if entry is None:
        _state.misses += 1
    else:
        _state.hits += 1
    return entry


def put(kind: str, key: str, data: bytes, metadata: Any = None) -> None:
    """Keep bytes and metadata (anything JSON can hold) under (kind, key); a later put replaces an earlier one.

    Never fails for the disk's sake: where the folder cannot be written there is one GraphcWarning, and the entry is
    kept in memory for this process.
    Raises: TypeError: metadata that is not JSON-able.
    """
    described = json.dumps(metadata).encode()
    body = struct.pack("<II", len(described), len(data)) + described + data
    path = _path(kind, key)
    if not _write(path, MAGIC + _checksum(path, body) + body):
        _state.memory[kind, key] = Entry(data, metadata)


def compiled_module(name: str, ir: str, optimisation: int = 2) -> bytes:
    """Object code (bytes) of a run-time part written in LLVM IR (str): from the cache, else compiled and kept.

    Raises: ProgramError: the text is not valid IR.
    """
    key = f"{name}-{content_key(ir, str(optimisation))}"
    entry = get("runtime", key)
    if entry is not None:
        return entry.data
    data = native.compile_module(ir, optimisation)
    put("runtime", key, data)
    return data


def write_module(name: str, source: str) -> Path:
    """Keep the source of a generated module as a readable file that tracebacks can show.

    Args: name: a module name; source: Python text.
    Returns: the path (Path) of ``<name>_<hash of source>.py``. Where the folder cannot be written, the path names a
    file that does not exist and the source is known to ``linecache`` alone.
    """
    path = folder() / "modules" / f"{_checked(name)}_{content_key(source)[:16]}.py"
    encoded = source.encode()
    try:
        present = path.read_bytes() == encoded
    except OSError:
        present = False
    if not present and not _write(path, encoded):
        linecache.cache[str(path)] = (len(source), None, source.splitlines(keepends=True), str(path))
    return path


def cache_info() -> CacheInfo:
    """Size and traffic of the cache (CacheInfo)."""
    sizes = []
    for file in settings.cache_dir.rglob("*"):
        try:
            if file.is_file():
                sizes.append(file.stat().st_size)
        except OSError:  # removed by another process meanwhile
            continue
    writable = settings.cache_dir not in _state.unwritable
    return CacheInfo(settings.cache_dir, writable, len(sizes), sum(sizes), _state.hits, _state.misses)


def clear() -> None:
    """Remove every entry that graphc wrote below the cache folder, of all versions, and the entries in memory."""
    _state.memory.clear()
    _state.prepared.clear()
    for versioned in _versioned_folders():
        shutil.rmtree(versioned, ignore_errors=True)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ValueError(f"not usable as a file name: {name!r}")
    return name


def _path(kind: str, key: str) -> Path:
    return folder() / _checked(kind) / _checked(key)


def _read(path: Path) -> Entry | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + _HEADER.size
    if len(content) < start or not content.startswith(MAGIC):
        return None
    checksum, described, size = _HEADER.unpack_from(content, len(MAGIC))
    if len(content) != start + described + size or _checksum(path, content[start - 8 :]) != checksum:
        return None
    return Entry(content[start + described :], json.loads(content[start : start + described]))


def _checksum(path: Path, body: bytes) -> bytes:
    """Of the content at its place: a file that was moved or copied from another name or version is a damaged one."""
    place = "/".join(path.parts[-3:])
    return hashlib.sha256(place.encode() + body).digest()


def _write(path: Path, content: bytes) -> bool:
    """Write a file in one step, as seen by readers; False where the folder cannot be written."""
    root = settings.cache_dir
    if root in _state.unwritable:
        return False
    try:
        _prepare(root, path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as error:
        _state.unwritable.add(root)
        message = f"graphc cannot write its cache folder {root} ({error}); compiled code is kept in memory only. "
        warnings.warn(message + "Set GRAPHC_CACHE_DIR to a folder that can be written.", GraphcWarning, stacklevel=3)
        return False
    return True


def _prepare(root: Path, parent: Path) -> None:
    """Make the folder; once a process, note that this version is in use and drop what no process has used for long."""
    parent.mkdir(parents=True, exist_ok=True)
    if root in _state.prepared:
        return
    _state.prepared.add(root)
    os.utime(folder())
    now = time.time()
    for versioned in _versioned_folders():
        try:
            unused = now - versioned.stat().st_mtime > _UNUSED_SECONDS
        except OSError:  # another process removed it first
            continue
        if unused:
            shutil.rmtree(versioned, ignore_errors=True)


def _versioned_folders() -> list[Path]:
    try:
        return [path for path in settings.cache_dir.iterdir() if re.fullmatch(r"py\d+-[0-9a-f]{16}", path.name)]
    except OSError:
        return []
