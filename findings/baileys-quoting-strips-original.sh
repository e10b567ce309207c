#!/usr/bin/env bash
# Package:   baileys 7.0.0-rc14 (npm); 6.17.16 leaves the original alone.
# Behaviour: a reply made with the option `quoted` must not carry the quoted message's own contextInfo, so Baileys deletes it,
#            and this version deletes it from the very object that the caller handed in. Forwarding the same message copies first.
# Seen:      received                   contextInfo stanzaId,participant,mentionedJid,expiration
#            forwarded                  contextInfo stanzaId,participant,mentionedJid,expiration
#            quoted in a reply          contextInfo none
#            decoded, quoted in a reply contextInfo none
# Surprise:  answering a message rewrites it. A gateway that holds what it received (for a webhook that is still to be sent, a
#            getMessage answer to a retry receipt, a row written later) finds that after the reply the customer's message
#            mentions nobody, answers nothing and has no disappearing time. Nothing fails, and a message nobody replied to is whole.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --omit=optional --omit=peer --legacy-peer-deps baileys@7.0.0-rc14
cat >probe.mjs <<'JS'
import { generateForwardMessageContent, generateWAMessageFromContent, proto } from 'baileys'

const group = '120363000000000001@g.us'
const received = () => ({
  key: { remoteJid: group, fromMe: false, id: 'ORIGINAL', participant: '5511900000001@s.whatsapp.net' },
  messageTimestamp: 1780000000,
  message: {
    extendedTextMessage: {
      text: '@5511900000002 sim',
      contextInfo: {
        stanzaId: 'EARLIER', participant: '5511900000003@s.whatsapp.net',
        mentionedJid: ['5511900000002@s.whatsapp.net'], expiration: 86400,
      },
    },
  },
})
const decoded = () => proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(proto.WebMessageInfo.fromObject(received())).finish())
const show = (what, { message }) => {
  const context = message.extendedTextMessage.contextInfo
  const fields = ['stanzaId', 'participant', 'mentionedJid', 'expiration'].filter(name => context?.[name])
  console.log(`${what.padEnd(26)} contextInfo ${fields.join() || 'none'}`)
}
const reply = quoted => generateWAMessageFromContent(
  group, proto.Message.fromObject({ extendedTextMessage: { text: 'ok' } }), { quoted, userJid: '5511999999999@s.whatsapp.net' })

const message = received()
show('received', message)
generateForwardMessageContent(message, false)
show('forwarded', message)
reply(message)
show('quoted in a reply', message)
const fromWire = decoded()
reply(fromWire)
show('decoded, quoted in a reply', fromWire)
JS
node probe.mjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
received                   contextInfo stanzaId,participant,mentionedJid,expiration
forwarded                  contextInfo stanzaId,participant,mentionedJid,expiration
quoted in a reply          contextInfo none
decoded, quoted in a reply contextInfo none
SEEN
