"""The sentences of messages in doubt, in English, as data; `texts_doubt_pt` has the same codes.

See `texts_en`. Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

DOUBTS: Mapping[str, tuple[str, str]] = {
    "in-doubt": (
        "Nobody knows whether this message went: the server's answer did not come. We look before sending again.",
        "",
    ),
    "in-doubt-answered": (
        (
            "Nobody knows whether this message went: the server failed while it sent it[: {detail}]. "
            "We look before sending again."
        ),
        "",
    ),
    "in-doubt-refused": (
        (
            "Nobody knows whether this message went: the server said no in words that do not tell[: {detail}]. "
            "We look before sending again."
        ),
        "",
    ),
    "in-doubt-proxy": (
        (
            "Nobody knows whether this message went: a proxy in front of the server answered in its place[: {detail}]. "
            "We look before sending again."
        ),
        "",
    ),
    "in-doubt-unstored": (
        (
            "Nobody knows whether this message went: the server's own database failed[: {detail}]. Such a server often "
            "has sent the message and could not note it, so that its list proves nothing."
        ),
        "",
    ),
    "in-doubt-restarted": (
        (
            "Nobody knows whether this message went: the server's process stopped while it had it in its hands, and "
            "may have sent it without noting it. Its list proves nothing."
        ),
        "",
    ),
    "in-doubt-held": (
        (
            "It could not be found out whether this message went. So as not to double it, it is not sent again by "
            "itself; the conversation goes on without it."
        ),
        "Look at the conversation on the phone: if the message is not there, use retry.",
    ),
    "in-doubt-held-unstored": (
        (
            "The server's database failed when this message was sent[: {detail}], so it may have gone although the "
            "server's list does not hold it. So as not to double it, it is not sent again by itself; the conversation "
            "goes on."
        ),
        (
            "Look at the conversation on the phone: if the message is not there, use retry. "
            "And look after the server's database and disk."
        ),
    ),
    "in-doubt-held-restarted": (
        (
            "The server's process stopped while it had this message in its hands, so it may have gone although the "
            "server's list does not hold it. So as not to double it, it is not sent again by itself; the conversation "
            "goes on."
        ),
        "Look at the conversation on the phone: if the message is not there, use retry.",
    ),
    "doubts-wait": (
        "It could not be found out whether these messages went: {count}. They are not sent again by themselves.",
        (
            "They stand among the dead letters (state in_doubt). Look at each conversation on the phone, and use retry "
            "for what is not there."
        ),
    ),
    "in-doubt-failed": (
        "It could not be found out whether this message went, so it counts as failed.",
        "Look at the conversation on the phone before you retry.",
    ),
    "resent-after-doubt": (
        "It could not be found out whether this message went; by policy it is sent again and may arrive twice.",
        "",
    ),
    "not-sent-after-all": ("The message was not among those that went: it is sent again.", ""),
    "not-sent-overtaken": (
        "This message surely did not go, and later ones of the same conversation have gone since.",
        "If it still makes sense after them, retry.",
    ),
}
