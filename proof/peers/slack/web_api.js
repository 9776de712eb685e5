// Slack's official client against our simulator. It speaks as it does to Slack: what it sends must be understood, what it
// gets must be what its users read. `cases.js` is the table; this runs it, line by line, in order.
//
// Prints one line of JSON: which methods were called how often, and what did not fit. Exit code 0 means: it ran.

const { once } = require('node:events');
const { createServer } = require('node:http');
const { text } = require('node:stream/consumers');
const { LogLevel, WebClient } = require('@slack/web-api');
const { CASES } = require('./cases.js');

const client = new WebClient(process.env.SLACK_TOKEN, {
  slackApiUrl: process.env.SLACK_API_URL,
  logLevel: LogLevel.ERROR,
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
});

/** The client's own function of a method, never the untyped `apiCall`: that it exists is part of the test. */
function functionOf(method) {
  const parts = method.split('.');
  const name = parts.pop();
  const group = parts.reduce((place, part) => place?.[part], client);
  if (typeof group?.[name] !== 'function') throw new Error(`@slack/web-api has no ${method}`);
  return group[name];
}

/** What of `wanted` is not in `found`. A function judges, a pattern is matched, an object may have more fields. */
function misfit(wanted, found, path = 'answer') {
  if (typeof wanted === 'function') return wanted(found) ? [] : [`${path} is ${JSON.stringify(found)}`];
  if (wanted instanceof RegExp) return wanted.test(found) ? [] : [`${path} is ${JSON.stringify(found)}, not ${wanted}`];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) {
      return [`${path} is ${JSON.stringify(found)}, not ${wanted.length} items`];
    }
    return wanted.flatMap((item, index) => misfit(item, found[index], `${path}[${index}]`));
  }
  if (wanted !== null && typeof wanted === 'object') {
    if (found === null || typeof found !== 'object') return [`${path} is ${JSON.stringify(found)}`];
    return Object.entries(wanted).flatMap(([name, item]) => misfit(item, found[name], `${path}.${name}`));
  }
  return wanted === found ? [] : [`${path} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`];
}

/** Where the app would be: what a person's command brings, a dialog can be opened with. */
async function newTrigger() {
  const app = createServer().listen(0, '127.0.0.1');
  await once(app, 'listening');
  const tell = (what, body) =>
    fetch(new URL(`/_sim/${what}`, process.env.SLACK_API_URL), { method: 'POST', body: JSON.stringify(body) });
  await tell('options', { events_url: `http://127.0.0.1:${app.address().port}/events` });
  const told = tell('command', { team: 'TDEMO', user: 'UADA', channel: 'C1', command: '/konstruct', text: 'help' });
  const [request, response] = await once(app, 'request');
  const form = new URLSearchParams(await text(request));
  response.end();
  await told;
  await tell('options', { events_url: '' });
  app.close();
  return form.get('trigger_id');
}

async function judge({ call, using, answer, refused, keep }, kept) {
  const wanted = typeof answer === 'function' ? answer(kept) : answer;
  try {
    const options = typeof using === 'function' ? await using(kept) : (using ?? {});
    const found = await functionOf(call)(options);
    if (refused) return [`it was not refused with ${refused}`];
    if (keep) kept[keep] = found;
    return misfit({ ok: true, ...wanted }, found);
  } catch (error) {
    // What the client makes of `{"ok":false,"error":…}`, and of a 429.
    const word = error.data?.error ?? (error.code === 'slack_webapi_rate_limited_error' ? 'ratelimited' : undefined);
    if (refused && word === refused) return [];
    return [`it was refused: ${word ?? error.stack}`];
  }
}

async function main() {
  const [kept, called, misfits] = [{ newTrigger }, {}, []];
  for (const [index, line] of CASES.entries()) {
    called[line.call] = (called[line.call] ?? 0) + 1;
    const found = await judge(line, kept);
    misfits.push(...found.map((what) => `${index + 1}. ${line.call}: ${what}`));
  }
  console.log(JSON.stringify({ cases: CASES.length, called, misfits }));
}

main();
