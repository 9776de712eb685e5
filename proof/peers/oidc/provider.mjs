// A certified provider of OpenID Connect, with one client and people who sign in by their mail address. Prints its issuer
// once it listens; ends with its standard input.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.PEERS}/`);
const { Provider } = await import(require.resolve('oidc-provider'));
const http = require('node:http');

const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'konstruct',
      client_secret: 'a secret with / and + in it',
      redirect_uris: [process.env.REDIRECT_URI],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  async findAccount(_context, id) {
    return {
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: 'Ada Lovelace' }),
    };
  },
});
server.on('request', provider.callback());
process.stdout.write(`${issuer}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
