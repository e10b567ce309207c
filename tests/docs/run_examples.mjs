// Runs examples in JavaScript, one JSON string a line, and answers each with a line: what it logged, and why it failed.
import readline from 'node:readline';

const answer = console.log;
let told = [];
let refused = '';
console.log = (...words) => { told.push(words.join(' ')); };
const fetched = globalThis.fetch;
globalThis.fetch = async (...words) => {
  const found = await fetched(...words);
  if (!found.ok) refused = `${found.status} ${await found.clone().text()}`;
  return found;
};
for await (const line of readline.createInterface({ input: process.stdin })) {
  told = [];
  refused = '';
  let failed = '';
  try {
    // The number keeps two equal examples from being one module.
    await import(`data:text/javascript,${encodeURIComponent(JSON.parse(line))}//${performance.now()}`);
  } catch (error) {
    failed = String(error.stack ?? error);
  }
  answer(JSON.stringify({ told: told.join('\n'), failed: failed || refused }));
}
