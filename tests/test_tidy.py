"""The style of the code, checked by the code."""

import ast
import importlib
import inspect
import math
import re
import tokenize
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from counterseal.kernel.model import DomainModel

ROOT = Path(__file__).parents[1]
CORE = ROOT / "platform" / "counterseal"
ROOMS = ("platform", "storage", "flows", "ui", "evidence")
FUNCTION_LINES_MAX = 40
FUNCTION_LINES_P90 = 25
MODULE_LINES_MAX = 300
FLOATS_ALLOWED = {"market/regimes.py"}
"""The oracle of the demo market is stated in binary fractions."""
DECISIONS = {
    *("decide", "apply", "execution", "independence", "expiry", "matrix", "binding"),
    *("checks", "paper", "gateway", "positions", "ledger", "valuation"),
    *("chain", "merkle", "signer", "verify"),
}
BANNED_CALLS = {"model_construct", "__import__", "print", "import_module"}
PLATE_JOB = re.compile(r"^Job: .+", re.MULTILINE)
INVARIANT = re.compile(r"^  I(\d+)  ", re.MULTILINE)
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def _paths(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(CORE if path.is_relative_to(CORE) else ROOT).as_posix()


SOURCES = _paths(*ROOMS)
TESTS = _paths("tests")
CORE_MODULES = _paths("platform/counterseal")
PLATED = [path for path in CORE_MODULES if path.name != "__init__.py"]
DECISION_MODULES = [path for path in PLATED if path.stem in DECISIONS]
core_modules = pytest.mark.parametrize("path", CORE_MODULES, ids=_name)
plated_modules = pytest.mark.parametrize("path", PLATED, ids=_name)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


@cache
def _code_lines(path: Path) -> frozenset[int]:
    """Line numbers that hold code: no blank line, no comment, no docstring.

    All lines of a text count, also those that look like a comment.
    """
    said = [line.strip() for line in path.read_text("utf-8").split("\n")]
    lines = {number for number, text in enumerate(said, 1) if text and not text.startswith("#")}
    for node in _nodes(path):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            lines.update(range(node.lineno, (node.end_lineno or 0) + 1))
    for node in _nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            is_text = isinstance(node.value.value, str)
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1)) if is_text else set()
    return frozenset(lines)


def _function_sizes(path: Path) -> dict[str, int]:
    code = sorted(_code_lines(path))
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (
            bisect_right(code, node.end_lineno or 0) - bisect_left(code, node.lineno)
        )
        for node in _nodes(path)
        if isinstance(node, Function)
    }


def test_functions_are_short() -> None:
    """STYLE: at most 40 lines of code, and nine of ten at most 25."""
    sizes = {name: size for path in SOURCES for name, size in _function_sizes(path).items()}
    ranked = sorted(sizes.values())

    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES_MAX} == {}
    assert ranked[math.ceil(len(ranked) * 0.9) - 1] <= FUNCTION_LINES_P90


def test_modules_are_short() -> None:
    """STYLE: at most 300 lines, docstrings not counted."""
    sizes = {p.relative_to(ROOT).as_posix(): len(_code_lines(p)) for p in SOURCES}
    long = {n: s for n, s in sizes.items() if s > MODULE_LINES_MAX}
    assert long == {}


@plated_modules
def test_every_core_module_has_a_plate(path: Path) -> None:
    """STYLE 3: a job in a sentence, numbered invariants, where else to look."""
    text = ast.get_docstring(_tree(path), clean=True) or ""
    numbers = [int(n) for n in INVARIANT.findall(text)]

    assert PLATE_JOB.search(text), "no job"
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers or path.stem not in DECISIONS
    ports_or_words = path.stem in {"ports", "words"}
    assert ports_or_words or "Not here:" in text or "Source:" in text


