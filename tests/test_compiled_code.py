from pathlib import Path

import numba

from commissure.compiled_code import ensure_place


def test_a_place_that_may_be_written_to_is_kept(monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    ensure_place()
    assert numba.config.CACHE_DIR == ""


def test_without_a_place_there_is_a_temporary_one(monkeypatch):
    def refuse(**_):
        msg = "cannot cache function: no locator available"
        raise RuntimeError(msg)

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(numba, "njit", lambda **options: lambda function: refuse(**options))
    ensure_place()
    assert Path(numba.config.CACHE_DIR).is_dir()
