"""Every hostile case works rightly, or is refused with one message that says what to do."""

from pathlib import Path

import pytest

from commissure.executors import LocalExecutor
from tests.hostile import (
    borders,
    designs,
    doors,
    folders,
    images,
    labels,
    mix_ups,
    privacy,
    real_folders,
    runs,
    settings,
    sidecars,
    state,
    tables,
    texts,
)
from tests.hostile.harness import COMPUTED, Case, UnmetError
from tests.hostile.worlds import Worlds

MODULES = (
    borders, designs, doors, folders, images, labels, mix_ups, privacy, real_folders, runs, settings, sidecars, state, tables, texts,
)  # fmt: skip
CASES = {
    f"{module.__name__.rpartition('.')[2]}-{case.name}": case
    for module in MODULES
    for case in module.CASES
}


def test_no_two_cases_have_the_same_name() -> None:
    assert len(CASES) == sum(len(module.CASES) for module in MODULES)


def computed(*_arguments: object) -> None:
    """Stand for the work on raw scans."""
    raise UnmetError(COMPUTED)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_case(case: Case, worlds: Worlds, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.copy(case.world, place)
    if case.world == "raw":
        monkeypatch.setattr(LocalExecutor, "run", computed)
    case.change(world)
    case.judge(world)
