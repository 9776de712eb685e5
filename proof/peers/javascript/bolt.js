// Bolt for JavaScript with its HTTP receiver, a process for each core: it verifies, parses and calls a listener that does
// nothing. No queue and no database at all: what it acknowledged is gone if it stops.

const cluster = require('node:cluster');
const { App, HTTPReceiver, LogLevel } = require('@slack/bolt');

async function serve() {
  const receiver = new HTTPReceiver({
    signingSecret: process.env.SLACK_SIGNING_SECRET,
    endpoints: ['/webhooks/slack/events'],
    logLevel: LogLevel.ERROR,
  });
  // Known without asking Slack, as in an installed app with a warm store.
  const authorize = async () => ({ botToken: 'xoxb-simulated-bench', botId: 'BBOT', botUserId: 'UBOT' });
  const app = new App({ receiver, authorize, logLevel: LogLevel.ERROR });
  app.event('app_mention', async () => {});
  await app.start({ port: Number(process.env.PORT), host: '127.0.0.1' });
}

if (cluster.isPrimary) {
  for (let n = 0; n < Number(process.env.WORKERS); n += 1) cluster.fork();
} else {
  serve();
}
