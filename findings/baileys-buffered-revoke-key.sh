#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm).
# Behaviour: Baileys buffers its events (after a login, for a whole backlog) and folds a messages.update into a
#            messages.upsert of the same message that still waits. A revocation ("delete for everyone") is such an update, and
#            its update carries a `key` of its own: that of the revoking message. The fold copies that key over the key of the
#            revoked message. What comes out is one messages.upsert with two entries under one id, that of the revocation:
#            first the revoked message (content null), then the revocation itself. No messages.update is emitted.
#            Where the first message left the buffer before the second came, all keys are right.
# Seen:      apart     upsert ORIGINAL conversation
#            apart     upsert REVOKING protocolMessage
#            apart     update ORIGINAL stub 1
#            together  upsert REVOKING null stub 1
#            together  upsert REVOKING protocolMessage
# Surprise:  a gateway that drops repeats by key.id keeps the empty entry and throws away the revocation, the only place where
#            the id of the revoked message is still written (protocolMessage.key.id). A test on a live line sees the right
#            keys; messages sent and deleted while the line was down come out wrong.
# How:       the messages go the way the socket sends them: the emit that upsertMessage does, then Baileys' own
#            processMessage; only the socket itself is left out.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --omit=optional --omit=peer --legacy-peer-deps baileys@7.0.0-rc14
cat >probe.mjs <<'JS'
import { makeEventBuffer } from 'baileys'
import processMessage from './node_modules/baileys/lib/Utils/process-message.js'

const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const chat = '5511900000001@s.whatsapp.net'
const received = (id, message) => ({ key: { remoteJid: chat, fromMe: false, id }, message, messageTimestamp: 1780000000 })
const twoMessages = () => [
  received('ORIGINAL', { conversation: 'oi' }),
  received('REVOKING', { protocolMessage: { type: 0, key: { remoteJid: chat, fromMe: false, id: 'ORIGINAL' } } }),
]

async function play(name, flushEach) {
  const ev = makeEventBuffer(logger)
  const show = (event, key, rest) => console.log(`${name.padEnd(9)} ${event} ${key.id} ${rest}`)
  const stub = record => (record.messageStubType ? `stub ${record.messageStubType}` : '')
  ev.on('messages.upsert', ({ messages }) => {
    for (const m of messages) show('upsert', m.key, `${m.message && Object.keys(m.message)[0]} ${stub(m)}`.trim())
  })
  ev.on('messages.update', updates => {
    for (const { key, update } of updates) show('update', key, stub(update))
  })
  for (const message of twoMessages()) {
    ev.buffer()
    ev.emit('messages.upsert', { messages: [message], type: 'notify' })
    await processMessage(message, {
      ev, logger, creds: { me: { id: '5511999999999:1@s.whatsapp.net' }, accountSettings: {} }, options: {},
      shouldProcessHistoryMsg: false, keyStore: {}, signalRepository: {}, getMessage: async () => undefined,
    })
    if (flushEach) ev.flush()
  }
  ev.flush()
}

await play('apart', true)
await play('together', false)
process.exit(0)
JS
node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
apart     upsert ORIGINAL conversation
apart     upsert REVOKING protocolMessage
apart     update ORIGINAL stub 1
together  upsert REVOKING null stub 1
together  upsert REVOKING protocolMessage
SEEN
