"""The description is one that generators and linters take, and it is true: examples fit, events fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from esteio.api.app import TABLE
from esteio.api.http import docs_page, openapi, openapi_examples
from esteio.api.http.problems import KINDS
from esteio.core.webhooks.delivery_policy import EVENT_TYPES
from esteio.texts import translations
from tests.api.conftest import Gateway, Run

WHOLE = openapi.describe(TABLE, "0", "https://esteio.example")
TEXT = openapi.encoded(WHOLE).decode()
SCHEMAS = WHOLE["components"]["schemas"]
OPERATIONS = [(method, path, one) for path, methods in WHOLE["paths"].items() for method, one in methods.items()]
ASKED = {route.body.__name__ for route in TABLE if route.body is not None}


def within(part: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from within(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from within(inner)


def reached(name: str, seen: set[str]) -> set[str]:
    """The shape and all that it refers to."""
    if name not in seen:
        seen.add(name)
        for part in within(SCHEMAS[name]):
            if "$ref" in part:
                reached(part["$ref"].rpartition("/")[2], seen)
    return seen


def test_it_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(WHOLE).validate()


def test_patterns_are_javascripts() -> None:
    patterns = [part["pattern"] for part in within(WHOLE) if isinstance(part.get("pattern"), str)]
    assert patterns
    for pattern in patterns:
        assert not re.search(r"\\[AZzpP]|\(\?[P<(!=]", pattern), pattern


def test_a_request_has_no_default_and_an_answer_says_what_is_always_there() -> None:
    for name in set().union(*(reached(name, set()) for name in ASKED)):
        assert not [part for part in within(SCHEMAS[name]) if "default" in part], name
    assert SCHEMAS["SessionPage"]["required"] == ["items", "next"]
    assert {"qr", "approval", "previous"}.isdisjoint(SCHEMAS["SessionDocument"]["required"])
    assert SCHEMAS["MessageRequest"]["required"] == ["to"]
    assert "default: 5" in SCHEMAS["MessageRequest"]["properties"]["priority"]["description"]


def test_times_and_words_are_typed() -> None:
    for name, schema in SCHEMAS.items():
        for field, part in schema.get("properties", {}).items():
            if re.fullmatch(r"at|since|timestamp|\w+_(at|until)", field):
                assert "date-time" in str(part), (name, field)
    for name in ("ReplayRequest", "DeadLetterRequest"):
        assert "date-time" in str(SCHEMAS[name]["properties"]["from"])
    for part in within(WHOLE):
        if isinstance(part.get("enum"), list):
            assert part.get("type") == "string" or all(code in KINDS for code in part["enum"]), part
    by_name = {
        (method, path): {one["name"]: one["schema"] for one in op["parameters"]} for method, path, op in OPERATIONS
    }
    assert by_name["get", "/v1/sessions"]["state"]["enum"]
    assert by_name["get", "/v1/sessions/{name}/messages"]["direction"]["enum"] == ["in", "out"]
    assert by_name["delete", "/v1/sessions/{name}"]["at_provider"]["enum"] == ["delete", "keep", "logout"]
    assert by_name["get", "/v1/dead-letters"]["from"]["format"] == "date-time"


def test_what_is_not_json_has_its_content() -> None:
    kinds = {
        ("/v1/sessions/{name}/qr", "200"): {"application/json", "image/png", "image/svg+xml"},
        ("/metrics", "200"): {"text/plain"},
        ("/v1/events", "200"): {"text/event-stream"},
    }
    for (path, status), wanted in kinds.items():
        assert set(WHOLE["paths"][path]["get"]["responses"][status]["content"]) == wanted


def test_where_it_is_and_in_which_groups() -> None:
    assert WHOLE["servers"] == [{"url": "https://esteio.example", "description": "This gateway"}]
    assert openapi.describe(TABLE, "0")["servers"][0]["url"] == "/"
    named = [tag["name"] for tag in WHOLE["tags"]]
    assert len(set(named)) == len(named)
    for _, path, operation in OPERATIONS:
        assert set(operation["tags"]) <= set(named), path
        assert operation["description"], path


def test_each_operation_has_its_own_problems() -> None:
    lists = {operation["operationId"]: operation["responses"] for _, _, operation in OPERATIONS}
    assert "400" not in lists["get_livez"]
    assert lists["post_v1_sessions_name_messages"]["409"]["description"] == "idempotency-in-progress"
    assert lists["get_v1_sessions_name"]["404"]["description"] == "unknown-session"
    assert lists["post_v1_messages_id_retry"]["409"]["description"] == "wrong-state"
    assert "name-taken" not in str(lists["get_v1_sessions"])


def test_every_type_of_event_is_described() -> None:
    assert tuple(WHOLE["webhooks"]) == EVENT_TYPES
    assert len(SCHEMAS["Event"]["oneOf"]) == len(EVENT_TYPES)
    for kind, one in WHOLE["webhooks"].items():
        reference = one["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert SCHEMAS[reference.rpartition("/")[2]]["properties"]["type"]["const"] == kind


def test_examples_fit_their_shapes() -> None:
    by_address = {f"{route.method} {openapi._path(route)}": route for route in TABLE}
    for address, body in openapi_examples.REQUESTS.items():
        msgspec.convert(body, by_address[address].body)
    for name, document in openapi_examples.SHAPES.items():
        rule = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
        jsonschema_rs.validator_for(rule).validate(document)


def test_real_events_fit_their_shapes(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        await gateway.live()
        await gateway.call("POST", "/v1/sessions/line/messages", {"to": "5511999998888", "text": "oi"})
        await gateway.call("DELETE", "/v1/sessions/line")
        rule = {"$ref": "#/components/schemas/Event", "components": {"schemas": SCHEMAS}}
        check = jsonschema_rs.validator_for(rule)
        for told in await gateway.api.feed.after(0):
            check.validate(msgspec.json.decode(told.body))

    run(test)


def test_the_page_shows_every_operation_with_an_example_and_loads_nothing() -> None:
    page = docs_page.documentation(WHOLE, translations("en"))
    for method, path, operation in OPERATIONS:
        assert f'id="{operation["operationId"]}"' in page, (method, path)
    assert "http://" not in page.replace("http://evolution.example:8080", "")
    assert not re.search(r"<(?:link|img|iframe)|src=", page)
    assert page.count("<script>") == 1
    for tag in WHOLE["tags"]:
        assert f'id="group-{tag["name"]}"' in page
    assert "curl -X POST &quot;$ESTEIO_URL/v1/sessions/shop-1/messages&quot;" in page
    for code in KINDS:
        assert f'<tr id="{code}">' in page


TOOLS = {
    "redocly": ["lint", "{file}"],
    "spectral": ["lint", "{file}", "--ruleset", "{rules}", "--fail-severity", "error"],
    "openapi-typescript": ["{file}", "-o", "{out}/api.ts"],
    "openapi-python-client": ["generate", "--path", "{file}", "--output-path", "{out}/client"],
    "openapi-spec-validator": ["{file}"],
}


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_generators_and_linters_take_it(tool: str, tmp_path: Path) -> None:
    """Where they are installed: on the path, or in the folder that OPENAPI_TOOLS names (`node_modules/.bin`, `bin`)."""
    folder = os.environ.get("OPENAPI_TOOLS", "")
    places = [os.environ.get("PATH", ""), *([f"{folder}/node_modules/.bin", f"{folder}/bin"] if folder else [])]
    program = shutil.which(tool, path=os.pathsep.join(places))
    if program is None:
        pytest.skip(f"{tool} is not installed; OPENAPI_TOOLS may name a folder that has it")
    file, rules = tmp_path / "openapi.json", tmp_path / "rules.yaml"
    file.write_text(TEXT, encoding="utf-8")
    rules.write_text('extends: ["spectral:oas"]\n', encoding="utf-8")
    words = {"file": str(file), "rules": str(rules), "out": str(tmp_path)}
    done = subprocess.run(
        [program, *(word.format(**words) for word in TOOLS[tool])],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": os.pathsep.join(places)},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert not re.search(r"(?i)unable to (?:parse|generate)|\bERROR\b(?!s? \(0)", said.replace("0 errors", "")), said
    assert Path(file).exists()


def test_the_kinds_and_what_each_needs_come_from_the_adapters(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        schemas = (await gateway.call("GET", "/openapi.json")).json()["components"]["schemas"]
        assert schemas["ServerRequest"]["properties"]["kind"]["enum"] == ["baileys", "evolution", "wapi"]
        credentials = schemas["ServerRequest"]["properties"]["credentials"]["description"]
        assert "evolution: `apikey` (the server's AUTHENTICATION_API_KEY)" in credentials
        assert "wapi: none" in credentials
        ref = schemas["SessionRequest"]["properties"]["ref"]["description"]
        assert "default: the session's own name" in ref
        assert "`instance_id`" in ref
        assert "key, which the server tells" not in ref, "what is learned cannot be said"

    run(test)
