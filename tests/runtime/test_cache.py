"""The disk cache: damaged, foreign, unwritable, concurrent, killed."""

import json
import linecache
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from graphc import config
from graphc.errors import GraphcWarning
from graphc.runtime import cache


@pytest.fixture
def folder(tmp_path):
    """An empty cache folder of this test."""
    with config.override(cache_dir=tmp_path / "cache"):
        yield tmp_path / "cache"
        cache._state.memory.clear()


@pytest.mark.usefixtures("folder")
def test_put_and_get():
    assert cache.get("kernel", "k1") is None
    cache.put("kernel", "k1", b"\x00\xff" * 1000, {"symbol": "f", "sizes": [1, 2]})
    entry = cache.get("kernel", "k1")
    assert entry == cache.Entry(b"\x00\xff" * 1000, {"symbol": "f", "sizes": [1, 2]})
    assert cache.get("other", "k1") is None
    cache.put("kernel", "k1", b"", None)
    assert cache.get("kernel", "k1") == cache.Entry(b"", None)


def entry_file(key="k1", data=b"x" * 500):
    cache.put("kernel", key, data, {"a": 1})
    return cache.folder() / "kernel" / key


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "longer": lambda content: content + b"y",
    "one byte": lambda content: content[:-10] + b"Z" + content[-9:],
    "metadata": lambda content: content.replace(b'{"a"', b'{"b"'),
    "foreign": lambda content: b"\x7fELF and so on" * 100,
    "header alone": lambda content: cache.MAGIC,
    "lengths": lambda content: content[:47] + b"\xff\xff\xff\xff" + content[51:],
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_ignored_and_replaced(damage):
    path = entry_file()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert cache.get("kernel", "k1") is None
    cache.put("kernel", "k1", b"new", {})
    assert cache.get("kernel", "k1").data == b"new"


@pytest.mark.usefixtures("folder")
def test_a_folder_in_the_place_of_an_entry_is_no_entry():
    (cache.folder() / "kernel" / "k2").mkdir(parents=True)
    assert cache.get("kernel", "k2") is None


def test_an_unwritable_folder_warns_once_and_memory_serves(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with config.override(cache_dir=tmp_path / "file" / "cache"):
        with pytest.warns(GraphcWarning, match="GRAPHC_CACHE_DIR"):
            cache.put("kernel", "k", b"kept", [1])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cache.put("kernel", "l", b"kept too")
            path = cache.write_module("shown", "def f():\n    return 1\n")
        assert cache.get("kernel", "k") == cache.Entry(b"kept", [1])
        assert cache.get("kernel", "l").data == b"kept too"
        assert linecache.getline(str(path), 2) == "    return 1\n"
        assert not cache.cache_info().writable
    cache._state.memory.clear()


@pytest.mark.usefixtures("folder")
def test_modules_are_files_named_by_content():
    first = cache.write_module("kernels", "a = 1\n")
    assert first.read_text() == "a = 1\n"
    assert first.name.startswith("kernels_")
    assert first.suffix == ".py"
    assert cache.write_module("kernels", "a = 1\n") == first
    assert cache.write_module("kernels", "a = 2\n") != first
    first.write_text("somebody edited this\n")
    assert cache.write_module("kernels", "a = 1\n").read_text() == "a = 1\n"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a" * 200, "nul\x00"])
def test_names_stay_inside_the_folder(name):
    with pytest.raises(ValueError, match="file name"):
        cache.put("kernel", name, b"")
    with pytest.raises(ValueError, match="file name"):
        cache.get(name, "key")


def test_info_and_clear(folder):
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "mine.txt").write_text("not graphc's")
    before = cache.cache_info()
    entry_file("a"), entry_file("b")
    cache.get("kernel", "a"), cache.get("kernel", "nothing")
    info = cache.cache_info()
    assert (info.folder, info.writable, info.entries) == (folder, True, before.entries + 2)
    assert info.bytes > before.bytes + 1000
    assert (info.hits - before.hits, info.misses - before.misses) == (1, 1)
    cache.clear()
    assert cache.get("kernel", "a") is None
    assert (folder / "notes" / "mine.txt").exists()
    assert entry_file("a").exists()


def test_versions_long_unused_are_removed(folder):
    old, recent = folder / "py311-0000000000000000", folder / "py311-1111111111111111"
    for path in (old, recent):
        path.mkdir(parents=True)
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    entry_file()
    assert not old.exists()
    assert recent.exists()


def test_content_keys_tell_parts_apart():
    keys = {cache.content_key(*parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["ab", b"c", ""], [])}
    assert len(keys) == 5
    assert cache.content_key("a", b"b") == cache.content_key(b"a", "b")


def test_versions_are_those_of_the_packages():
    import llvmlite
    import numba
    import numpy as np

    for package in (numba, llvmlite, np):
        assert cache.package_version(package.__name__) == package.__version__
    assert cache.package_version("no_such_package_here") == ""


WRITER = """
import sys
from graphc import config
from graphc.runtime import cache
config.settings.cache_dir = sys.argv[1]
cache.salt = lambda: sys.argv[3]  # the parent's, even if somebody edits graphc meanwhile
for k in range(int(sys.argv[2])):
    key = f"k{k % 5}"
    cache.put("kernel", key, key.encode() * 20_000, {"key": key})
    found = cache.get("kernel", key)
    assert found is not None and found.data == key.encode() * 20_000 and found.metadata == {"key": key}
"""


def start_writer(folder, rounds):
    command = [sys.executable, "-c", WRITER, str(folder), str(rounds), cache.salt()]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def test_processes_write_the_same_entries_at_once(folder):
    writers = [start_writer(folder, 100) for _ in range(3)]
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == b""
        assert writer.returncode == 0


def test_a_killed_writer_leaves_whole_entries_only(folder):
    writer = start_writer(folder, 1_000_000)
    target = folder / cache.salt() / "kernel"
    for _ in range(2000):
        if target.exists() and len(list(target.glob("k*"))) == 5:
            break
        time.sleep(0.01)
    assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    for k in range(5):
        entry = cache.get("kernel", f"k{k}")
        assert entry is not None
        assert json.dumps(entry.metadata) == f'{{"key": "k{k}"}}'
        assert entry.data == f"k{k}".encode() * 20_000


def test_an_entry_under_another_name_is_not_believed(tmp_path):
    with config.override(cache_dir=tmp_path):
        cache.put("kernel", "a", b"of a")
        cache.put("kernel", "b", b"of b")
        a, b = (cache.folder() / "kernel" / name for name in "ab")
        b.write_bytes(a.read_bytes())
        assert cache.get("kernel", "a").data == b"of a"
        assert cache.get("kernel", "b") is None
