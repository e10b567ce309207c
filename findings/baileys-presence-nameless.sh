#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm).
# Behaviour: sendPresenceUpdate('available' | 'unavailable') looks at the login's push name before it touches the socket, and
#            returns without a word to the caller where there is none (creds.me.name; a private account has none until the
#            phone's own name has been synced). With a name it writes, and a closed socket is an error.
# Seen:      nameless  resolved undefined
#            named     rejected Connection Closed
# Surprise:  servers offer it as "set presence" and answer 201 when the promise resolves (Evolution API's
#            /instance/setPresence). Used as a cheap test of the socket, it says "open" over a socket that is closed, exactly on
#            freshly paired private accounts.
# How:       both sockets dial a port of loopback where nobody listens; nothing leaves the machine.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --omit=optional --omit=peer --legacy-peer-deps baileys@7.0.0-rc14
cat >probe.mjs <<'JS'
import { initAuthCreds, makeWASocket } from 'baileys'

const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const keys = { get: async () => ({}), set: async () => {} }

async function play(told, name) {
  const me = { id: '5511999999999:1@s.whatsapp.net', ...(name ? { name } : {}) }
  const creds = { ...initAuthCreds(), me, registered: true }
  const sock = makeWASocket({ auth: { creds, keys }, logger, waWebSocketUrl: 'ws://127.0.0.1:9', version: [2, 3000, 1] })
  await new Promise(done => sock.ev.on('connection.update', ({ connection }) => connection === 'close' && done()))
  const outcome = await sock.sendPresenceUpdate('unavailable').then(
    value => `resolved ${value}`,
    error => `rejected ${error.message}`,
  )
  console.log(`${told.padEnd(9)} ${outcome}`)
}

await play('nameless')
await play('named', 'Loja')
process.exit(0)
JS
timeout 60 node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
nameless  resolved undefined
named     rejected Connection Closed
SEEN
