"use strict";
// npm `n8n-nodes-evolution-api`, unchanged, in a small stand-in for n8n's execution context, told by lines what to do.
// Run as `node drive_n8n.js BASE_URL KEY` with NODE_PATH leading to the installed packages and to `n8n-workflow`.

const readline = require("node:readline");
const axios = require("axios").default;
const { EvolutionApi } = require("n8n-nodes-evolution-api/dist/nodes/EvolutionApi/EvolutionApi.node.js");
const { resourceOperationsFunctions } = require("n8n-nodes-evolution-api/dist/nodes/EvolutionApi/execute");
const credentialType = require("n8n-nodes-evolution-api/dist/credentials/EvolutionApi.credentials.js").EvolutionApi;
const { cases } = require("./n8n_cases.js");

const [baseUrl, apikey] = process.argv.slice(2);
const credentials = { "server-url": baseUrl, apikey };
const node = new EvolutionApi();
const properties = node.description.properties;

// As n8n does it: a parameter that is shown and not set has its default.
function shown(property, given) {
  const { show = {}, hide = {} } = property.displayOptions ?? {};
  const holds = ([name, wanted]) => wanted.includes(parameter(name.replace(/^\//, ""), given));
  return Object.entries(show).every(holds) && !Object.entries(hide).some(holds);
}

function parameter(path, given) {
  const [name, ...steps] = path.split(".");
  const held = name in given ? given[name] : properties.find((one) => one.name === name && shown(one, given))?.default;
  return steps.reduce((value, step) => value?.[step], held);
}

// n8n's `helpers.request` speaks by axios, and throws when the status is none of 200 to 299.
async function request({ uri, url, body, qs, json, ...rest }) {
  const config = { ...rest, url: uri ?? url, data: body, params: qs, timeout: 300_000 };
  config.headers = { ...(json === true ? { accept: "application/json" } : { accept: "*/*" }), ...rest.headers };
  if (json !== true) config.transformResponse = [(text) => text];
  try {
    return (await axios(config)).data;
  } catch (error) {
    if (error.response === undefined) throw error;
    const said = error.response.data;
    throw Object.assign(new Error(`${error.response.status} - ${JSON.stringify(said)}`), { response: said });
  }
}

function context(given, items) {
  return {
    getNodeParameter(name, index, fallback) {
      const found = parameter(name, given) ?? fallback;
      if (found === undefined) throw new Error(`Could not get parameter "${name}"`);
      return name in (items[index]?.json ?? {}) ? items[index].json[name] : found;
    },
    getCredentials: async () => credentials,
    getInputData: () => items,
    getNode: () => ({ name: "Evolution API", type: "evolutionApi", typeVersion: 1 }),
    continueOnFail: () => false,
    helpers: {
      request,
      httpRequest: request,
      requestWithAuthentication: (_, options) => request(options),
      httpRequestWithAuthentication: (_, options) => request(options),
      returnJsonArray: (data) => (Array.isArray(data) ? data : [data]),
    },
  };
}

// One run of the node: what its items hold.
async function run(resource, operation, given, items = [{ json: {} }]) {
  const [out] = await node.execute.call(context({ resource, operation, ...given }, items));
  return out.map((item) => {
    const held = item.json ?? item;
    if (held.error !== undefined && held.success !== true) throw new Error(JSON.stringify(held.error));
    return held.data ?? held;
  });
}

const one = async (...words) => (await run(...words))[0];
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const message = (operation, name, number, more) =>
  one("messages-api", operation, { instanceName: name, remoteJid: number, ...more });
const instance = (operation, name, more) => one("instances-api", operation, { instanceName: name, ...more });

const verbs = {
  create: ({ name, webhook }) =>
    instance("instance-basic", name, {
      options_Create_instance: webhook
        ? { webhook: { webhookSettings: { webhookUrl: webhook.url, webhookByEvents: false, webhookBase64: false,
            webhookEvents: webhook.events } } }
        : {},
    }),
  connect: ({ name }) => instance("instance-connect", name),
  instances: () => one("instances-api", "fetch-instances", { instanceName: "" }),
  set_webhook: ({ name, url, events }) =>
    one("events-api", "webhook", { instanceName: name, resourceForWebhook: "setWebhook", enabled: true, webhookUrl: url,
      webhookByEvents: false, webhookBase64: false, webhookEvents: events }),
  find_webhook: ({ name }) =>
    one("events-api", "webhook", { instanceName: name, resourceForWebhook: "findWebhook" }),
  text: ({ name, number, words }) => message("send-text", name, number, { messageText: words }),
  image: ({ name, number, caption, data }) => message("send-image", name, number, { media: data, caption }),
  audio: ({ name, number, data }) => message("send-audio", name, number, { media: data }),
  contact: ({ name, number, who }) =>
    message("send-contact", name, number, {
      contacts: { contactValues: [{ fullName: who, wuid: "5511977776666", phoneNumber: "5511977776666" }] },
    }),
  poll: ({ name, number, question }) =>
    message("send-poll", name, number, {
      caption: question,
      options_display: { metadataValues: [{ optionValue: "sim" }, { optionValue: "não" }] },
    }),
  reaction: ({ name, key, emoji }) =>
    message("send-reaction", name, key.remoteJid, { messageId: key.id, fromMe: key.fromMe, reaction: emoji }),
  listing: ({ name, number, title }) =>
    message("send-list", name, number, {
      title, description: "escolha", buttonText: "Ver",
      sections: { sectionValues: [{ title: "Pães", rows: { rowValues: [{ title: "Francês", rowId: "r1" }] } }] },
    }),
  buttons: ({ name, number, title }) =>
    message("send-buttons", name, number, {
      title, description: "certo?",
      buttons: { buttonValues: [{ type: "reply", displayText: "Sim", id: "sim" }] },
    }),
  messages: ({ name, jid }) => one("chat-api", "find-messages", { instanceName: name, remoteJid: jid }),
  presence: ({ name }) => instance("set-presence", name, { presence: "available" }),
  restart: ({ name }) => instance("restart-instance", name),
  logout: ({ name }) => instance("logout-instance", name),
  delete: ({ name }) => instance("delete-instance", name),
  // What n8n's "test" button of the credential does.
  credential_test: () => {
    const { test } = new credentialType();
    const url = baseUrl.endsWith("/") ? "/erro" : "/instance/fetchInstances";
    return request({ url: baseUrl + url, method: test.request.method, headers: { apikey }, json: true });
  },
  cases: () => cases(properties, resourceOperationsFunctions, shown),
  run: ({ resource, operation, given, items }) => run(resource, operation, given, items),
};

say({ verbs: Object.keys(verbs).sort() });
(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: verb, ...words } = JSON.parse(line);
    try {
      say({ answer: await verbs[verb](words) });
    } catch (error) {
      say({ error: `${error.name}: ${error.message}${error.description ? " (" + error.description + ")" : ""}` });
    }
  }
})();
