#!/usr/bin/env bash
# Package:   pyevolutionapi 0.1.1 (PyPI), at the answers of Evolution API 2.3.7.
# Behaviour: Evolution answers a send with 201 and the message: its `key`, and beside it the content as `message`. The client
#            expects in `message` an envelope with a `key` of its own, so each send raises after the server has taken it. And
#            what it raises is pydantic's ValidationError: no EvolutionAPIError, the base of all its own errors, and not the
#            ValidationError among them either, which stands for an answer 400.
# Seen:      pyevolutionapi 0.1.1
#            send_text     server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
#            send_location server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
#            send_contact  server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
#            send_text     server: took 0, 400  client: pyevolutionapi ValidationError, an EvolutionAPIError: True
# Surprise:  a message that went out looks like one that failed, and the id that its receipts will name is lost. Code that
#            catches the client's own errors breaks on the messages that were sent, and only on those; a task queue that
#            tries again on any error sends the message once for each try.
# How:       a server on loopback answers as a 2.3.7 was recorded, with other numbers and ids; the last line is the recorded
#            answer for a number that is not on WhatsApp.
# Needs:     python >= 3.11 with venv. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyevolutionapi==0.1.1 httpx==0.28.1 pydantic==2.14.4 python-dotenv==1.2.4
cat >probe.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from pyevolutionapi import EvolutionClient
from pyevolutionapi.exceptions import EvolutionAPIError

NUMBER, NOT_ON_WHATSAPP = "5511900000001", "5511900000009"
CONTEXT = {
    "mentionedJid": [],
    "groupMentions": [],
    "ephemeralSettingTimestamp": {"low": 1780000000, "high": 0, "unsigned": False},
    "disappearingMode": {"initiator": 0},
}
answered = []


def content(path, body):
    if "/sendText/" in path:
        return "conversation", body["text"]
    if "/sendLocation/" in path:
        where = {"degreesLatitude": body["latitude"], "degreesLongitude": body["longitude"]}
        return "locationMessage", where | {"name": body["name"], "address": body["address"], "contextInfo": CONTEXT}
    name, wuid, phone = (body["contact"][0][field] for field in ("fullName", "wuid", "phoneNumber"))
    vcard = f"BEGIN:VCARD\nVERSION:3.0\nN:{name}\nFN:{name}\nitem1.TEL;waid={wuid}:{phone}\nitem1.X-ABLabel:Celular\nEND:VCARD"
    return "contactMessage", {"displayName": name, "vcard": vcard, "contextInfo": CONTEXT}


def answer(path, body):
    if body["number"] == NOT_ON_WHATSAPP:
        nobody = {"jid": f"{NOT_ON_WHATSAPP}@s.whatsapp.net", "exists": False, "number": NOT_ON_WHATSAPP}
        return 400, {"status": 400, "error": "Bad Request", "response": {"message": [nobody]}}
    kind, held = content(path, body)
    return 201, {
        "key": {"remoteJid": f"{NUMBER}@s.whatsapp.net", "fromMe": True, "id": f"3EB0{len(answered):018}"},
        "pushName": "Você", "status": "PENDING", "message": {kind: held}, "contextInfo": CONTEXT,
        "messageType": kind, "messageTimestamp": 1780000000,
        "instanceId": "00000000-0000-4000-8000-000000000001", "source": "web",
    }


class Evolution(BaseHTTPRequestHandler):
    def do_POST(self):
        status, said = answer(self.path, json.loads(self.rfile.read(int(self.headers["content-length"]))))
        answered.append(status)
        text = json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def show(verb, *args):
    answered.clear()
    try:
        told = f"message id {getattr(client.messages, verb)('line', *args).message_id}"
    except Exception as error:
        package = type(error).__module__.split(".")[0]
        told = f"{package} {type(error).__name__}, an EvolutionAPIError: {isinstance(error, EvolutionAPIError)}"
    print(f"{verb:13} server: took {answered.count(201)}, {answered[-1]}  client: {told}")


server = ThreadingHTTPServer(("127.0.0.1", 0), Evolution)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = EvolutionClient(f"http://127.0.0.1:{server.server_port}", api_key="key")
print("pyevolutionapi", version("pyevolutionapi"))
show("send_text", NUMBER, "oi")
show("send_location", NUMBER, "Loja", "Rua 1", -23.5, -46.6)
show("send_contact", NUMBER, [{"fullName": "Ana", "wuid": "5511900000002", "phoneNumber": "+55 11 90000-0002"}])
show("send_text", NOT_ON_WHATSAPP, "oi")
PY
env -i PATH="$PATH" venv/bin/python probe.py | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
pyevolutionapi 0.1.1
send_text     server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
send_location server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
send_contact  server: took 1, 201  client: pydantic_core ValidationError, an EvolutionAPIError: False
send_text     server: took 0, 400  client: pyevolutionapi ValidationError, an EvolutionAPIError: True
SEEN
