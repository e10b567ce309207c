// Hands requests to the code of a page, as n8n's Code node or a hosted Edge Function would, and prints what it answers.
// stdin: {kind: "n8n" | "supabase", code | file, env, requests: [{headers, body}]}; stdout: one JSON document.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { kind, code, file, env, requests } = JSON.parse(Buffer.concat(chunks).toString());

async function n8n() {
  const AsyncFunction = (async () => {}).constructor;
  const node = new AsyncFunction('$input', 'require', code);
  const require = createRequire(import.meta.url);
  return async ({ headers, body }) => {
    const binary = async (index, property) => {
      if (index !== 0 || property !== 'data') throw new Error(`no binary ${property} of item ${index}`);
      return Buffer.from(body);
    };
    const input = { first: () => ({ json: { headers, body: JSON.parse(body) } }) };
    try {
      return { items: await node.call({ helpers: { getBinaryDataBuffer: binary } }, input, require) };
    } catch (error) {
      return { failed: error.message };
    }
  };
}

async function supabase() {
  let handler;
  globalThis.Deno = { env: { get: (name) => env[name] }, serve: (one) => { handler = one; } };
  await import(pathToFileURL(file).href);
  return async ({ headers, body }) => {
    const answer = await handler(new Request('http://function/', { method: 'POST', headers, body }));
    return { status: answer.status, text: await answer.text() };
  };
}

const receive = await { n8n, supabase }[kind]();
const answers = [];
for (const request of requests) answers.push(await receive(request));
console.log(JSON.stringify({ answers, rows: globalThis.rows ?? [] }));