@cache
def _invariant_tests(room: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Per test file of a room: its text and the invariants that its test names state."""
    found = []
    for path in sorted((ROOT / "tests" / "core" / room).glob("test_*.py")):
        names = [n.name for n in _nodes(path) if isinstance(n, Function)]
        stated = {n for name in names for n in re.findall(r"_i(\d+)(?=_)", name[4:])}
        found.append((path.read_text("utf-8"), frozenset(stated)))
    return tuple(found)


@pytest.mark.parametrize("path", DECISION_MODULES, ids=_name)
def test_every_invariant_of_a_decision_has_a_test_of_its_number(path: Path) -> None:
    """STYLE 3, 15: `test_i3_...` in a test file that imports the module."""
    room, module = path.parent.name, path.stem
    stated = set(INVARIANT.findall(ast.get_docstring(_tree(path)) or ""))
    tested: set[str] = set()
    for text, numbers in _invariant_tests(room):
        if f"from counterseal.{room}.{module} import" in text:
            tested |= numbers
    assert sorted(stated - tested) == []


def _public(path: Path) -> Iterator[tuple[str, Documented]]:
    for node in _tree(path).body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


@core_modules
def test_every_public_name_of_the_core_is_explained(path: Path) -> None:
    """STYLE 4."""
    assert ast.get_docstring(_tree(path))
    assert [name for name, node in _public(path) if not ast.get_docstring(node)] == []


def _banned(node: ast.AST) -> bool:
    match node:
        case ast.Assert():
            return True
        case ast.Import(names=names):
            return any(alias.name.split(".")[0] == "importlib" for alias in names)
        case ast.ImportFrom(module=module):
            told = module or ""
            return told.split(".")[0] == "importlib" and told != "importlib.metadata"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in BANNED_CALLS
        case ast.Call(func=ast.Attribute(attr="model_copy"), keywords=keywords):
            return bool(keywords)
        case _:
            return False


@core_modules
def test_the_core_has_no_way_around_validation_and_the_river(path: Path) -> None:
    """STYLE 4: no model_copy(update=), model_construct, dynamic import, assert or print."""
    assert [
        n.lineno for n in _nodes(path) if isinstance(n, ast.expr | ast.stmt) and _banned(n)
    ] == []


@core_modules
def test_the_core_has_no_floats(path: Path) -> None:
    """STYLE 3.7: money is exact."""
    if _name(path) in FLOATS_ALLOWED:
        return
    literals = [
        n.lineno
        for n in _nodes(path)
        if (isinstance(n, ast.Constant) and isinstance(n.value, float))
        or (isinstance(n, ast.Name) and n.id == "float")
    ]
    assert literals == []


def _core_classes() -> list[type]:
    found: dict[str, type] = {}
    for path in PLATED:
        module = importlib.import_module(
            ".".join(path.relative_to(CORE.parent).with_suffix("").parts)
        )
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                found[f"{module.__name__}.{kind.__name__}"] = kind
    return list(found.values())


MODELS = [kind for kind in _core_classes() if issubclass(kind, DomainModel)]


def _parts(hint: object) -> Iterator[object]:
    yield hint
    yield get_origin(hint)
    for inner in get_args(hint):
        if not isinstance(inner, str):
            yield from _parts(inner)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.__module__}.{m.__name__}"[12:])
def test_a_model_is_frozen_strict_and_holds_no_mutable_value(model: type[DomainModel]) -> None:
    """STYLE 3.10."""
    wanted = {"frozen": True, "extra": "forbid", "strict": True, "validate_default": True}
    loose = [
        name
        for name, field in model.model_fields.items()
        if any(part in (list, dict, set, Any, float) for part in _parts(field.annotation))
    ]

    assert {name: model.model_config.get(name) for name in wanted} == wanted
    assert loose == []


def _called(node: ast.Call) -> str:
    func = node.func
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")


def _first_text(path: Path, name: str) -> set[str]:
    """First arguments, where they are text, of calls to `name`, or to any `...Error`."""
    return {
        str(node.args[0].value)
        for node in _nodes(path)
        if isinstance(node, ast.Call)
        and (_called(node) == name or (name == "Error" and _called(node).endswith(name)))
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def _answers(path: Path) -> set[str]:
    """Reason words in returned tuples, as the paper model answers."""
    return {
        str(item.value)
        for node in _nodes(path)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
        for item in node.value.elts
        if isinstance(item, ast.Constant) and CODE.fullmatch(str(item.value))
    }


def _used_codes() -> set[str]:
    used = {c for path in PLATED for c in _first_text(path, "refuse")}
    for kind in _core_classes():
        if issubclass(kind, StrEnum) and kind.__name__ in {
            "ReasonCode",
            "CheckName",
            "FurtherCheck",
            "Finding",
        }:
            used |= {member.value for member in kind}
    return used.union(*(_answers(path) for path in PLATED if path.parent.name == "broker"))


def test_every_reason_code_is_explained_once_and_no_other() -> None:
    """STYLE 16: one heading per code in policies/reason-codes.md, and a sentence below it."""
    text = (ROOT / "policies" / "reason-codes.md").read_text("utf-8")
    headings = re.findall(r"^### (\S+)$", text, re.MULTILINE)
    explained = re.findall(r"^### (\S+)\n\n[A-Z][^\n]{10,}", text, re.MULTILINE)
    known = {
        str(node.value)
        for path in SOURCES
        for node in _nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert sorted(_used_codes() - set(headings)) == []
    assert sorted(set(headings) - known) == []
    assert len(headings) == len(set(headings))
    assert headings == explained


def test_every_error_has_an_upper_case_code() -> None:
    """STYLE 3.6: scripts match codes, never messages."""
    errors = {code for path in SOURCES for code in _first_text(path, "Error") - {"ValueError"}}
    builtin = {
        str(node.args[0].value)
        for path in SOURCES
        for node in _nodes(path)
        if isinstance(node, ast.Call)
        and _called(node) in {"ValueError", "TypeError", "KeyError", "InvariantError"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert [code for code in sorted(errors - builtin) if not CODE.fullmatch(code)] == []


def test_only_flows_may_catch_everything() -> None:
    """STYLE 3.6: bare `except` and `except Exception` belong to the flow edge."""
    broad = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in _nodes(path)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
        and path.relative_to(ROOT).parts[0] != "flows"
    ]
    assert broad == []


def _comments(path: Path) -> Iterator[tuple[str, str]]:
    """Places and comments."""
    with path.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string


def test_every_exception_to_a_rule_carries_a_reason() -> None:
    """STYLE 5: `# noqa: X - why`, `# type: ignore[x]  # why`.

    Only a file with a line that has no reason is read word by word: it may be text, no comment.
    """
    pragma = re.compile(r"#\s*(noqa|type:\s*ignore)")
    with_code = re.compile(r"#\s*(noqa:\s*[A-Z]+\d+|type:\s*ignore\[[a-z-]+\])")
    words = re.compile(r"(\s[-#]\s|\]\s+#?\s*)\w+\s?.*[A-Za-z]{2}")

    def bare(text: str) -> bool:
        return not (with_code.search(text) and words.search(text))

    def suspicious(line: str) -> bool:
        return any(bare(line[found.start() :]) for found in pragma.finditer(line))

    bad = [
        place
        for path in [*SOURCES, *TESTS]
        if any(map(suspicious, path.read_text("utf-8").split("\n")))
        for place, text in _comments(path)
        if pragma.search(text) and bare(text)
    ]
    assert bad == []
