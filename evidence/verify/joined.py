"""The verifier as the one file that lies in a pack: the modules of this room, one behind the other.

    python -m evidence.verify.joined > verify.py

Job: join the modules, so that a reader has one file and each of us a room of short ones.

Invariants
  I1  Nothing is in the file that is not in a module, and what the modules import of each other is
      all that is left out.
  I2  The same modules give the same bytes.

Not here: what is checked (the other modules).
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

PARTS: Final = (
    *("base", "bag", "trees", "signatures", "notes", "scan", "records", "checks", "verdict"),
)
"""In the order in which each needs those before."""
_HERE: Final = Path(__file__).parent
_NOT_THEIRS: Final = ("evidence.verify.", "__future__")
_WIDTH: Final = 100
_MAIN: Final = 'if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n'


def joined() -> bytes:
    """The file: what it is, the imports of all modules, then their bodies."""
    usage = ast.get_docstring(_tree("__init__"), clean=False)
    modules = {name: _tree(name) for name in PARTS}
    imports = _imports(chain.from_iterable(tree.body for tree in modules.values()))
    typing = _imports(chain.from_iterable(map(_typing, modules.values())))
    head = [
        "#!/usr/bin/env python3",
        f'"""{usage}"""',
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
        "if TYPE_CHECKING:",
        *(f"    {line}" for line in typing),
    ]
    bodies = (_section(name, tree) for name, tree in modules.items())
    return "\n".join([*head, "", *bodies, _MAIN]).encode()


def _tree(name: str) -> ast.Module:
    return ast.parse((_HERE / f"{name}.py").read_text("utf-8"))


def _imports(nodes: Iterable[ast.stmt]) -> list[str]:
    """Imports of the standard library, each module named once."""
    whole, named = set[str](), dict[str, set[str]]()
    for node in nodes:
        if isinstance(node, ast.Import):
            whole |= {f"import {one.name}" for one in node.names}
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith(_NOT_THEIRS):
            named.setdefault(str(node.module), set()).update(one.name for one in node.names)
    parts = (f"from {name} import {', '.join(sorted(what))}" for name, what in named.items())
    return [*sorted(whole), *sorted(parts)]


def _typing(tree: ast.Module) -> Iterator[ast.stmt]:
    """Imports that only a type checker needs."""
    return (one for node in tree.body if isinstance(node, ast.If) for one in node.body)


def _section(name: str, tree: ast.Module) -> str:
    """The text of a module behind its imports, under a line that names it."""
    lines = (_HERE / f"{name}.py").read_text("utf-8").splitlines()
    last = max(
        node.end_lineno or 0
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If)
    )
    words = (ast.get_docstring(tree) or "").splitlines()[0]
    title = f"# --- {words} ".ljust(_WIDTH, "-")
    return "\n".join(["", title, *lines[last:], ""])


if __name__ == "__main__":
    sys.stdout.buffer.write(joined())
