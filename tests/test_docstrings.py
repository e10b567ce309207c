"""Docstrings as contracts: what every public name has to say about itself, and about what it raises.

A name is public when neither it nor its class starts with an underscore. A method may leave its contract to the class
or Protocol of ours that has it documented under the same name: as a base, as a base of a class built from this one, or
as a Protocol whose every method the class has.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("src/esteio", "benchmarks")
SAYING_SHARE = 0.97
RAISING_SHARE = 0.98
FEWEST_WORDS = 4
# A property is a small value under its name; an overload is one line of the function it belongs to. The name of a test
# (`esteio.testing.conformance`) is a sentence already.
EXEMPT_DECORATORS = {"property", "cached_property", "overload", "setter"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


@dataclass
class Public:
    """One public name: where it stands, its node, and its class where it is a method."""

    where: str
    node: Documented
    owner: ast.ClassDef | None = None

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""


@dataclass(eq=False)
class Tree:
    """Every class of the parsed modules by its name; two classes of one name lend each other their contracts."""

    names: list[Public] = field(default_factory=list)
    classes: dict[str, list[ast.ClassDef]] = field(default_factory=dict)

    def add(self, where: str, text: str) -> None:
        module = ast.parse(text)
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                self.classes.setdefault(node.name, []).append(node)
        for node in public(module.body):
            self.names.append(Public(f"{where}:{node.lineno} {node.name}", node))
            if isinstance(node, ast.ClassDef):
                self.names += [
                    Public(f"{where}:{one.lineno} {node.name}.{one.name}", one, node)
                    for one in public(node.body)
                    if not isinstance(one, ast.ClassDef)
                ]


@cache
def ancestors(tree: Tree, name: str) -> frozenset[str]:
    """The class's own name and those of its bases, and of theirs."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            waiting += [base for node in tree.classes.get(one, []) for base in bases(node)]
    return frozenset(seen)


@cache
def protocols(tree: Tree) -> list[tuple[str, set[str]]]:
    """Each Protocol that asks something of a class, with the names of what it asks."""
    asked = [
        (name, {method for method, one in methods(node).items() if not exempt(one)})
        for name, nodes in tree.classes.items()
        for node in nodes
        if "Protocol" in bases(node)
    ]
    return [(name, wanted) for name, wanted in asked if wanted]


@cache
def lenders(tree: Tree, owner: ast.ClassDef) -> frozenset[str]:
    """The classes whose documented methods speak for this class's methods of the same name."""
    family = {one for one in tree.classes if owner.name in ancestors(tree, one)}
    found = {above for one in family for above in ancestors(tree, one)}
    had = {method for name in found for node in tree.classes.get(name, []) for method in methods(node)}
    met = [name for name, asked in protocols(tree) if asked <= had]
    return frozenset(found.union(*(ancestors(tree, name) for name in met)))


def lent(tree: Tree, one: Public) -> list[str]:
    """The docstrings that a method takes over from the classes it belongs to."""
    if one.owner is None:
        return []
    nodes = [node for name in lenders(tree, one.owner) for node in tree.classes.get(name, [])]
    found = [methods(node)[one.node.name] for node in nodes if one.node.name in methods(node)]
    return [text for method in found if method is not one.node and (text := ast.get_docstring(method))]


def public(body: list[ast.stmt]) -> Iterator[Documented]:
    for node in body:
        if isinstance(node, Documented) and not node.name.startswith(("_", "test_")) and not exempt(node):
            yield node


def exempt(node: Documented) -> bool:
    return any(last(one) in EXEMPT_DECORATORS for one in node.decorator_list)


def last(node: ast.expr) -> str:
    """The last name of a dotted, called or subscripted expression: `b` of a.b, a.b() and a.b[int]."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def bases(node: ast.ClassDef) -> list[str]:
    return [last(one) for one in node.bases]


@cache
def methods(node: ast.ClassDef) -> dict[str, Function]:
    return {one.name: one for one in node.body if isinstance(one, Function) and not one.name.startswith("_")}


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’.][^\W_]+)*", text)


def fault(name: str, docstring: str) -> str:
    """What is wrong with a docstring, or nothing."""
    said = words(docstring)
    own = {one.lower() for one in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
    fillers = {"a", "an", "the", "of", "to", "for", "this", "is", "it", "its", "class", "function", "method"}
    if not said:
        return "has no docstring"
    if len(said) == 1:
        return "has a docstring of one word"
    if re.fullmatch(r"See\b[^\n]*", docstring.strip()):
        return "sends the reader elsewhere"
    if not {re.sub(r"s$", "", one.lower()) for one in said} - {re.sub(r"s$", "", one) for one in own | fillers}:
        return "only repeats its name"
    return f"has fewer than {FEWEST_WORDS} words" if len(said) < FEWEST_WORDS else ""


@cache
def silent(tree: Tree) -> dict[str, str]:
    """Public names without a contract, each with what is wrong."""
    found = {}
    for one in tree.names:
        wrong = fault(one.node.name, one.docstring)
        borrowed = wrong == "has no docstring" and any(not fault(one.node.name, text) for text in lent(tree, one))
        if wrong and not borrowed:
            found[one.where] = wrong
    return found


def own_errors(tree: Tree) -> set[str]:
    """The classes of the tree whose line of bases ends in an exception of Python's."""
    roots = {"Exception", "BaseException"}
    return {one for one in tree.classes if any(up in roots or up.endswith("Error") for up in ancestors(tree, one))}


def verb(node: Function) -> bool:
    """A verb of the command line: its docstring is the help text, and what it raises becomes a sentence and a code."""
    return any(isinstance(one, ast.Call) and last(one) in {"Option", "Argument"} for one in ast.walk(node.args))


