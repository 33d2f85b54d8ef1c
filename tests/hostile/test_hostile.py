"""Every hostile case works rightly, or is refused with one message that says what to do."""

from pathlib import Path

import pytest

from tests.hostile import folders, labels, tables
from tests.hostile.harness import Case
from tests.hostile.worlds import Worlds

MODULES = (folders, labels, tables)
CASES = {
    f"{module.__name__.rpartition('.')[2]}-{case.name}": case
    for module in MODULES
    for case in module.CASES
}


def test_no_two_cases_have_the_same_name() -> None:
    assert len(CASES) == sum(len(module.CASES) for module in MODULES)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_case(case: Case, worlds: Worlds, place: Path) -> None:
    world = worlds.copy(case.world, place)
    case.change(world)
    case.judge(world)
