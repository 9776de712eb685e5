// Vercel's emulate as a second Slack, written by others: our client must get along with it, and our webhook with what it
// signs. Prints one line of JSON when it listens, and ends with its standard input.
//
// What it lacks, and what stands in for it, is written where it is used: `tests/peers/emulate.rs`.

const { readdir, readFile } = require('node:fs/promises');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const DIST = join(process.env.PEERS, 'node_modules/emulate/dist');
const SECRET = process.env.SLACK_SIGNING_SECRET;
const BOT = { app_id: 'A0KONA1LM', bot_id: 'B0KONA4WE', bot_user_id: 'U0KONA9RT' };

const SEED = {
  team: { name: 'Acme', domain: 'acme' },
  users: [{ name: 'ada', real_name: 'Ada Lovelace', profile: { display_name: 'Ada' } }],
  channels: [{ name: 'vault', is_private: true }],
  oauth_apps: [{ client_id: '1.1', client_secret: 'x', name: 'Kona', redirect_uris: [], bot_name: 'kona', ...BOT }],
  tokens: [
    { token: 'xoxb-kona', type: 'bot', user_id: BOT.bot_user_id, client_id: '1.1', ...BOT },
    { token: 'xoxp-admin', type: 'user', user_id: 'U000000001' },
  ],
  signing_secret: SECRET,
};

/** The module of its Slack service: its name is a hash, and its code is the only place that knows where events go. */
async function slackModule() {
  for (const name of await readdir(DIST)) {
    if (!/^dist-.*\.js$/.test(name)) continue;
    if ((await readFile(join(DIST, name), 'utf8')).includes('var slackPlugin =')) {
      return import(pathToFileURL(join(DIST, name)));
    }
  }
  throw new Error('emulate has no Slack service any more');
}

async function main() {
  // It signs and sends events, but has no setting for where to: no configuration and no method names a receiver.
  const { slackPlugin } = await slackModule();
  const { register } = slackPlugin;
  slackPlugin.register = (app, store, webhooks, ...rest) => {
    webhooks.register({ owner: 'slack', url: process.env.EVENTS_URL, events: ['*'], active: true });
    return register(app, store, webhooks, ...rest);
  };
  const { createEmulator } = await import(pathToFileURL(join(DIST, 'api.js')));
  const slack = await createEmulator({ service: 'slack', port: 0, seed: { slack: SEED } });
  process.stdin.on('end', () => slack.close().then(() => process.exit(0))).resume();
  console.log(JSON.stringify({ url: slack.url }));
}

main();
