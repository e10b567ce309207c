#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm), with the `long` that it brings.
# Behaviour: toNumber, Baileys' helper for 64-bit fields, takes a live Long whole, and of one that went through JSON
#            ({"low","high","unsigned"}, as toObject leaves it in a webhook body, a queue or a JSON column) the low 32 bits only.
#            The messageTimestamp (seconds) survives that until 2038, so the code looks right; the time of a reaction
#            (senderTimestampMs, milliseconds) does not.
# Seen:      live messageTimestamp 1780000000 senderTimestampMs 1780000000123,1780300000000
#            json messageTimestamp 1780000000 senderTimestampMs 1883539579,-2111427840
# Surprise:  the helper has a branch for the plain object, so it is no accident of typing, and it is right for the one field
#            that everybody tests. What is ordered by the other is ordered by a signed counter that starts anew every 49.7 days:
#            of the two reactions above the later one looks like the earlier one.
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
  reactions: [{ text: 'ok', senderTimestampMs: 1780000000123 }, { text: 'no', senderTimestampMs: 1780300000000 }],
})).finish()
const live = Info.toObject(Info.decode(wire))
const json = JSON.parse(JSON.stringify(live))
for (const [name, info] of Object.entries({ live, json })) {
  const seconds = toNumber(info.messageTimestamp)
  const millis = info.reactions.map(reaction => toNumber(reaction.senderTimestampMs)).join()
  console.log(`${name} messageTimestamp ${seconds} senderTimestampMs ${millis}`)
}
JS
node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
live messageTimestamp 1780000000 senderTimestampMs 1780000000123,1780300000000
json messageTimestamp 1780000000 senderTimestampMs 1883539579,-2111427840
SEEN
