#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm); 6.17.16 does not do this.
# Behaviour: BufferJSON.reviver, the helper that auth and message stores use with JSON.parse, turns a plain object into a
#            Buffer when every key begins with a digit and every value is a number. A map from JIDs to counters is such an
#            object, so {"5511900000001@s.whatsapp.net": 300} comes back as one byte, 44: the JID is gone and the number
#            is cut to eight bits. A map from message ids to statuses is one too as long as all ids begin with "3A" (iPhone)
#            or "3EB0" (WhatsApp Web); with one Android id ("AC...") beside them, or true for a value, the map stays whole.
# Seen:      unread    -> Buffer 2c
#            disappear -> Buffer 80 00
#            statuses  -> Buffer 04 03
#            mixed     -> Object {"3EB0AAAAAAAAAAAAAAAAAA":4,"AC000000000000000000000000000001":3}
#            flags     -> Object {"120363000000000001@g.us":true}
# Surprise:  whoever keeps per-chat numbers (unread, disappearing time, last ack) in the same store as the keys writes right
#            JSON and reads a Buffer, with no error; and whether it happens hangs on the phones that the contacts use.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --omit=optional --omit=peer --legacy-peer-deps baileys@7.0.0-rc14
cat >probe.mjs <<'JS'
import { BufferJSON } from 'baileys'

const throughStore = value => JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver)
const maps = {
  unread: { '5511900000001@s.whatsapp.net': 300 },
  disappear: { '5511900000001@s.whatsapp.net': 604800, '120363000000000001@g.us': 0 },
  statuses: { '3EB0AAAAAAAAAAAAAAAAAA': 4, '3A000000000000000001': 3 },
  mixed: { '3EB0AAAAAAAAAAAAAAAAAA': 4, 'AC000000000000000000000000000001': 3 },
  flags: { '120363000000000001@g.us': true },
}
for (const [name, map] of Object.entries(maps)) {
  const back = throughStore({ map }).map
  const shown = Buffer.isBuffer(back) ? [...back].map(b => b.toString(16).padStart(2, '0')).join(' ') : JSON.stringify(back)
  console.log(`${name.padEnd(9)} -> ${back.constructor.name} ${shown}`)
}
JS
node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
unread    -> Buffer 2c
disappear -> Buffer 80 00
statuses  -> Buffer 04 03
mixed     -> Object {"3EB0AAAAAAAAAAAAAAAAAA":4,"AC000000000000000000000000000001":3}
flags     -> Object {"120363000000000001@g.us":true}
SEEN
