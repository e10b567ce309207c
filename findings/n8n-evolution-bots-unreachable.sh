#!/usr/bin/env bash
# Package:   n8n-nodes-evolution-api 1.0.4 (npm), its form read by n8n's own n8n-workflow 2.41.0.
# Behaviour: the node offers bots of Dify and Flowise, n8n finds the filled form complete, and no request leaves. Flowise: the
#            form's name of the operation is flowiseBot, the code's is flowise-bot, so not one of its six choices exists. Dify:
#            to create or update a bot the code reads fields that the form does not have, or has under another name (the
#            field of the key is apiKeyBot) or under an operation that cannot be chosen (the field botType).
# Seen:      n8n-nodes-evolution-api 1.0.4
#            send-text                       form complete, POST /message/sendText/line 201
#            difyBot createDify              form complete, no request; read in vain: apiKey, botType, ignoreJids
#            difyBot updateDify              form complete, no request; read in vain: botType, ignoreJids
#            flowiseBot createFlowise        form complete, no request; no such operation
#            flowiseBot findFlowise          form complete, no request; no such operation
#            flowiseBot updateFlowise        form complete, no request; no such operation
#            flowiseBot deleteFlowise        form complete, no request; no such operation
#            flowiseBot fetchSessionsFlowise form complete, no request; no such operation
#            flowiseBot changeStatusFlowise  form complete, no request; no such operation
# Surprise:  what the user is told for Dify is to fill in the required fields, and all that there are have been filled in; a
#            workflow edited by hand is no way out, since n8n drops a parameter that the form does not have.
# How:       n8n-workflow makes the parameters and judges the form, as in n8n. The rest of n8n is a stand-in of a few lines: a
#            parameter that is not there raises, a request goes to a server on loopback, which answers a text as an Evolution
#            API 2.3.7 was recorded (with other numbers and ids). What is read in vain is seen in a second run, in which a
#            missing parameter does not raise.
# Needs:     node >= 20, npm. Exits 0 while the behaviour is as described, 1 when it has changed.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund --legacy-peer-deps n8n-nodes-evolution-api@1.0.4 n8n-workflow@2.41.0
cat >probe.cjs <<'JS'
const http = require('node:http')
const { NodeApiError, NodeHelpers, NodeOperationError } = require('n8n-workflow')
const { EvolutionApi } = require('n8n-nodes-evolution-api/dist/nodes/EvolutionApi/EvolutionApi.node.js')

const { description, execute } = new EvolutionApi()
const number = '5511900000001'
const filledIn = {
  instanceName: 'line', remoteJid: `${number}@s.whatsapp.net`, apiUrl: 'https://bot.example/v1', apiKeyBot: 'bot-key',
  triggerType: 'keyword', triggerOperator: 'contains', triggerValue: 'oi', difyBotId: 'bot', flowiseBotId: 'bot',
  // What no field asks for: n8n drops it here, as it would from a workflow edited by hand.
  apiKey: 'bot-key', botType: 'chatBot', ignoreJids: '',
}
const sent = text => ({
  key: { remoteJid: `${number}@s.whatsapp.net`, fromMe: true, id: '3EB0AAAAAAAAAAAAAAAAAA' },
  pushName: 'Você', status: 'PENDING', message: { conversation: text },
  contextInfo: {
    mentionedJid: [], groupMentions: [], ephemeralSettingTimestamp: { low: 1780000000, high: 0, unsigned: false },
    disappearingMode: { initiator: 0 },
  },
  messageType: 'conversation', messageTimestamp: 1780000000,
  instanceId: '00000000-0000-4000-8000-000000000001', source: 'web',
})
const requests = []
const server = http.createServer(async (req, res) => {
  const body = JSON.parse(Buffer.concat(await req.toArray()).toString() || '{}')
  const known = req.url === '/message/sendText/line'
  requests.push(`${req.method} ${req.url} ${known ? 201 : 404}`)
  res.writeHead(known ? 201 : 404, { 'content-type': 'application/json; charset=utf-8' })
  res.end(JSON.stringify(known ? sent(body.text) : {}))
})

async function request({ method, uri, headers, body }) {
  const answer = await fetch(uri, { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return answer.json()
}

function run(node, parameter, request) {
  return execute.call({
    getNode: () => node,
    getInputData: () => [{ json: {} }],
    getNodeParameter: name => node.parameters[name] ?? parameter(name),
    getCredentials: async () => ({ 'server-url': `http://127.0.0.1:${server.address().port}`, apikey: 'key' }),
    continueOnFail: () => false,
    helpers: { request, returnJsonArray: data => [data].flat() },
  })
}

async function readInVain(node) {
  const names = []
  await run(node, name => void names.push(name), async () => ({}))
  return `read in vain: ${names.join(', ')}`
}

async function show(name, chosen) {
  const node = { name: 'Evolution API', type: 'evolutionApi', typeVersion: 1, parameters: {} }
  node.parameters = NodeHelpers.getNodeParameters(description.properties, { ...filledIn, ...chosen }, true, false, node, description)
  const form = NodeHelpers.getNodeParametersIssues(description.properties, node, description) ? 'incomplete' : 'complete'
  requests.length = 0
  let why = ''
  try {
    await run(node, name => { throw new Error(`Could not get parameter "${name}"`) }, request)
  } catch (error) {
    if (!(error instanceof NodeApiError || error instanceof NodeOperationError)) throw error
    why = error instanceof NodeApiError ? '; no such operation' : `; ${await readInVain(node)}`
  }
  console.log(`${name.padEnd(31)} form ${form}, ${requests.join() || 'no request'}${why}`)
}

const choices = name => description.properties.find(property => property.name === name).options.map(({ value }) => value)

server.listen(0, '127.0.0.1', async () => {
  console.log('n8n-nodes-evolution-api', require('n8n-nodes-evolution-api/package.json').version)
  await show('send-text', { resource: 'messages-api', operation: 'send-text', remoteJid: number, messageText: 'oi' })
  const bots = { resource: 'integrations-api', operation: 'difyBot' }
  for (const value of ['createDify', 'updateDify']) await show(`difyBot ${value}`, { ...bots, resourceForDifyBot: value })
  bots.operation = 'flowiseBot'
  for (const value of choices('resourceForFlowiseBot')) await show(`flowiseBot ${value}`, { ...bots, resourceForFlowiseBot: value })
  server.close()
  server.closeAllConnections()
})
JS
env -i PATH="$PATH" node probe.cjs | tee seen
diff seen - <<'SEEN' || { echo "changed: see the head of this script" >&2; exit 1; }
n8n-nodes-evolution-api 1.0.4
send-text                       form complete, POST /message/sendText/line 201
difyBot createDify              form complete, no request; read in vain: apiKey, botType, ignoreJids
difyBot updateDify              form complete, no request; read in vain: botType, ignoreJids
flowiseBot createFlowise        form complete, no request; no such operation
flowiseBot findFlowise          form complete, no request; no such operation
flowiseBot updateFlowise        form complete, no request; no such operation
flowiseBot deleteFlowise        form complete, no request; no such operation
flowiseBot fetchSessionsFlowise form complete, no request; no such operation
flowiseBot changeStatusFlowise  form complete, no request; no such operation
SEEN
