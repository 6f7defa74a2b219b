"""Every type of record that the code can make, read from the code itself.

`Event(type=...)` says the type, or takes it from a parameter; then the calls of that function say
it, and so on up. Where only a part of it stands in a text, callers say the rest.
"""

import ast
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

CORE = Path(__file__).parents[3] / "platform" / "counterseal"
Function = ast.FunctionDef | ast.AsyncFunctionDef
Constants = dict[str, set[str]]


class Asked(NamedTuple):
    """An argument that becomes a type: its name, its place, and the text around it."""

    name: str
    place: int
    around: str = "{}"


class Told(NamedTuple):
    """Texts that an expression can be; and parameters that it can be, with the text around."""

    texts: set[str]
    parameters: set[tuple[str, str]]


@cache
def recorded_types() -> frozenset[str]:
    """All types."""
    modules = [ast.parse(path.read_text("utf-8")) for path in sorted(CORE.rglob("*.py"))]
    constants = dict(chain.from_iterable(map(_constants, modules)))
    calls = [
        (place, function, call)
        for place, module in enumerate(modules)
        for function, call in _calls(module)
    ]
    asked: dict[tuple[int, str], set[Asked]] = {(-1, "Event"): {Asked("type", 0)}}
    found: set[str] = set()
    size = 0
    while size != (size := sum(map(len, asked.values()))):
        for place, function, call in calls:
            for one in tuple(asked.get(_known(place, _name(call.func)), ())):
                told = _told(_argument(call, one), function, constants)
                found |= {one.around.format(text) for text in told.texts}
                asked.setdefault(_known(place, function.name), set()).update(
                    Asked(name, _names(function).index(name), one.around.format(around))
                    for name, around in told.parameters
                )
    return frozenset(one for one in found if "." in one)


def _calls(module: ast.Module) -> Iterator[tuple[Function, ast.Call]]:
    """Every call in a function, with each function that it stands in."""
    open_ends: list[tuple[ast.AST, tuple[Function, ...]]] = [(module, ())]
    while open_ends:
        node, inside = open_ends.pop()
        if isinstance(node, Function):
            inside = (*inside, node)
        elif isinstance(node, ast.Call):
            yield from ((function, node) for function in inside)
        open_ends.extend((child, inside) for child in ast.iter_child_nodes(node))


def _known(module: int, name: str) -> tuple[int, str]:
    """A private name is its own module's."""
    return (module if name.startswith("_") else -1), name


def _constants(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Names of a module that stand for a text, or for a choice of texts."""
    for node in module.body:
        if not isinstance(node, ast.AnnAssign | ast.Assign):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
        texts = {
            v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)
        }
        if isinstance(target, ast.Name) and texts:
            yield target.id, texts


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")


def _names(function: Function) -> list[str]:
    named = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    own = named[1:] if named[:1] == ["self"] else named
    return [*own, *(one.arg for one in function.args.kwonlyargs)]


def _argument(call: ast.Call, one: Asked) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == one.name:
            return keyword.value
    return call.args[one.place] if one.place < len(call.args) else None


def _told(asked: ast.expr | None, function: Function, constants: Constants) -> Told:
    match asked:
        case ast.Constant(value=str(text)):
            return Told({text}, set())
        case ast.IfExp(body=one, orelse=two):
            return _both(_told(part, function, constants) for part in (one, two))
        case ast.JoinedStr(values=parts):
            around = "".join("{}" if isinstance(p, ast.FormattedValue) else _text(p) for p in parts)
            (inner,) = (p.value for p in parts if isinstance(p, ast.FormattedValue))
            told = _told(inner, function, constants)
            return Told(
                {around.format(text) for text in told.texts},
                {(name, around.format(more)) for name, more in told.parameters},
            )
        case ast.Subscript(value=ast.Name(id=name)):
            return Told(constants.get(name, set()), set())
        case ast.Name(id=name):
            return _named(name, function, constants)
        case _:
            return Told(set(), set())


def _named(name: str, function: Function, constants: Constants) -> Told:
    if name in _names(function):
        return Told(set(), {(name, "{}")})
    if name in constants:
        return Told(constants[name], set())
    return _both(_told(one, function, constants) for one in _assigned(name, function))


def _assigned(name: str, function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=True)
            yield from (value for one, value in pairs if _name(one) == name)
        elif isinstance(target, ast.Name) and target.id == name:
            yield node.value


def _both(parts: Iterator[Told]) -> Told:
    told = list(parts)
    return Told(
        {text for one in told for text in one.texts},
        {parameter for one in told for parameter in one.parameters},
    )


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else ""
