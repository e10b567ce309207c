#!/usr/bin/env bash
# Package:   evolution-whatsapp 0.1.1 (PyPI), as it comes; max_retries=1 turns it off.
# Behaviour: the client repeats a request, up to three in all, when the answer is 504 (or 500, 502, 503) or does not come in
#            time, and the POST of a send like any other. Such an answer does not say whether the message went out: a proxy
#            gives its 504 while the server behind it goes on. The repeat is the same request again, with nothing in it by
#            which a server could tell it from a second message.
# Seen:      evolution-whatsapp 0.1.1
#            answered        1 call, 1 message   caller told: id 1
#            504 once        1 call, 2 messages  caller told: id 2                     repeats alike: True
#            504 each time   1 call, 3 messages  caller told: EvolutionAPIError        repeats alike: True
#            answer too late 1 call, 3 messages  caller told: EvolutionConnectionError repeats alike: True
# Surprise:  in the second line everything went well, as far as the caller can see: one call, one id, no error, no warning; the
#            customer has the message twice. The two below are one error for three messages.
# How:       a server on loopback stands for an Evolution API 2.3.7 and the proxy before it: it takes the message each time, then
#            gives Evolution's recorded 201 (with other numbers and ids), a proxy's 504, or no answer before the client hangs up.
# Needs:     python >= 3.11 with venv. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check evolution-whatsapp==0.1.1 httpx==0.28.1 pydantic==2.14.4 structlog==26.1.0
cat >probe.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from evolution_api import EvoClient

taken = []
lost = iter(())


def sent(body):
    return {
        "key": {"remoteJid": f"{body['number']}@s.whatsapp.net", "fromMe": True, "id": f"3EB0{len(taken):018}"},
        "pushName": "Você", "status": "PENDING", "message": {"conversation": body["text"]},
        "contextInfo": {
            "mentionedJid": [],
            "groupMentions": [],
            "ephemeralSettingTimestamp": {"low": 1780000000, "high": 0, "unsigned": False},
            "disappearingMode": {"initiator": 0},
        },
        "messageType": "conversation", "messageTimestamp": 1780000000,
        "instanceId": "00000000-0000-4000-8000-000000000001", "source": "web",
    }


class EvolutionBehindProxy(BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"]))
        taken.append((self.path, self.headers.items(), text))
        how = next(lost, None)
        if how == "late":
            self.connection.recv(1)  # returns when the client hangs up
            self.close_connection = True
        elif how == "504":
            self.give(504, "text/html", "<html><head><title>504 Gateway Time-out</title></head></html>")
        else:
            self.give(201, "application/json; charset=utf-8", json.dumps(sent(json.loads(text)), ensure_ascii=False))

    def give(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def show(name, *answers):
    global lost
    lost = iter(answers)
    taken.clear()
    try:
        told = f"id {int(client.send_text('5511900000001', 'seu pedido saiu')['key']['id'][4:])}"
    except Exception as error:
        told = type(error).__name__
    messages = f"{len(taken)} message{'s' * (len(taken) > 1)}"
    alike = f"repeats alike: {all(one == taken[0] for one in taken)}" if taken[1:] else ""
    print(f"{name:15} 1 call, {messages:11} caller told: {told:24} {alike}".rstrip())


server = ThreadingHTTPServer(("127.0.0.1", 0), EvolutionBehindProxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = EvoClient(f"http://127.0.0.1:{server.server_port}", "key", "line", timeout=2)
print("evolution-whatsapp", version("evolution-whatsapp"))
show("answered")
show("504 once", "504")
show("504 each time", "504", "504", "504")
show("answer too late", "late", "late", "late")
PY
env -i PATH="$PATH" venv/bin/python probe.py | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
evolution-whatsapp 0.1.1
answered        1 call, 1 message   caller told: id 1
504 once        1 call, 2 messages  caller told: id 2                     repeats alike: True
504 each time   1 call, 3 messages  caller told: EvolutionAPIError        repeats alike: True
answer too late 1 call, 3 messages  caller told: EvolutionConnectionError repeats alike: True
SEEN
