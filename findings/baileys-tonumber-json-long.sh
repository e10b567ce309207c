#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm), with the `long` that they bring.
# Behaviour: toNumber, Baileys' helper for 64-bit fields, takes a live Long whole, and of one that went through JSON
#            ({"low","high","unsigned"}, as toObject leaves it in a webhook body, a queue or a JSON column) the low 32 bits only.
#            The messageTimestamp (seconds) survives that until 2038, so the code looks right; the time of a reaction or of a
#            poll vote (senderTimestampMs, milliseconds) does not.
# Seen:      live messageTimestamp 1780000000 senderTimestampMs 1780000000123
#            json messageTimestamp 1780000000 senderTimestampMs 1883539579
# Surprise:  the helper has a branch for the plain object, so it is no accident of typing, and it is right for the one field
#            that everybody tests. Votes ordered by it are ordered by a counter that starts anew every 49.7 days, and may be
#            negative: the later of two votes can look like the earlier one.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --omit=optional --omit=peer --legacy-peer-deps baileys@7.0.0-rc14
cat >probe.mjs <<'JS'
import { proto, toNumber } from 'baileys'

const Info = proto.WebMessageInfo
const wire = Info.encode(Info.fromObject({
  key: { remoteJid: '120363000000000001@g.us', fromMe: true, id: 'A' },
  messageTimestamp: 1780000000,
  reactions: [{ text: 'ok', senderTimestampMs: 1780000000123 }],
})).finish()
const live = Info.toObject(Info.decode(wire))
const json = JSON.parse(JSON.stringify(live))
for (const [name, info] of Object.entries({ live, json })) {
  const [seconds, millis] = [toNumber(info.messageTimestamp), toNumber(info.reactions[0].senderTimestampMs)]
  console.log(`${name} messageTimestamp ${seconds} senderTimestampMs ${millis}`)
}
JS
node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
live messageTimestamp 1780000000 senderTimestampMs 1780000000123
json messageTimestamp 1780000000 senderTimestampMs 1883539579
SEEN
