"""When a provider is asked again for a media's bytes, and when that is given up."""

import pytest

from esteio.core.messages import media_fetch as law
from esteio.core.messages.media_fetch import Retry
from esteio.core.model.content import Media
from esteio.core.model.ids import SessionId
from esteio.core.model.message import MessageState
from esteio.core.model.state import Reason

NOW = 1_000_000.0
WHO = SessionId(7)


def after(
    tries: int, since: float = NOW, now: float = NOW, *, said_no: bool = False, detail: str = "no answer"
) -> Retry:
    return law.after_failure(WHO, since, tries, now, said_no=said_no, detail=detail)


def test_it_is_tried_again_later_and_later_for_a_day() -> None:
    pauses = [(after(tries).due_at or 0.0) - NOW for tries in range(1, 20)]
    assert 2.0 <= pauses[0] < 2.5
    assert pauses == sorted(pauses) or pauses[-1] >= 3600.0
    assert all(pause <= 3600.0 * 1.25 for pause in pauses)
    assert after(3, now=NOW + 86_399).due_at is not None
    given_up = after(3, now=NOW + 86_400)
    assert (given_up.due_at, given_up.gone) == (None, Reason("media-fetch-failed", {"detail": "no answer"}))


def test_a_no_ends_it_after_about_a_minute() -> None:
    assert all(after(tries, said_no=True).due_at is not None for tries in range(1, 6))
    assert after(6, said_no=True, detail="").gone == Reason("media-fetch-failed", {})


@pytest.mark.parametrize(
    ("media", "state", "shown"),
    [
        (Media("image", stored="x"), "delivered", ("kept", None)),
        (Media("image", base64="eA=="), "queued", ("kept", None)),
        (Media("image", fetching=True), "delivered", ("fetching", None)),
        (Media("image", url="https://h/x"), "queued", ("fetching", None)),
        (Media("image", url="https://h/x"), "sent", ("gone", law.NOT_KEPT)),
        (Media("image", gone=law.EXPIRED), "delivered", ("gone", law.EXPIRED)),
    ],
)
def test_what_is_told_of_the_bytes(media: Media, state: MessageState, shown: tuple[str, Reason | None]) -> None:
    assert law.shown(media, state) == shown


def test_a_limit_is_named() -> None:
    assert law.too_large(5) == Reason("media-too-large", {"limit": "5"})
