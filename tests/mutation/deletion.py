"""How a guard is deleted: a short change, made in the syntax tree of the marked statement, so that it copies no source.

The marked statement is the innermost one whose head spans the marked line. The changes:

- `never`, `always`: the condition of the `if`, `elif`, `while` or `case` is asked, and counts as false, or true.
- `gone`: the statement is missing; of a `with`, its body stays; of a `case`, the whole case is missing.
- `is EXPRESSION`: that is the value which is returned or assigned.
- `drop WORD ...`: the smallest part that holds all these words is missing: an operand of `and` or `or`, an element, an
  argument (not the only one), a filter. A word is a name, an attribute, a keyword or a whole string.
- `OLD -> NEW`: this expression is that one.
- `text OLD -> NEW`: this piece of a string is that one.

What is dropped or exchanged has to stand there once; of several, the one that begins on the marked line is meant. In
SQL the marked line is changed: `gone`; `drop WORD`, the `AND` condition with this word; `OLD -> NEW`, any text.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TypeVar, cast

from tests.mutation.marks import SOURCE, Guard, GuardError

Head = ast.stmt | ast.match_case
T = TypeVar("T")
Part = tuple[list[ast.AST], int]
"""A list in the tree, and the place in it of what can be taken out."""

_CLAUSE = re.compile(r"(?=\b(?:AND|ORDER|LIMIT|RETURNING)\b)")


def deleted(guard: Guard, text: str) -> str:
    """The file's text without the guard. Raises `GuardError` when the change does not fit what is marked, or would use
    a word that the file does not know: it would fail for that reason, and prove nothing."""
    try:
        changed = _without_line(guard, text) if guard.path.endswith(".sql") else _without(guard, text)
    except (GuardError, SyntaxError) as error:
        raise GuardError(f"{guard.path}:{guard.line}: {guard.name}: {guard.change!r}: {error}") from error
    return changed


def _without_line(guard: Guard, text: str) -> str:
    lines = text.splitlines(keepends=True)
    line = lines[guard.line - 1]
    lines[guard.line - 1] = _changed_line(guard.change, line)
    return "".join(lines)


def _changed_line(change: str, line: str) -> str:
    verb, _, rest = change.partition(" ")
    pieces = _CLAUSE.split(line)
    hit = [piece for piece in pieces if piece.startswith("AND") and re.search(rf"\b{re.escape(rest)}\b", piece)]
    old, arrow, new = change.partition(" -> ")
    if verb == "gone" and not rest:
        return ""
    if verb == "drop" and len(hit) == 1:
        return "".join(piece for piece in pieces if piece is not hit[0]).rstrip() + "\n"
    if arrow and line.count(old) == 1:
        return line.replace(old, new)
    raise GuardError(f"does not fit {line!r}")


def _without(guard: Guard, text: str) -> str:
    tree = ast.parse(text)
    before, names, words = ast.dump(tree), _names(tree), _words(tree)
    within, place, head = _marked(tree, guard.line)
    verb, _, rest = guard.change.partition(" ")
    if verb == "text":
        _exchange_text(head, *rest.split(" -> "))
    elif " -> " in guard.change:
        _exchange(head, *guard.change.split(" -> "), line=guard.line)
    elif verb in ("never", "always") and not rest:
        _set_condition(head, value=verb == "always")
    elif verb == "gone" and not rest:
        _take_out(within, place, head)
    elif verb == "is":
        _set_value(head, _expression(rest))
    elif verb == "drop":
        _drop(head, set(rest.split()), line=guard.line)
    else:
        raise GuardError("no such change")
    if ast.dump(tree) == before:
        raise GuardError("changes nothing")
    if strange := _names(tree) - names - set(dir(builtins)) | _words(tree) - words - _all_words():
        raise GuardError(f"nothing is called {sorted(strange)}")
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _names(tree: ast.AST) -> set[str]:
    """What is bound or read somewhere in a file."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | {(node.asname or node.name) for node in ast.walk(tree) if isinstance(node, ast.alias)}


def _words(tree: ast.AST) -> set[str]:
    """Names, attributes and keywords."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.keyword(arg=str(word)):
                found.add(word)
    return found


@cache
def _all_words() -> frozenset[str]:
    """The words of the whole source."""
    return frozenset().union(*(_words(ast.parse(path.read_text("utf-8"))) for path in SOURCE.rglob("*.py")))


def _heads(tree: ast.AST) -> Iterator[tuple[list[Head], int, Head]]:
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                yield from ((value, i, one) for i, one in enumerate(value) if isinstance(one, Head))


def _span(head: Head) -> tuple[int, int]:
    """First and last line of a statement, or of a compound statement's head."""
    first = head.pattern.lineno if isinstance(head, ast.match_case) else head.lineno
    match head:
        case ast.Match():
            return first, head.subject.end_lineno or first
        case ast.Try() | ast.TryStar():
            return first, first
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return min([first, *(one.lineno for one in head.decorator_list)]), max(first, head.body[0].lineno - 1)
        case ast.match_case() | ast.If() | ast.While() | ast.For() | ast.AsyncFor() | ast.With() | ast.AsyncWith():
            return first, max(first, head.body[0].lineno - 1)
    return first, head.end_lineno or first


