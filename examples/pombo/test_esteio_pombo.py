"""What an outsider writes: the suite, told how Pombo's answers look, and one of the server's own words."""

from esteio_pombo import Pombo

from esteio.testing.conformance import TEXT, AdapterConformance
from esteio.testing.stepping import NOW, drive, kinds, reply


class TestPombo(AdapterConformance):
    adapter = Pombo()
    good = ({"line": {"name": "s1", "state": "online"}}, {"line": {"name": "s1", "state": "pairing", "qr": "2@abc"}})
    strange_state = {"line": {"name": "s1", "state": "levitating"}}
    webhooks = (
        {"event": "message", "id": "A1", "from": "5511999990001", "text": "oi", "at": NOW},
        {"event": "receipt", "id": "A1", "status": "delivered", "at": NOW},
        {"event": "state", "state": "offline"},
    )

    def test_offline_means_not_sent(self):
        outcome, _ = drive(self.adapter.send(self.here(), NOW, TEXT, 75), reply({"error": "line is offline"}, 409))
        assert (outcome.certainty, kinds(outcome.evidence)) == ("not_sent", ["server_answered", "send_closed"])
