"""The closed list of spans and of their attributes: what they are called and what they mean.

HTTP and messaging names are OpenTelemetry's semantic conventions (1.45); what those have no name for is ours. A span or
an attribute that is not named here fails the tests, and `docs/reference/traces.md` is checked against this list. No
attribute holds what people wrote, a phone number, a chat, a token or an address with its path. Never lives here: when a
span begins or ends.
"""

from __future__ import annotations

from typing import Final

ACCEPT: Final = "{method} {route}"
WAIT: Final = "esteio.outbox.wait"
SEND: Final = "send whatsapp/{session}"
EXCHANGE: Final = "{method}"
DOUBT: Final = "esteio.doubt"
SERVER_ACK: Final = "esteio.ack.server"
DEVICE_ACK: Final = "esteio.ack.device"
READ_ACK: Final = "esteio.ack.read"
INBOX_WAIT: Final = "esteio.inbox.wait"
PROCESS: Final = "process whatsapp/{session}"
DELIVER: Final = "deliver {event}"

SPANS: Final[dict[str, tuple[str, str]]] = {
    ACCEPT: ("server", "A request of the API or of the Evolution door, with its route's pattern; a provider's webhook"),
    WAIT: ("internal", "A message waited: from when it was accepted, or due again, until it was claimed"),
    SEND: (
        "producer",
        "One attempt at a message, from the claim to its outcome; `{session}` stands there as it is here",
    ),
    EXCHANGE: ("client", "One HTTP exchange with a provider, inside an attempt or a look for a message in doubt"),
    DOUBT: ("internal", "A message was in doubt: from its attempt until it was found, or found not to be there"),
    SERVER_ACK: ("internal", "From the send until we learned that WhatsApp's server has it"),
    DEVICE_ACK: ("internal", "From the send until we learned that the recipient's phone has it"),
    READ_ACK: ("internal", "From the send until we learned that it was read"),
    INBOX_WAIT: ("internal", "A provider's webhook waited: from when it was stored until it was read"),
    PROCESS: ("consumer", "A stored webhook was read and applied"),
    DELIVER: ("client", "One attempt at delivering an event to a subscriber"),
}
"""Name → kind and meaning. `{method}` is the HTTP method, `{route}` a pattern, `{event}` an event's type; `{session}`
stands there as it is here, so that there are few different names."""

ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
URL_SCHEME: Final = "url.scheme"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION: Final = "messaging.destination.name"
MESSAGING_DESTINATION_TEMPLATE: Final = "messaging.destination.template"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
SERVER: Final = "esteio.server"
MESSAGE_KIND: Final = "esteio.message.kind"
ATTEMPT: Final = "esteio.attempt"
OUTCOME: Final = "esteio.outcome"
STATE: Final = "esteio.state"
REASON: Final = "esteio.reason"
ENDPOINT: Final = "esteio.webhook.id"
EVENT_SEQ: Final = "esteio.event.seq"
EVENT_TYPE: Final = "esteio.event.type"
INBOX_ROW: Final = "esteio.provider_webhook.id"
EVENTS: Final = "esteio.events"

ATTRIBUTES: Final[dict[str, str]] = {
    ERROR_TYPE: "a code of why it failed; the status where an answer said so",
    HTTP_METHOD: "the HTTP method",
    HTTP_ROUTE: "the route's pattern; the path itself may hold tokens and numbers, and is left out",
    HTTP_STATUS: "the status that was answered",
    URL_SCHEME: "`http` or `https`",
    SERVER_ADDRESS: "the other side's host",
    SERVER_PORT: "its port",
    MESSAGING_SYSTEM: "`whatsapp`",
    MESSAGING_OPERATION: "`send` or `process`",
    MESSAGING_OPERATION_TYPE: "`send` or `process`",
    MESSAGING_DESTINATION: "the session's name",
    MESSAGING_DESTINATION_TEMPLATE: "`whatsapp/{session}`",
    MESSAGING_MESSAGE_ID: "the message's id (`msg_…`)",
    SERVER: "the server's name",
    MESSAGE_KIND: "`text`, `image`, `poll` …",
    ATTEMPT: "which attempt it was, from 1",
    OUTCOME: "what the attempt came to",
    STATE: "the message's state after it",
    REASON: "the reason code, as documents show it",
    ENDPOINT: "the outgoing webhook's id (`wh_…`)",
    EVENT_SEQ: "the event's sequence number",
    EVENT_TYPE: "the event's type",
    INBOX_ROW: "the row of the provider's webhook, as in `GET /v1/inbox`",
    EVENTS: "how many events came of it",
}
"""Attribute → meaning."""