def raised(node: Function, errors: set[str]) -> set[str]:
    """The error classes that a function's own body raises by calling them; functions inside it are not looked into."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Raise) and isinstance(one.exc, ast.Call):
            found |= {last(one.exc)} & errors
        if not isinstance(one, Documented | ast.Lambda):
            waiting += ast.iter_child_nodes(one)
    return found


def raisers(tree: Tree) -> tuple[list[str], list[str]]:
    """Each error that a public function raises itself: those its contract names, and those it keeps to itself."""
    named: list[str] = []
    unnamed: list[str] = []
    errors = own_errors(tree)
    for one in tree.names:
        if isinstance(one.node, ast.ClassDef) or verb(one.node) or not (thrown := raised(one.node, errors)):
            continue
        texts = [one.docstring, *lent(tree, one), (one.owner and ast.get_docstring(one.owner)) or ""]
        spoken = {word for text in texts for word in words(text)}
        for error in sorted(thrown):
            (named if any(word.split(".")[-1] == error for word in spoken) else unnamed).append(f"{one.where}: {error}")
    return named, unnamed


@pytest.fixture(scope="module")
def tree() -> Tree:
    found = Tree()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            found.add(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return found


def listed(faults: dict[str, str]) -> str:
    return "\n" + "\n".join(f"{where} {wrong}" for where, wrong in faults.items())


def test_public_names_say_their_contract(tree: Tree) -> None:
    faults = silent(tree)
    share = 1 - len(faults) / len(tree.names)
    assert share >= SAYING_SHARE, f"{share:.1%} of {len(tree.names)} public names have a contract{listed(faults)}"


def test_no_docstring_is_one_word(tree: Tree) -> None:
    short = {where: wrong for where, wrong in silent(tree).items() if "one word" in wrong}
    assert not short, listed(short)


def test_public_functions_name_the_errors_they_raise(tree: Tree) -> None:
    named, unnamed = raisers(tree)
    share = len(named) / (len(named) + len(unnamed))
    assert share >= RAISING_SHARE, f"{share:.1%} of the errors raised are named; these are not:\n" + "\n".join(unnamed)


def parsed(text: str) -> Tree:
    found = Tree()
    found.add("bad.py", text)
    return found


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("def parse(text): ...", "has no docstring"),
        ("async def parse(text): ...", "has no docstring"),
        ("class Order: ...", "has no docstring"),
        ("def parse(text):\n    '''Parses.'''", "has a docstring of one word"),
        ("def parse(text):\n    '''Parse the text.'''", "has fewer than 4 words"),
        ("def parse_order(text):\n    '''To parse the order: parse_order.'''", "only repeats its name"),
        ("class OrderLine:\n    '''The line of an order.'''", "only repeats its name"),
        ("def parse(text):\n    '''See the grammar of orders.'''", "sends the reader elsewhere"),
    ],
)
def test_a_docstring_that_says_nothing_is_a_fault(text: str, wrong: str) -> None:
    assert list(silent(parsed(text)).values()) == [wrong]


BASE = "class Base{of}:\n    '''A source of rows.'''\n    def read(self):\n        {doc}\n"
CHILD = "class Child{of}:\n    '''A source of rows in a file.'''\n    def read(self): ...\n"
SAID = "'''Gives the next row, oldest first.'''"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (BASE.format(of="", doc=SAID) + CHILD.format(of="(Base)"), 0),
        (BASE.format(of="(Protocol)", doc=SAID) + CHILD.format(of=""), 0),
        (BASE.format(of="", doc=SAID) + CHILD.format(of="") + "class _Whole(Child, Base): ...", 0),
        (BASE.format(of="", doc=SAID) + CHILD.format(of=""), 1),
        (BASE.format(of="", doc="'''Reads.'''") + CHILD.format(of="(Base)"), 2),
        (BASE.format(of="", doc="...") + CHILD.format(of="(Base)"), 2),
    ],
)
def test_a_method_takes_the_contract_of_its_base_and_of_nothing_else(text: str, faults: int) -> None:
    assert len(silent(parsed(text))) == faults


def test_private_names_properties_and_overloads_need_no_docstring() -> None:
    text = (
        "def _inner(): ...\n@overload\ndef parse(text): ...\nclass Order:\n    '''One line of a bill.'''\n"
        "    def __len__(self): ...\n    @property\n    def total(self): ...\n"
    )
    assert silent(parsed(text)) == {}


ERRORS = "class Refused(Exception):\n    '''The other side said no.'''\nclass Closed(Refused):\n    '''It is shut.'''\n"


@pytest.mark.parametrize(
    ("function", "named", "unnamed"),
    [
        ("def ask():\n    '''Asks the other side once.'''\n    raise Closed('now')", 0, 1),
        ("def ask():\n    '''Asks once; raises Closed when it is shut.'''\n    raise Closed('now')", 1, 0),
        ("def ask():\n    '''Asks once; raises `errors.Closed`.'''\n    raise errors.Closed('now')", 1, 0),
        ("def ask():\n    '''Asks once; raises Refused.'''\n    if 1:\n        raise Closed('now')", 0, 1),
        ("def ask(of: Annotated[str, typer.Option()]):\n    '''Ask once.'''\n    raise Closed('now')", 0, 0),
        ("def ask():\n    '''Asks once.'''\n    raise NotImplementedError('later')", 0, 0),
        ("def ask():\n    '''Asks once.'''\n    try: ...\n    except Closed: raise", 0, 0),
        ("class Line:\n    '''Raises Closed once shut.'''\n    def ask(self):\n        raise Closed('now')", 1, 0),
    ],
)
def test_an_error_that_is_raised_and_not_named_is_counted(function: str, named: int, unnamed: int) -> None:
    counts = raisers(parsed(ERRORS + function))
    assert [len(one) for one in counts] == [named, unnamed]
