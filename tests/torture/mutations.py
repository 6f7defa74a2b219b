"""Mutants of a module: each of its checks switched off in turn.

Not every change that one could think of, but those that answer one question: does a test fail when
this check does not happen? A finding that is not added, a refusal that is not raised, a condition
that always or never holds, one part of it left out, a boundary moved by one.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
SWITCH = "__mutant__"
"""Global name of a switched module: the number of the one mutant that is awake, or another."""
_TYPING = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        module: Name of the module within the room.
        number: Place in the order of the module's mutants.
        name: What is changed where, in words that survive edits elsewhere in the module.
    """

    module: str
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class _Place:
    owner: ast.AST
    field: str
    index: int | None
    node: ast.AST
    scope: str
    asked: bool
    """Whether its truth alone decides: it is a condition, or a part of one."""

    def put(self, node: ast.AST) -> None:
        ast.copy_location(node, self.node)
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in order."""
    names: Counter[str] = Counter()
    found = []
    for number, (place, node) in enumerate(_changes(ast.parse(source))):
        name = f"{place.scope}: {_line(place.node)} -> {_line(node)}"
        names[name] += 1
        told = name if names[name] == 1 else f"{name} ({names[name]})"
        found.append(Mutant(module, number, told))
    return found


def switched(source: str) -> ast.Module:
    """The module with all of its mutants in place, each asleep until `SWITCH` is its number."""
    tree = ast.parse(source)
    by_node: dict[int, tuple[_Place, list[tuple[int, ast.AST]]]] = {}
    for number, (place, node) in enumerate(_changes(tree)):
        by_node.setdefault(id(place.node), (place, []))[1].append((number, node))
    for place, choices in by_node.values():
        whole = place.node
        for number, node in choices:
            ast.copy_location(node, place.node)
            whole = _chosen(number, node, whole)
        place.put(whole)
    return ast.fix_missing_locations(tree)


def _chosen(number: int, node: ast.AST, otherwise: ast.AST) -> ast.AST:
    asked = ast.Compare(ast.Name(SWITCH, ast.Load()), [ast.Eq()], [ast.Constant(number)])
    if isinstance(node, ast.stmt) and isinstance(otherwise, ast.stmt):
        return ast.If(asked, [node], [otherwise])
    if isinstance(node, ast.expr) and isinstance(otherwise, ast.expr):
        return ast.IfExp(asked, node, otherwise)
    raise TypeError("a statement takes the place of a statement, an expression of an expression")


def _line(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:100]


def _changes(tree: ast.Module) -> Iterator[tuple[_Place, ast.AST]]:
    for place in _places(tree, ""):
        for node in _instead_of(place):
            yield place, node


def _places(
    owner: ast.AST, scope: str, *, inside: bool = False, asked: bool = False
) -> Iterator[_Place]:
    """Every node inside a function, with where it hangs; annotations are left out."""
    for field, value in ast.iter_fields(owner):
        if field in _TYPING:
            continue
        several = isinstance(value, list)
        for index, node in enumerate(value if several else [value]):
            if not isinstance(node, ast.AST):
                continue
            decides = _is_condition(owner, field, node) or (
                asked and isinstance(owner, ast.BoolOp | ast.UnaryOp)
            )
            if inside:
                yield _Place(owner, field, index if several else None, node, scope, decides)
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            inner = f"{scope}.{node.name}".lstrip(".") if named else scope  # type: ignore[attr-defined]  # only these two have names
            within = inside or isinstance(node, ast.FunctionDef)
            yield from _places(node, inner, inside=within, asked=decides)


def _instead_of(place: _Place) -> Iterator[ast.AST]:
    node, owner = place.node, place.owner
    match node:
        case ast.Raise():
            yield ast.Pass()
        case ast.Expr(value=ast.Call(func=called)) if _tells(called):
            yield ast.Pass()
        case ast.Return(value=ast.Call(func=ast.Name(id="refuse"))):
            yield ast.Return(ast.Constant(None))
        case ast.Constant(value=bool() as told) if isinstance(owner, ast.Return | ast.Assign):
            yield ast.Constant(not told)
        case ast.Compare(ops=[op], left=left, comparators=right) if type(op) in _BOUNDARIES:
            yield ast.Compare(left, [_BOUNDARIES[type(op)]()], right)
    if _is_condition(owner, place.field, node):
        yield ast.Constant(True)
        yield ast.Constant(False)
    elif isinstance(owner, ast.BoolOp) and place.field == "values":
        is_and = isinstance(owner.op, ast.And)
        if is_and or place.asked:  # `a or b` elsewhere is a value and its default
            yield ast.Constant(is_and)


def _tells(called: ast.expr) -> bool:
    """Whether a call tells that something is wrong."""
    match called:
        case ast.Attribute(attr="add", value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "finding" in name
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lstrip("_").startswith(("check", "malformed", "refuse", "add_", "judge"))
        case _:
            return False


def _is_condition(owner: ast.AST, field: str, node: ast.AST) -> bool:
    if isinstance(owner, ast.If | ast.IfExp) and field == "test":
        return True
    if isinstance(owner, ast.comprehension) and field == "ifs":
        return True
    if isinstance(owner, ast.match_case) and field == "guard":
        return True
    answers = isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp)
    return isinstance(owner, ast.Return) and answers
