"""The verb `login`: a link that lets a browser into the dashboard once. Never lives here: what it shows."""

from __future__ import annotations

from esteio.cli import output, texts
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json


def login(as_json: Json = False) -> None:
    """Print a link that opens the dashboard in a browser, once, within five minutes, with the rights of ESTEIO_KEY.
    In a pipe: the link alone.
    """
    client = connect()
    told = client.post(path("login-links"))
    link = told["url"] or client.url + told["path"]
    if as_json:
        output.data(told | {"url": link})
        return
    if output.to_person():
        output.line(("", texts.say("login-link")))
    print(link)
