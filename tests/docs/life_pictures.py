"""Draws the pictures of the pages `docs/explanation/life-of-a-….md`: who calls whom, in which order, as SVG.

Each is data below: the parties, and steps from one to another, numbered as on its page. Light and dark by the reader's
system, on a ground of its own, so that it is readable on any page; a title and a description for readers of the screen.
Never lives here: what the pages say.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

WIDTH, LEFT, TOP, ROW = 760, 84, 56, 42
STYLE = """
.ground{fill:#fff;stroke:#d0d7de}.party{fill:#f3f6f9;stroke:#57606a}.disk{fill:#dff3ea;stroke:#0b6e4f}
.life{stroke:#afb8c1;stroke-dasharray:3 4}.step{stroke:#24292f;fill:none}.head{fill:#24292f}
text{fill:#1f2328;font:13px system-ui,sans-serif}.name{font-weight:600}.number{fill:#0550ae;font-weight:700}
@media (prefers-color-scheme:dark){
.ground{fill:#161b22;stroke:#3d444d}.party{fill:#222a33;stroke:#9aa4af}.disk{fill:#12372b;stroke:#5cd6a9}
.life{stroke:#57606a}.step{stroke:#e6edf3}.head{fill:#e6edf3}text{fill:#e6edf3}.number{fill:#79c0ff}}
""".replace("\n", "")
DISK = "disk"
SPOKEN = 'role="img" aria-labelledby="title told"'


class Step(NamedTuple):
    """`number` of the page's list; from one party to another, by their places."""

    number: int
    source: int
    target: int
    words: str


class Picture(NamedTuple):
    """`told`: what it shows, for those who do not see it."""

    title: str
    told: str
    parties: tuple[str, ...]
    steps: tuple[Step, ...]


PICTURES = {
    "message": Picture(
        "Life of a message",
        "Your application posts a message to Esteio. Esteio commits the row to disk and answers 202. When its "
        "turn comes the row says sending; the provider is called and answers with its id; the row says sent. "
        "WhatsApp's receipt comes by the provider's webhook; the row says delivered, and your application is "
        "told.",
        ("your application", "Esteio", DISK, "provider", "WhatsApp"),
        (
            Step(1, 0, 1, "POST …/messages"),
            Step(2, 1, 2, "queued: commit"),
            Step(3, 1, 0, "202, id"),
            Step(4, 1, 2, "sending, lease"),
            Step(5, 1, 3, "send, once"),
            Step(5, 3, 4, "message"),
            Step(6, 3, 1, "201, its own id"),
            Step(6, 1, 2, "sent"),
            Step(7, 4, 3, "receipt"),
            Step(7, 3, 1, "webhook: delivered"),
            Step(7, 1, 2, "delivered"),
            Step(8, 1, 0, "state_changed"),
        ),
    ),
    "webhook": Picture(
        "Life of a webhook",
        "A customer's message reaches the provider, which posts it to Esteio. Esteio commits the bytes to "
        "disk and answers 200. The reader takes them, and one transaction writes message, evidence, event and "
        "delivery. Esteio posts the signed event to your application, which answers 2xx; the delivery is "
        "done.",
        ("WhatsApp", "provider", "Esteio", DISK, "your application"),
        (
            Step(1, 0, 1, "message"),
            Step(1, 1, 2, "POST /in/{token}"),
            Step(2, 2, 3, "bytes: commit"),
            Step(3, 2, 1, "200, at once"),
            Step(4, 3, 2, "read, recognise"),
            Step(5, 2, 3, "one transaction"),
            Step(6, 2, 4, "event, signed, with its webhook-id"),
            Step(7, 4, 2, "2xx: it is safe"),
            Step(7, 2, 3, "delivered"),
        ),
    ),
    "recovery": Picture(
        "Life of a recovery",
        "A send is refused by the provider: a suspicion. A probe is refused too: the ghost is proved. The "
        "outage and the restart are committed to disk, then the restart is called. Its 200 and the word open "
        "are hints. A probe is answered: proof of life. The outage is over, held messages go out, and people "
        "are told.",
        ("people", "Esteio", DISK, "provider"),
        (
            Step(1, 1, 3, "send"),
            Step(1, 3, 1, "Connection Closed: suspect"),
            Step(2, 1, 3, "probe of the socket"),
            Step(2, 3, 1, "Connection Closed: proved"),
            Step(3, 1, 2, "outage, restart: commit"),
            Step(4, 1, 3, "restart"),
            Step(4, 3, 1, "200: proves nothing"),
            Step(5, 3, 1, "webhook: connecting, open (hints)"),
            Step(6, 1, 3, "probe"),
            Step(6, 3, 1, "answered: proof of life"),
            Step(7, 1, 2, "outage over"),
            Step(7, 1, 3, "held messages"),
            Step(8, 1, 0, "one notice each"),
        ),
    ),
}


def pictures() -> dict[str, str]:
    """Path in the repository → the SVG."""
    return {f"docs/explanation/pictures/{name}.svg": drawn(one) for name, one in PICTURES.items()}


def drawn(picture: Picture) -> str:
    """The whole picture."""
    columns = _columns(len(picture.parties))
    height = TOP + ROW * len(picture.steps) + 16
    lives = [_life(name, x, height) for name, x in zip(picture.parties, columns, strict=True)]
    steps = [_step(step, columns, TOP + ROW * place + 30) for place, step in enumerate(picture.steps)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {SPOKEN}>',
            f'<title id="title">{escape(picture.title)}</title><desc id="told">{escape(picture.told)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
            *lives,
            *steps,
            "</svg>",
        ]
    )


def _columns(count: int) -> list[float]:
    between = (WIDTH - 2 * LEFT) / (count - 1)
    return [LEFT + between * place for place in range(count)]


def _life(name: str, x: float, height: int) -> str:
    box = f'<rect class="{DISK if name == DISK else "party"}" x="{x - 66:g}" y="14" width="132" height="30" rx="6"/>'
    label = f'<text class="name" x="{x:g}" y="34" text-anchor="middle">{escape(name)}</text>'
    return f'<line class="life" x1="{x:g}" y1="44" x2="{x:g}" y2="{height - 12}"/>{box}{label}'


def _step(step: Step, columns: list[float], y: float) -> str:
    """An arrow with its words above."""
    start, end = columns[step.source], columns[step.target]
    ahead = 1 if end > start else -1
    tip = end - 3 * ahead
    head = f"{tip:g},{y:g} {tip - 9 * ahead:g},{y - 4.5:g} {tip - 9 * ahead:g},{y + 4.5:g}"
    words = f'<tspan class="number">{step.number}</tspan> {escape(step.words)}'
    return (
        f'<line class="step" x1="{start + 3 * ahead:g}" y1="{y:g}" x2="{tip - 6 * ahead:g}" y2="{y:g}"/>'
        f'<polygon class="head" points="{head}"/>'
        f'<text x="{(start + end) / 2:g}" y="{y - 7:g}" text-anchor="middle">{words}</text>'
    )
