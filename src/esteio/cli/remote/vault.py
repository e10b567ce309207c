"""The verbs `vault show`, `vault rotate` and `vault retire`. Never lives here: a key, which the gateway keeps."""

from __future__ import annotations

from typing import Any

import typer

from esteio.cli import output, texts
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(no_args_is_help=True)
PART_WAITS_S = 120.0


@app.command("show")
def show(as_json: Json = False) -> None:
    """Show which key seals the secrets at rest, by its id. In a pipe: tab-separated key, others, left."""
    _tell(connect().get(path("vault")), "vault.state", as_json=as_json)


@app.command("rotate")
def rotate(as_json: Json = False) -> None:
    """Seal every secret at rest with a new key, while the gateway runs. Stopped in the middle, the same verb goes on.

    With a key in `secret.key` the gateway makes the new one. With ESTEIO_SECRET_KEY set the new key there and the one
    of before in ESTEIO_OTHER_SECRET_KEYS first, and restart. The old key goes by itself after twelve hours, or with
    `esteio vault retire`.
    """
    client = connect()
    with output.progress("vault.begun"):
        told = client.post(path("vault", "rotate"), {"begin": True}, wait_s=PART_WAITS_S)
        while told["left"]:
            told = client.post(path("vault", "rotate"), {}, wait_s=PART_WAITS_S)
    _tell(told, "vault.rotated", as_json=as_json)


@app.command("retire")
def retire(as_json: Json = False) -> None:
    """Forget older keys that no secret names any more, now: logins and media links given out with them end."""
    _tell(connect().post(path("vault", "retire"), {}, wait_s=PART_WAITS_S), "vault.retired", as_json=as_json)


def _tell(told: dict[str, Any], key: str, *, as_json: bool) -> None:
    others = ", ".join(told["others"])
    if as_json:
        output.data(told)
    elif output.to_person():
        output.line(("good", texts.say(key, key=told["key"], left=told["left"])))
        if others:
            output.line(("", texts.say("vault.others", others=others)))
        if others and not told["in_file"]:
            output.line(("", texts.say("vault.others-set")))
    else:
        output.table((), [[("", told["key"]), ("", others or "-"), ("", str(told["left"]))]])
