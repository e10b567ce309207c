"""The sentences of messages in doubt, in English, as data; `texts_doubt_pt` has the same codes.

See `texts_en`. Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

DOUBTS: Mapping[str, tuple[str, str]] = {
    "in-doubt": (
        "It is not known whether this message went out: the server did not answer. We check before sending it again.",
        "",
    ),
    "in-doubt-answered": (
        (
            "It is not known whether this message went out: the server failed while sending it[: {detail}]. "
            "We check before sending it again."
        ),
        "",
    ),
    "in-doubt-refused": (
        (
            "It is not known whether this message went out: the server's refusal does not say[: {detail}]. "
            "We check before sending it again."
        ),
        "",
    ),
    "in-doubt-proxy": (
        (
            "It is not known whether this message went out: a proxy in front of the server answered in its place"
            "[: {detail}]. We check before sending it again."
        ),
        "",
    ),
    "in-doubt-unstored": (
        (
            "It is not known whether this message went out: the server's own database failed[: {detail}]. In that case "
            "the message has often gone out without being stored, so the server's list proves nothing."
        ),
        "",
    ),
    "in-doubt-restarted": (
        (
            "It is not known whether this message went out: the server's process stopped during the send and may have "
            "sent it without storing it. The server's list proves nothing."
        ),
        "",
    ),
    "in-doubt-held": (
        (
            "It could not be found out whether this message went out. To avoid a duplicate it is not resent "
            "automatically; the conversation goes on without it."
        ),
        "Check the conversation on the phone: if the message is not there, use retry.",
    ),
    "in-doubt-held-unstored": (
        (
            "The server's database failed when this message was sent[: {detail}], so it may have gone out although the "
            "server's list does not have it. To avoid a duplicate it is not resent automatically; the conversation "
            "goes on."
        ),
        (
            "Check the conversation on the phone: if the message is not there, use retry. "
            "Also check the server's database and disk."
        ),
    ),
    "in-doubt-held-restarted": (
        (
            "The server's process stopped while sending this message, so it may have gone out although the server's "
            "list does not have it. To avoid a duplicate it is not resent automatically; the conversation goes on."
        ),
        "Check the conversation on the phone: if the message is not there, use retry.",
    ),
    "doubts-wait": (
        "It could not be found out whether these messages went out[: {count}]. They are not resent automatically.",
        (
            "They are listed in the dead letters (state in_doubt). Check each conversation on the phone and use retry "
            "for what is not there."
        ),
    ),
    "in-doubt-failed": (
        "It could not be found out whether this message went out, so it counts as failed.",
        "Check the conversation on the phone before you retry.",
    ),
    "resent-after-doubt": (
        "It could not be found out whether this message went out; by policy it is resent and may arrive twice.",
        "",
    ),
    "not-sent-after-all": ("The message was not among those that went out: it is resent.", ""),
    "not-sent-overtaken": (
        "This message certainly did not go out, and later ones of the same conversation have gone out since.",
        "If it still makes sense after them, use retry.",
    ),
}
