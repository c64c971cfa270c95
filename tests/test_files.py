"""Atomic writes, versioned JSON, content hashes."""

from __future__ import annotations

import os
import time

import pytest

from iqf_core.errors import IQFError
from iqf_core.files import HashCache, atomic_write_text, hash_json, read_json, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "a.json"
    atomic_write_text(target, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        atomic_write_text(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_written_files_have_the_usual_permissions(tmp_path):
    atomic_write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_json_carries_its_schema_and_other_versions_are_one_line(tmp_path):
    path = tmp_path / "m.json"
    write_json(path, "manifest", {"a": 1})
    assert read_json(path, "manifest") == {"schema": "iqf.manifest/1", "a": 1}
    with pytest.raises(IQFError, match="expected 'iqf.plan/1'"):
        read_json(path, "plan")
    path.write_text('{"schema": "iqf.manifest/2"}')
    with pytest.raises(IQFError, match="newer iqf-core"):
        read_json(path, "manifest")
    path.write_text("[")
    with pytest.raises(IQFError, match="not valid JSON"):
        read_json(path, "manifest")


def test_json_hashes_do_not_depend_on_the_order_of_keys():
    assert hash_json({"a": 1, "b": [2]}) == hash_json({"b": [2], "a": 1})
    assert hash_json({"a": 1}) != hash_json({"a": 1.5})


class TestHashCache:
    def test_same_size_other_content_is_seen(self, tmp_path):
        cache = HashCache(tmp_path / "cache" / "hashes.sqlite")
        file = tmp_path / "f"
        file.write_text("one")
        first = cache.get(file)
        file.write_text("two")
        assert cache.get(file) != first

    def test_an_old_file_is_hashed_once_even_by_another_process(self, tmp_path):
        file = tmp_path / "f"
        file.write_text("one")
        old = time.time() - 100
        os.utime(file, (old, old))
        cache = HashCache(tmp_path / "hashes.sqlite")
        digest = cache.get(file)
        cache.flush()
        # Other content behind the same size and time is what the cache cannot see.
        file.write_text("two")
        os.utime(file, (old, old))
        assert HashCache(tmp_path / "hashes.sqlite").get(file) == digest

    def test_a_fresh_file_is_not_trusted(self, tmp_path):
        cache = HashCache(tmp_path / "hashes.sqlite")
        file = tmp_path / "f"
        file.write_text("one")
        now = time.time()
        os.utime(file, (now, now))
        first = cache.get(file)
        file.write_text("two")
        os.utime(file, (now, now))
        assert cache.get(file) != first

    def test_a_cache_that_cannot_be_kept_only_costs_time(self, tmp_path):
        (tmp_path / "blocked").write_text("a file where the folder should be")
        cache = HashCache(tmp_path / "blocked" / "hashes.sqlite")
        (tmp_path / "f").write_text("x")
        assert len(cache.get(tmp_path / "f")) == 32
