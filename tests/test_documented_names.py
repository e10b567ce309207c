"""What documents, packaging and the program's own texts name must exist: verbs, options, settings, routes, bodies.

The names are read out of the texts, never listed here, so that a new sentence is judged without anybody's help. A test
at the end hands each reader a text that lies.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import typer
from typer.exceptions import TyperException
from typer.main import get_command

from esteio import config
from esteio.api.app import TABLE
from esteio.api.evolution.app import PREFIX
from esteio.api.evolution.app import TABLE as DOOR
from esteio.api.http.decode import decode
from esteio.api.http.openapi import describe
from esteio.api.http.problems import KINDS as PROBLEMS
from esteio.api.http.route import Route
from esteio.cli.main import app
from esteio.core.audit.entry import ACTIONS
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import KNOBS
from esteio.engine.delivery.notices import AppriseNotifier
from esteio.engine.errors import CommandError
from esteio.log.events import EVENTS
from esteio.sim.providers.faces import new_world
from esteio.sim.sandbox.control import Control
from esteio.sim.world.faults import KINDS
from esteio.texts import catalogue
from esteio.tracing.names import ATTRIBUTES

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "esteio"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SAMPLES = [ROOT / "Dockerfile", *sorted(path for path in (ROOT / "packaging").rglob("*") if path.is_file())]
MODULES = sorted(SOURCE.rglob("*.py"))
APPRISE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""One of its plugins imports what newer Pythons do not have."""
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Text(NamedTuple):
    """A text to judge: where it stands, and what it says."""

    where: str
    words: str


def read(path: Path) -> Text:
    return Text(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def strings(path: Path) -> Text:
    """Every string of a module that names something of ours, f-strings with {x} for what they hold."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "{x}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    ours = [text for text in found if re.search(r"esteio |/v1/|ESTEIO_|ashboard|ainel|`", text)]
    return Text(path.relative_to(ROOT).as_posix(), "\n\n".join(ours))


CONTROLS = set(Control(new_world(seed=1)).calls)
"""The calls of the sandbox."""
PROSE = [read(path) for path in (*PAGES, *SAMPLES)]
SPOKEN = [text for path in MODULES if (text := strings(path)).words]
TEXTS = [*PROSE, *SPOKEN]
"""All that is judged; `TOLD` leaves out what only those read who read the code."""
TOLD = [*PROSE, *(text for text in SPOKEN if re.match(r"src/esteio/(cli/|api/|config|core/texts)", text.where))]


def code(text: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def fenced(text: str, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language in languages]


# -- verbs of the command line


def shell_lines(text: Text) -> list[str]:
    """Every line that a person would run: of shell blocks, of the samples, joined where it goes on."""
    blocks = fenced(text.words, "sh", "bash", "console") if text.where.endswith(".md") else [text.words]
    lines = re.sub(r"\\\n\s*", " ", "\n".join(blocks)).splitlines()
    return [re.sub(r"\$\([^)]*\)|\$\w+", "X", line) for line in lines]


def calls(line: str) -> list[list[str]]:
    """The words after each `esteio` that begins a command; a part of a sentence that may be left out is in."""
    # What others call so: a Secret, a Deployment.
    line = re.sub(r"\bkubectl\b.*", "", re.sub(r"\[( \{[^\]]*)\]", r"\1", line))
    found = re.findall(r"(?:^|[\s=/(])esteio +([a-z][^|;&#`\n]*|-[-h][^|;&#`\n]*)", line)
    array = re.search(r'\["esteio", (.*)\]', line)
    return [*(shlex.split(rest) for rest in found), *([json.loads(f"[{array[1]}]")] if array else [])]


def command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the first words name, and what is left. Raises `TyperException`."""
    found: Any = get_command(app)
    while hasattr(found, "resolve_command") and words and re.match(r"[a-z]", words[0]):
        _, found, words = found.resolve_command(typer.Context(found, info_name="esteio"), words)
    return found, words


def options(found: Any) -> set[str]:
    named = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return {*named, "-h", "--help", "--install-completion", "--show-completion"}


def wrong_call(words: list[str], *, whole: bool) -> str | None:
    """Why these words are no call of the command line; a whole one must also have every argument that it needs."""
    try:
        found, rest = command(words)
        unknown = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)} - options(found)
        if unknown:
            return f"has no {unknown}"
        if whole and found.params and not hasattr(found, "commands"):
            found.make_context("esteio", rest)
    except TyperException as error:
        return getattr(error, "message", "") or repr(error)
    return None