def _marked(tree: ast.AST, line: int) -> tuple[list[Head], int, Head]:
    found = [one for one in _heads(tree) if _span(one[2])[0] <= line <= _span(one[2])[1]]
    if not found:
        raise GuardError("no statement is marked")
    return max(found, key=lambda one: _span(one[2])[0])


def _expression(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _set_condition(head: Head, *, value: bool) -> None:
    match head:
        case ast.If(test=condition) | ast.While(test=condition):
            head.test = ast.BoolOp(ast.Or() if value else ast.And(), [condition, ast.Constant(value)])
        case ast.match_case():
            head.guard = ast.Constant(value)
        case _:
            raise GuardError("the marked statement has no condition")


def _take_out(within: list[Head], place: int, head: Head) -> None:
    match head:
        case ast.With() | ast.AsyncWith():
            within[place : place + 1] = head.body
        case ast.match_case():
            del within[place]
        case _:
            within[place] = ast.Pass()


def _set_value(head: Head, value: ast.expr) -> None:
    if not isinstance(head, ast.Return | ast.Assign | ast.AnnAssign | ast.Expr):
        raise GuardError("the marked statement has no value")
    head.value = value


def _head_only(head: Head) -> Iterator[ast.AST]:
    """Every node of a head: of a compound statement, nothing of its body."""
    for name, value in ast.iter_fields(head):
        if name in ("body", "orelse", "finalbody", "handlers", "cases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from ast.walk(child)


def _exchange(head: Head, old: str, new: str, *, line: int) -> None:
    wanted, instead = ast.dump(_expression(old)), _expression(new)
    found: list[tuple[ast.expr, Callable[[ast.expr], None]]] = []
    for node in [head, *_head_only(head)]:
        found += [(one, put) for one, put in _children(node) if ast.dump(one) == wanted]
    _the_one([(one.lineno, put) for one, put in found], line)(instead)


def _children(node: ast.AST) -> Iterator[tuple[ast.expr, Callable[[ast.expr], None]]]:
    """The expressions directly below a node, each with what puts another in its place."""
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.expr):
            yield value, partial(setattr, node, name)
        elif isinstance(value, list):
            for i, one in enumerate(value):
                if isinstance(one, ast.expr):
                    yield one, partial(value.__setitem__, i)


def _exchange_text(head: Head, old: str, new: str) -> None:
    texts = [node for node in _head_only(head) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if sum(str(node.value).count(old) for node in texts) != 1:
        raise GuardError("the text does not stand there once")
    for node in texts:
        node.value = str(node.value).replace(old, new)


def _the_one(found: list[tuple[int, T]], line: int) -> T:
    """Of what was found, each with the line on which it begins: the only one, or the only one on the marked line."""
    meant = found if len(found) == 1 else [one for one in found if one[0] == line]
    if len(meant) != 1:
        raise GuardError(f"{len(found)} places fit")
    return meant[0][1]


def _drop(head: Head, words: set[str], *, line: int) -> None:
    parts = [part for node in _head_only(head) for part in _parts(node) if words <= _spoken(part[0][part[1]])]
    smallest = min((_size(part) for part in parts), default=0)
    found = [part for part in parts if _size(part) == smallest]
    within, place = _the_one([(_line(part), part) for part in found], line)
    del within[place]
    for node in ast.walk(head):
        _straighten(node)


def _line(part: Part) -> int:
    node = part[0][part[1]]
    return node.value.lineno if isinstance(node, ast.keyword) else getattr(node, "lineno", 0)


def _size(part: Part) -> int:
    return sum(1 for _ in ast.walk(part[0][part[1]]))


def _parts(node: ast.AST) -> Iterator[Part]:
    match node:
        case ast.BoolOp(values=found) | ast.Tuple(elts=found) | ast.List(elts=found) | ast.Set(elts=found):
            pass
        case ast.comprehension(ifs=found):
            pass
        case ast.Call(args=args, keywords=found):
            yield from ((cast("list[ast.AST]", args), i) for i in range(len(args)) if len(args) > 1)
        case _:
            return
    yield from ((cast("list[ast.AST]", found), i) for i in range(len(found)))


def _spoken(tree: ast.AST) -> set[str]:
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return _words(tree) | strings


def _straighten(node: ast.AST) -> None:
    """An `and` or `or` of one operand is that operand."""
    for child, put in list(_children(node)):
        if isinstance(child, ast.BoolOp) and len(child.values) == 1:
            put(child.values[0])
