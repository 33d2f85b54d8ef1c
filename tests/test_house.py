"""The layout, counted: what is over a limit today stands in house.toml, and may only get less."""

import ast
import re
import tomllib
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

import commissure

SOURCE = Path(commissure.__file__).parent
TODAY = tomllib.loads(Path(__file__).with_name("house.toml").read_text())
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SPELLS_MEASURES = ("measures/", "cli/", "simulation/", "__init__.py")  # the last is the package's


@cache
def modules():
    files = (path for path in sorted(SOURCE.rglob("*.py")))
    return {str(path.relative_to(SOURCE)): path.read_text() for path in files}


@cache
def trees():
    return {name: ast.parse(text) for name, text in modules().items()}


def functions():
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                yield name, node


def public_functions():
    return ((name, node) for name, node in functions() if not node.name.startswith("_"))


def arguments(node):
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return [one for one in every if one.arg not in ("self", "cls")]


def is_overload(node):
    return any(ast.unparse(one).endswith("overload") for one in node.decorator_list)


def long_modules():
    return {name for name, text in modules().items() if len(text.splitlines()) > 350}


def long_functions():
    return {f"{n}: {f.name}" for n, f in functions() if f.end_lineno - f.lineno + 1 > 50}


def parameters_untold():
    """Return public functions of four arguments and more whose docstring does not list them."""
    return {
        f"{name}: {node.name}"
        for name, node in public_functions()
        if len(arguments(node)) >= 4
        and not is_overload(node)
        and "Parameters\n----------" not in (ast.get_docstring(node) or "")
    }


def untyped_dicts():
    """Return public functions of the upper rooms that take or give what may be anything."""
    return {
        f"{name}: {node.name}"
        for name, node in public_functions()
        if name.startswith(("study/", "report/"))
        for one in (*(argument.annotation for argument in arguments(node)), node.returns)
        if one is not None and "dict[str, Any]" in ast.unparse(one)
    }


def types_twice():
    """Return the names of public types that stand for two things."""
    places = defaultdict(dict)
    for name, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name][name] = name
            elif isinstance(node, ast.Assign):
                kind = ast.unparse(node.targets[0])
                if re.fullmatch(r"[A-Z][a-z]\w*", kind):
                    places[kind][name] = ast.unparse(node.value)
    return {
        f"{kind}: {', '.join(sorted(meanings))}"
        for kind, meanings in places.items()
        if len(set(meanings.values())) > 1 and not kind.startswith("_")
    }


def docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)


def measures_spelled():
    """Return the modules that know CFH by name, and how often: only its own room should."""
    count = Counter()
    for name, tree in trees().items():
        if name.startswith(SPELLS_MEASURES):
            continue
        told = set(docstrings(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                count[name] += id(node) not in told and "cfh" in node.value.lower()
    return {f"{name}: {n}" for name, n in count.items() if n}


COUNTS = (
    long_modules,
    long_functions,
    parameters_untold,
    untyped_dicts,
    types_twice,
    measures_spelled,
)


@pytest.mark.parametrize("count", COUNTS, ids=lambda count: count.__name__)
def test_what_is_over_a_limit_gets_less(count):
    found, known = count(), TODAY[count.__name__]
    assert found - set(known) == set(), "new: mend it, do not list it"
    assert set(known) - found == set(), "mended: take it off tests/house.toml"
    assert known == sorted(set(known))


def test_no_room_is_a_fifth_of_the_code():
    lines = Counter()
    for name, text in modules().items():
        lines[name.split("/")[0]] += len(text.splitlines())
    room, most = lines.most_common(1)[0]
    assert most < lines.total() / 5, room