def lying_calls(text: Text) -> list[str]:
    inline = [(words, False) for piece in code(text.words) for words in calls(piece)]
    whole = [(words, True) for line in shell_lines(text) if text in PROSE for words in calls(line)]
    faults = [(words, wrong_call(words, whole=strict)) for words, strict in (*inline, *whole)]
    listed = re.findall(r"`esteio ([a-z-]+)[^`]*` \(((?:\w* ?`[a-z-]+`(?:, )?)+)\)", text.words)
    faults += [([verb, sub], wrong_call([verb, sub], whole=False)) for verb, subs in listed for sub in code(subs)]
    return [f"esteio {' '.join(words)}: {why}" for words, why in faults if why]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.where)
def test_every_verb_and_option_that_is_named_exists(text: Text) -> None:
    assert not lying_calls(text)


def test_the_readmes_list_every_verb() -> None:
    known = [name for name, command in get_command(app).commands.items() if not command.hidden]  # type: ignore[attr-defined]
    for page in ("README.md", "README.pt-BR.md"):
        table = "\n".join(
            line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith("| `")
        )
        listed = re.findall(r"`esteio ([a-z-]+)", table)
        assert sorted(listed) == sorted(known)


# -- settings


def setting_paths() -> set[str]:
    paths = set()
    for field in msgspec.structs.fields(config.Settings):
        paths.add(field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            paths |= {f"{field.name}.{name}" for name in field.type.__struct_fields__}
    return paths


def document_names() -> set[str]:
    """Every name in the API's description: fields, parameters, and words that a field may be."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from node.get("properties", {})
            yield from (word for word in node.get("enum", ()) if isinstance(word, str))
            if isinstance(node.get("name"), str):
                yield node["name"]
            if isinstance(node.get("const"), str):
                yield node["const"]
            for inner in node.values():
                yield from walk(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from walk(inner)

    return set(walk(msgspec.json.decode(msgspec.json.encode(describe(TABLE, "0", "/")))))


NAMES = {*setting_paths(), *KNOBS, *document_names(), *Capabilities.__struct_fields__}
METRIC = re.compile("esteio_|process_")
"""Those are judged by test_documented_metrics."""
UNITS = re.compile(r"(?:retention|notify|door|log)\.[a-z_]+|[a-z_]+_(?:s|bytes|per_minute|burst|listen|targets)")
"""What only a setting, a knob, a field of the API or a capability is called like."""


def unknown_settings(text: Text) -> set[str]:
    variables = {name.rstrip("_") for name in re.findall(r"\bESTEIO_[A-Z_]+", text.words)}
    named = {piece for piece in code(text.words) if UNITS.fullmatch(piece) and not METRIC.match(piece)}
    named |= set(re.findall(r"\bsettings? `([a-z_.]+)`", text.words))
    variables = {name for name in variables if name not in config.ENVIRONMENT and not config.NOT_OURS.fullmatch(name)}
    return variables | (named - NAMES)


@pytest.mark.parametrize("text", TOLD, ids=lambda text: text.where)
def test_every_variable_setting_and_knob_that_is_named_exists(text: Text) -> None:
    assert not unknown_settings(text)


def tables(text: Text) -> list[str]:
    return [block for block in fenced(text.words, "toml") if "[project" not in block]


@APPRISE
@pytest.mark.parametrize("text", [text for text in PROSE if tables(text)], ids=lambda text: text.where)
def test_every_file_of_settings_that_is_shown_can_be_used(text: Text, tmp_path: Path) -> None:
    for block in tables(text):
        file = tmp_path / "esteio.toml"
        file.write_text(block)
        settings = config.load(file, {})
        AppriseNotifier(settings.notify.targets, catalogue(settings.language))


def variables(text: str) -> dict[str, str]:
    """What the lines `NAME=value` of a block set."""
    return dict(re.findall(r"^(?:export )?(ESTEIO_[A-Z_]+)=(\S+)$", text, re.MULTILINE))


@APPRISE
@pytest.mark.parametrize("text", [t for t in PROSE if fenced(t.words, "ini")], ids=lambda text: text.where)
def test_every_environment_that_is_shown_can_be_used(text: Text) -> None:
    for block in fenced(text.words, "ini"):
        assert variables(block)
        settings = config.load(None, variables(block))
        AppriseNotifier(settings.notify.targets, catalogue(settings.language))


# -- routes


def segment_fits(named: str, real: str) -> bool:
    return named == real or real.startswith("{") or re.fullmatch(r"\{.*\}|\$\w+|[A-Z]+|…", named) is not None


def routes_at(method: str, path: str) -> list[Route]:
    """The routes that a named path may mean; `…` stands for anything."""
    path = re.sub(r"(?<!/)\{x\}$|[?#].*", "", path).rstrip("/.,;:")
    wanted = path.split("/")
    found = []
    for route in TABLE:
        real = re.sub(r":\w+\}", "}", route.path).split("/")
        whole = len(real) == len(wanted) and all(map(segment_fits, wanted, real))
        tail = wanted[0] == "…" and real[1 - len(wanted) :] == wanted[1:]
        begun = wanted[:-1] if wanted[-1] == "…" else wanted if method == "" else None
        head = begun is not None and len(real) >= len(begun) and all(map(segment_fits, begun, real))
        if method in ("", route.method) and (whole or tail or head):
            found.append(route)
    return found


PATH = r"(?:/v1/|…/)[\w{}/$.…-]+"


def dead_routes(text: Text) -> list[str]:
    named = re.findall(rf"\b(GET|POST|PATCH|DELETE|PUT) (?:\$ESTEIO_URL)?({PATH})", text.words)
    named += [("", path) for path in re.findall(r"(?<![\w])(?:\$ESTEIO_URL)?(/v1/[\w{}/$…-]+)", text.words)]
    named += [("", piece) for piece in code(text.words) if re.fullmatch(r"/(livez|readyz|metrics|v1/.*)", piece)]
    doors = re.findall(rf"\b(GET|POST|PATCH|DELETE|PUT) (?:\$ESTEIO_URL)?({PREFIX}/[\w{{}}/$…-]+)", text.words)
    dead = [*((m, p) for m, p in named if not routes_at(m, p)), *((m, p) for m, p in doors if not door_has(m, p))]
    return [f"{method} {path}" for method, path in dead]


@pytest.mark.parametrize("text", [t for t in TEXTS if "src/esteio/sim" not in t.where], ids=lambda text: text.where)
def test_every_route_that_is_named_exists(text: Text) -> None:
    assert not dead_routes(text)


def dead_controls(text: Text) -> list[str]:
    """What a text says of the sandbox's control that is not so: its calls, and the faults of its examples."""
    looks = {"truth", "ledger", "faults"}
    named = re.findall(r"\b(?:(GET|POST) )?(?:http:\S+)?/_sandbox/([a-z-]+)", text.words)
    calls = [call for method, call in named if call not in (looks if method == "GET" else looks | CONTROLS)]
    faults = re.findall(r'/_sandbox/fault -d \'\{"kind": "(\w+)"', text.words)
    return [*calls, *(kind for kind in faults if kind not in KINDS)]


@pytest.mark.parametrize("text", [t for t in TEXTS if "_sandbox/" in t.words], ids=lambda text: text.where)
def test_every_call_of_the_sandbox_that_is_named_exists(text: Text) -> None:
    assert not dead_controls(text)


def test_the_page_of_the_sandbox_has_every_call() -> None:
    page = (ROOT / "docs" / "how-to" / "sandbox.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\| `POST /_sandbox/([a-z-]+)`", page)) == CONTROLS


def unknown_words(text: Text) -> set[str]:
    """Codes of refusals and types of events that no description of the API has, no list of the log, and no table of
    problems (the door's are in no description), nor the list of what spans say, nor that of the audit log."""
    codes = set(re.findall(r"\b[45]\d\d[:,]? `([a-z]+(?:-[a-z]+)+)`", text.words))
    events = {piece for piece in code(text.words) if re.fullmatch(r"(message|session|server|approval)\.[a-z_]+", piece)}
    return (codes | events) - NAMES - EVENTS.keys() - PROBLEMS.keys() - ATTRIBUTES.keys() - ACTIONS.keys()


@pytest.mark.parametrize("text", PROSE, ids=lambda text: text.where)
def test_every_refusal_and_event_that_is_named_exists(text: Text) -> None:
    assert not unknown_words(text)


# -- examples of requests


class Request(NamedTuple):
    """A request that a page shows."""

    method: str
    path: str
    body: str | None


def requests(text: Text) -> list[Request]:
    found = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(fenced(text.words, "sh", "bash"))).split("\ncurl "):
        if "$ESTEIO_URL/" not in line:
            continue
        method = re.search(r"-X (\w+)", line)
        path = re.search(r"\$ESTEIO_URL(/[^\s\"?]*)", line)
        body = re.search(r"-d '(.*?)'", line, re.DOTALL)
        assert path
        found.append(Request(method[1] if method else "POST" if body else "GET", path[1], body and body[1]))
    inline = re.findall(r"`(POST|PATCH) (/v1/\S+) (\{.*?\})`", text.words)
    return [*found, *(Request(*one) for one in inline)]


def door_has(method: str, path: str) -> bool:
    """Whether the Evolution door answers this call itself."""
    wanted = path.removeprefix(PREFIX).split("/")
    real = [route.path.split("/") for route in DOOR if route.method == method]
    return any(len(one) == len(wanted) and all(map(segment_fits, wanted, one)) for one in real)


def refused(request: Request) -> str | None:
    """Why no route takes it. What bodies the door takes is tried by its clients (tests/clients)."""
    if request.path.startswith(f"{PREFIX}/"):
        return None if door_has(request.method, request.path) else f"no route {request.method} {request.path}"
    routes = routes_at(request.method, request.path)
    if not routes:
        return f"no route {request.method} {request.path}"
    if request.body is None:
        return None
    try:
        decode(request.body.encode(), routes[0].body)
    except CommandError as error:
        return f"{request.method} {request.path}: {error.code} {error.args}"
    return None


@pytest.mark.parametrize("text", [text for text in PROSE if requests(text)], ids=lambda text: text.where)
def test_every_request_that_is_shown_is_taken_by_its_route(text: Text) -> None:
    assert not [why for request in requests(text) if (why := refused(request))]


@pytest.mark.parametrize("text", [t for t in PROSE if fenced(t.words, "python")], ids=lambda text: text.where)
def test_every_example_in_python_compiles(text: Text) -> None:
    for block in fenced(text.words, "python"):
        compile(block, text.where, "exec")


@pytest.mark.parametrize("text", [t for t in PROSE if fenced(t.words, "json")], ids=lambda text: text.where)
def test_every_document_that_is_shown_is_json(text: Text) -> None:
    for block in fenced(text.words, "json"):
        json.loads(block)


# -- places in pages, verbs of make


def anchors(page: Path) -> set[str]:
    """The places of a page, as the hosting pages name its headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_place_in_a_page_finds_it(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    assert not [(file, place) for file, place in links if place not in anchors(page.parent / file if file else page)]


def listed(page: Path) -> set[Path]:
    """The pages that a page links to."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in links if "://" not in link}


def test_the_page_of_documents_lists_every_page() -> None:
    """Or the page that is called like its folder does."""
    page = ROOT / "docs" / "README.md"
    chapters = [one for one in PAGES if one.with_suffix("").is_dir()]
    found = listed(page).union(*(listed(one) for one in chapters if one in listed(page)))
    assert {*PAGES} - {page} <= found


def test_every_verb_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for text in TEXTS:
        pieces = [*code(text.words), *(shell_lines(text) if text in PROSE else [])]
        named = {verb for piece in pieces for verb in re.findall(r"^ *make ([a-z]+)", piece)}
        assert named <= targets, text.where


# -- the readers can fail

LIES: list[tuple[Callable[[Text], Any], str]] = [
    (lying_calls, "Then `esteio resurrect NAME`."),
    (lying_calls, "`esteio apply FILE --perhaps` says so."),
    (lying_calls, "| `esteio keys` (`create`, `borrow`) | keys |"),
    (lying_calls, "```sh\nesteio backup --data X\n```"),
    (lying_calls, "```sh\n/opt/esteio/bin/esteio serve --daemon\n```"),
    (unknown_settings, "Set `ESTEIO_DASHBOARD_THEME`."),
    (unknown_settings, "Swept after `retention.bodys_s`, or `probe_lazy_s`."),
    (unknown_settings, "unless the setting `allow_target` names it"),
    (dead_routes, "then `GET /v1/oracle`"),
    (dead_routes, "`PUT /v1/servers/{name}`"),
    (dead_routes, "`POST …/resurrect`"),
    (dead_routes, "`POST /evolution/message/sendLove/{instance}`"),
    (dead_routes, "`/v1/contacts/{address}/marry`"),
    (unknown_words, "a message there is refused: 400 `chat-not-amused`"),
    (unknown_words, "the event `message.swallowed`"),
    (dead_controls, "`POST /_sandbox/dance` makes it dance"),
    (lambda text: [why for one in requests(text) if (why := refused(one))], '`POST /v1/keys {"nam": "x"}`'),
    (
        lambda text: [why for one in requests(text) if (why := refused(one))],
        "```sh\n\ncurl -X POST $ESTEIO_URL/v1/servers -d '{\"name\": 5}'\n```",
    ),
]


@pytest.mark.parametrize(("reader", "lie"), LIES, ids=[lie for _, lie in LIES])
def test_a_text_that_lies_is_found(reader: Callable[[Text], Any], lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Text("lie.md", lie)
    monkeypatch.setitem(globals(), "PROSE", [text])
    assert reader(text)
