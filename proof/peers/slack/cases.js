// What the official client asks our simulator, and what it must hear: one line a case, in order. A method that the
// simulator learns needs a line here; the test says so.
//
// `using`: the arguments, or what makes them. `answer`: what the answer must contain, `ok: true` aside. `refused`: Slack's word for the refusal.
// `keep`: keeps the answer under this name for later lines, which get all kept ones: `(kept) => …`.

const TS = /^\d{10}\.\d{6}$/;
const some = (text) => typeof text === 'string' && text !== '';
const section = (text) => ({ type: 'section', text: { type: 'mrkdwn', text } });
/** Whom a stream in a channel is for. */
const READER = { recipient_user_id: 'UADA', recipient_team_id: 'TDEMO' };
const metadata = { event_type: 'konstruct_reply', event_payload: { outbox_id: 'out_1' } };
const BOT = { user: 'UBOTDEMO', bot_id: 'BBOTDEMO', app_id: 'A0SIMULATED' };

const WHO = [
  { call: 'auth.test', answer: { team_id: 'TDEMO', team: 'Demo', user_id: 'UBOTDEMO', bot_id: 'BBOTDEMO', url: /^https:\/\/tdemo\.slack\.com\/$/ } },
  { call: 'auth.test', using: { token: 'xoxb-revoked-demo' }, refused: 'token_revoked' },
  { call: 'auth.test', using: { token: 'nonsense' }, refused: 'invalid_auth' },
  { call: 'bots.info', using: { bot: 'BBOTDEMO' }, answer: { bot: { id: 'BBOTDEMO', user_id: 'UBOTDEMO', app_id: 'A0SIMULATED', deleted: false } } },
  { call: 'users.info', using: { user: 'UADA' }, answer: { user: { id: 'UADA', team_id: 'TDEMO', real_name: 'Ada Lovelace', is_bot: false, deleted: false, profile: { display_name: some }, tz: some } } },
  { call: 'users.info', using: { user: 'UMISSING1' }, refused: 'user_not_found' },
];

const PLACES = [
  { call: 'conversations.info', using: { channel: 'CGENERAL' }, answer: { channel: { id: 'CGENERAL', name: 'general', is_channel: true, is_private: false, is_member: true, is_archived: false, is_ext_shared: false } } },
  { call: 'conversations.info', using: { channel: 'GSECRET' }, answer: { channel: { is_private: true, is_group: true } } },
  { call: 'conversations.info', using: { channel: 'nowhere' }, refused: 'channel_not_found' },
  { call: 'conversations.open', using: { users: 'UGRACE' }, answer: { channel: { id: 'DUGRACE' } } },
  { call: 'conversations.open', using: { users: '' }, refused: 'users_list_not_supplied' },
  { call: 'conversations.open', using: { users: 'nobody' }, refused: 'user_not_found' },
];

const MESSAGES = [
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'Hello & <welcome>' }, keep: 'root', answer: { channel: 'C1', ts: TS, message: { type: 'message', text: 'Hello & <welcome>', ...BOT } } },
  { call: 'chat.postMessage', using: ({ root }) => ({ channel: 'C1', thread_ts: root.ts, text: 'a reply', metadata }), keep: 'reply', answer: ({ root }) => ({ ts: TS, message: { thread_ts: root.ts, metadata } }) },
  { call: 'chat.postMessage', using: ({ root }) => ({ channel: 'C1', thread_ts: root.ts, reply_broadcast: true, text: 'for all' }), answer: { message: { subtype: 'thread_broadcast' } } },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'fallback', blocks: [section('*blocks*')] }, answer: { message: { text: 'fallback', blocks: [section('*blocks*')] } } },
  { call: 'chat.postMessage', using: { channel: 'C1', markdown_text: '**strong**' }, answer: { ts: TS } },
  { call: 'chat.postMessage', using: { channel: 'UGRACE', text: 'to a person' }, answer: { channel: 'DUGRACE' } },
  { call: 'chat.postMessage', using: { channel: 'C1' }, refused: 'no_text' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', markdown_text: 'y' }, refused: 'markdown_text_conflict' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x'.repeat(40_001) }, refused: 'msg_too_long' },
  { call: 'chat.postMessage', using: { channel: 'C1', markdown_text: 'x'.repeat(12_001) }, refused: 'msg_too_long' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', thread_ts: 'yesterday' }, refused: 'invalid_thread_ts' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', blocks: Array(51).fill({ type: 'divider' }) }, refused: 'invalid_blocks' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', blocks: [{ type: 'hologram' }] }, refused: 'invalid_blocks' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', blocks: [section('x'.repeat(3_001))] }, refused: 'invalid_blocks' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', metadata: { event_type: '' } }, refused: 'invalid_metadata_format' },
  { call: 'chat.postMessage', using: { channel: 'lost', text: 'x' }, refused: 'channel_not_found' },
  { call: 'chat.postMessage', using: { channel: 'C1', text: 'x', token: 'xoxb-revoked-demo' }, refused: 'token_revoked' },
  { call: 'chat.update', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts, text: 'a better reply' }), answer: ({ reply }) => ({ channel: 'C1', ts: reply.ts, text: 'a better reply', message: { metadata, edited: { user: 'UBOTDEMO', ts: TS } } }) },
  { call: 'chat.update', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts, text: 'x'.repeat(4_001) }), refused: 'msg_too_long' },
  { call: 'chat.update', using: { channel: 'C1', ts: '1.000001', text: 'x' }, refused: 'message_not_found' },
  { call: 'chat.update', using: { channel: 'CGENERAL', ts: process.env.PERSONS_TS, text: 'x' }, refused: 'cant_update_message' },
  { call: 'chat.getPermalink', using: ({ root }) => ({ channel: 'C1', message_ts: root.ts }), answer: { channel: 'C1', permalink: /^https:\/\/tdemo\.slack\.com\/archives\/C1\/p\d{16}$/ } },
  { call: 'chat.getPermalink', using: { channel: 'C1', message_ts: '1.000001' }, refused: 'message_not_found' },
];

const READING = [
  { call: 'conversations.replies', using: ({ root }) => ({ channel: 'C1', ts: root.ts, include_all_metadata: true }), answer: ({ root, reply }) => ({ has_more: false, messages: [{ ts: root.ts, reply_count: 2, thread_ts: root.ts }, { ts: reply.ts, metadata, text: 'a better reply' }, { text: 'for all' }] }) },
  { call: 'conversations.replies', using: ({ root }) => ({ channel: 'C1', ts: root.ts }), answer: { messages: [{}, { metadata: (one) => one === undefined }, {}] } },
  { call: 'conversations.replies', using: ({ root }) => ({ channel: 'C1', ts: root.ts, limit: 1 }), keep: 'page', answer: { has_more: true, messages: [{}, {}], response_metadata: { next_cursor: some } } },
  { call: 'conversations.replies', using: ({ root, page }) => ({ channel: 'C1', ts: root.ts, limit: 1, cursor: page.response_metadata.next_cursor }), answer: { has_more: false, messages: [{ text: 'for all' }] } },
  { call: 'conversations.replies', using: { channel: 'C1', ts: '1.000001' }, refused: 'thread_not_found' },
  { call: 'conversations.replies', using: ({ root }) => ({ channel: 'C1', ts: root.ts, cursor: 'made up' }), refused: 'invalid_cursor' },
  { call: 'conversations.history', using: { channel: 'C1', limit: 2 }, answer: { has_more: true, messages: [{ text: '**strong**' }, { text: 'fallback' }] } },
  { call: 'conversations.history', using: ({ root }) => ({ channel: 'C1', latest: root.ts, inclusive: true }), answer: { messages: [{ text: 'Hello & <welcome>' }] } },
];

const REACTIONS = [
  { call: 'reactions.add', using: ({ root }) => ({ channel: 'C1', timestamp: root.ts, name: 'eyes' }) },
  { call: 'reactions.add', using: ({ root }) => ({ channel: 'C1', timestamp: root.ts, name: 'eyes' }), refused: 'already_reacted' },
  { call: 'reactions.add', using: { channel: 'C1', timestamp: '1.000001', name: 'eyes' }, refused: 'message_not_found' },
  { call: 'reactions.add', using: ({ root }) => ({ channel: 'C1', timestamp: root.ts, name: 'two words' }), refused: 'invalid_name' },
  { call: 'reactions.remove', using: ({ root }) => ({ channel: 'C1', timestamp: root.ts, name: 'eyes' }) },
  { call: 'reactions.remove', using: ({ root }) => ({ channel: 'C1', timestamp: root.ts, name: 'eyes' }), refused: 'no_reaction' },
];

const STATUS = [
  { call: 'assistant.threads.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: 'is thinking …', loading_messages: ['Reading', 'Writing'] }) },
  { call: 'assistant.threads.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: '' }) },
  { call: 'assistant.threads.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: 'x', loading_messages: Array(11).fill('x') }), refused: 'invalid_arguments' },
];

const FILES = [
  { call: 'files.getUploadURLExternal', using: { filename: 'hours.txt', length: 4 }, keep: 'upload', answer: { upload_url: /^http:/, file_id: /^F/ } },
  { call: 'files.getUploadURLExternal', using: { filename: 'empty.txt', length: 0 }, refused: 'invalid_arguments' },
  { call: 'files.completeUploadExternal', using: ({ upload }) => ({ files: [{ id: upload.file_id }], channel_id: 'C1' }), refused: 'file_update_failed' },
  { call: 'files.completeUploadExternal', using: async ({ upload, root }) => {
    await fetch(upload.upload_url, { method: 'POST', body: 'nine' });
    return { files: [{ id: upload.file_id, title: 'Hours' }], channel_id: 'C1', thread_ts: root.ts, initial_comment: 'Here they are' };
  }, answer: ({ upload }) => ({ files: [{ id: upload.file_id, title: 'Hours' }] }) },
  { call: 'files.completeUploadExternal', using: { files: [{ id: 'F0NONE' }] }, refused: 'file_not_found' },
  { call: 'files.info', using: ({ upload }) => ({ file: upload.file_id }), answer: { file: { name: 'hours.txt', title: 'Hours', size: 4, mode: 'hosted', url_private_download: /^http:/ } } },
  { call: 'files.info', using: { file: 'F0NONE' }, refused: 'file_not_found' },
  // The client's own way through all three steps.
  { call: 'files.uploadV2', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, filename: 'plan.txt', content: 'build it', initial_comment: 'The plan' }) },
];

const modal = { type: 'modal', callback_id: 'note', title: { type: 'plain_text', text: 'A note' }, submit: { type: 'plain_text', text: 'Send' }, blocks: [{ type: 'input', block_id: 'note', label: { type: 'plain_text', text: 'Your words' }, element: { type: 'plain_text_input', action_id: 'text' } }] };
const VIEWS = [
  { call: 'views.open', using: async ({ newTrigger }) => ({ trigger_id: await newTrigger(), view: modal }), keep: 'dialog', answer: { view: { id: /^V/, type: 'modal', callback_id: 'note', team_id: 'TDEMO' } } },
  { call: 'views.open', using: { trigger_id: '1.2.made-up', view: modal }, refused: 'invalid_trigger_id' },
  { call: 'views.open', using: async ({ newTrigger }) => ({ trigger_id: await newTrigger(), view: { ...modal, title: undefined } }), refused: 'invalid_arguments' },
  { call: 'views.update', using: ({ dialog }) => ({ view_id: dialog.view.id, view: { ...modal, title: { type: 'plain_text', text: 'Thanks' } } }), answer: { view: { title: { text: 'Thanks' } } } },
  { call: 'views.update', using: { view_id: 'V0NONE', view: modal }, refused: 'not_found' },
  { call: 'views.publish', using: { user_id: 'UADA', view: { type: 'home', blocks: [section('Hello')] } }, answer: { view: { type: 'home' } } },
  { call: 'views.publish', using: { user_id: 'UADA', view: modal }, refused: 'invalid_arguments' },
  { call: 'chat.postEphemeral', using: { channel: 'C1', user: 'UADA', text: 'only you see this' }, answer: { message_ts: some } },
  { call: 'chat.postEphemeral', using: { channel: 'C1', user: 'UADA' }, refused: 'no_text' },
];

const STREAMS = [
  { call: 'chat.startStream', using: ({ root }) => ({ channel: 'C1', thread_ts: root.ts, ...READER, markdown_text: '**We** ' }), keep: 'stream', answer: { channel: 'C1', ts: TS } },
  { call: 'chat.startStream', using: { channel: 'C1', ...READER, markdown_text: 'x' }, refused: 'invalid_arguments' },
  { call: 'chat.startStream', using: ({ root }) => ({ channel: 'C1', thread_ts: root.ts, markdown_text: 'x' }), refused: 'missing_recipient_user_id' },
  { call: 'chat.startStream', using: ({ root }) => ({ channel: 'C1', thread_ts: root.ts, ...READER, markdown_text: 'x'.repeat(12_001) }), refused: 'msg_too_long' },
  { call: 'chat.appendStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, markdown_text: 'open ' }), answer: ({ stream }) => ({ channel: 'C1', ts: stream.ts }) },
  { call: 'chat.appendStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, chunks: [{ type: 'markdown_text', text: 'at nine.' }, { type: 'task_update', id: '1', title: 'Looking', status: 'complete' }] }) },
  { call: 'chat.appendStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, chunks: [{ type: 'hologram' }] }), refused: 'invalid_chunks' },
  { call: 'chat.appendStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, markdown_text: '' }), refused: 'no_text' },
  { call: 'chat.appendStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, markdown_text: 'x'.repeat(12_000) }), refused: 'msg_too_long' },
  { call: 'chat.appendStream', using: ({ root }) => ({ channel: 'C1', ts: root.ts, markdown_text: 'x' }), refused: 'message_not_in_streaming_state' },
  { call: 'chat.appendStream', using: { channel: 'C1', ts: '1.000001', markdown_text: 'x' }, refused: 'message_not_found' },
  { call: 'chat.appendStream', using: { channel: 'CGENERAL', ts: process.env.PERSONS_TS, markdown_text: 'x' }, refused: 'message_not_owned_by_app' },
  { call: 'chat.stopStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, metadata, blocks: [section('Was that it?')] }), answer: { message: { text: '**We** open at nine.', streaming_state: 'completed', metadata } } },
  { call: 'chat.stopStream', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts }), refused: 'message_not_in_streaming_state' },
  { call: 'chat.update', using: ({ stream }) => ({ channel: 'C1', ts: stream.ts, text: 'a stream that ended can be edited' }) },
];

const AGENT = [
  { call: 'assistant.threads.setTitle', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, title: 'Opening hours' }) },
  { call: 'assistant.threads.setTitle', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, title: '' }), refused: 'invalid_arguments' },
  { call: 'assistant.threads.setSuggestedPrompts', using: { channel_id: 'DUGRACE', prompts: [{ title: 'Hours', message: 'When do you open?' }] } },
  { call: 'assistant.threads.setSuggestedPrompts', using: { channel_id: 'DUGRACE', prompts: Array(5).fill({ title: 'x', message: 'y' }) }, refused: 'invalid_arguments' },
  { call: 'agents.sessions.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: 'processing', title: 'Hours' }), answer: { agent_status: 'processing', title: 'Hours' } },
  { call: 'agents.sessions.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: 'closed' }), answer: { agent_status: 'closed' } },
  { call: 'agents.sessions.setStatus', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, status: 'bored' }), refused: 'invalid_arguments' },
  { call: 'agents.sessions.rename', using: ({ root }) => ({ channel_id: 'C1', thread_ts: root.ts, title: 'Opening hours' }) },
  { call: 'agents.sessions.rename', using: ({ reply }) => ({ channel_id: 'C1', thread_ts: reply.ts, title: 'x' }), refused: 'session_not_found' },
];

/** A person agrees on the consent page; what their browser brings back. */
async function code(rotation) {
  const control = (path) => new URL(path, process.env.SLACK_API_URL);
  await fetch(control('/_sim/options'), { method: 'POST', body: JSON.stringify({ token_rotation: rotation }) });
  const agreed = { client_id: APP.client_id, scope: 'chat:write', redirect_uri: REDIRECT, state: 's', team: 'TNEW', user: 'UADA', decision: 'allow' };
  const back = await fetch(control('/oauth/v2/authorize'), { method: 'POST', body: new URLSearchParams(agreed), redirect: 'manual' });
  return new URL(back.headers.get('location')).searchParams.get('code');
}

const APP = { client_id: '1000000000.2000000000', client_secret: 'simulated-client-secret' };
const REDIRECT = 'http://127.0.0.1:9/back';
const INSTALLING = [
  { call: 'oauth.v2.access', using: async () => ({ ...APP, code: await code(false), redirect_uri: REDIRECT }), keep: 'lasting', answer: { access_token: /^xoxb-/, token_type: 'bot', scope: 'chat:write', bot_user_id: 'UBOTNEW', app_id: 'A0SIMULATED', team: { id: 'TNEW', name: some }, enterprise: null, is_enterprise_install: false, authed_user: { id: 'UADA' } } },
  { call: 'oauth.v2.access', using: { ...APP, code: 'made up' }, refused: 'invalid_code' },
  { call: 'oauth.v2.access', using: { ...APP, client_secret: 'wrong', code: 'x' }, refused: 'bad_client_secret' },
  { call: 'oauth.v2.access', using: async () => ({ ...APP, code: await code(false), redirect_uri: 'http://127.0.0.1:9/elsewhere' }), refused: 'bad_redirect_uri' },
  { call: 'oauth.v2.exchange', using: ({ lasting }) => ({ ...APP, token: lasting.access_token }), keep: 'exchanged', answer: { access_token: some, refresh_token: some, expires_in: 43_200 } },
  { call: 'auth.test', using: ({ lasting }) => ({ token: lasting.access_token }), refused: 'token_expired' },
  { call: 'auth.revoke', using: ({ exchanged }) => ({ token: exchanged.access_token, test: true }), answer: { revoked: false } },
  { call: 'auth.revoke', using: ({ exchanged }) => ({ token: exchanged.access_token }), answer: { revoked: true } },
  { call: 'auth.test', using: ({ exchanged }) => ({ token: exchanged.access_token }), refused: 'token_revoked' },
  { call: 'oauth.v2.access', using: async () => ({ ...APP, code: await code(true), redirect_uri: REDIRECT }), keep: 'first', answer: { refresh_token: /^xoxe-1-/, expires_in: 43_200 } },
  { call: 'oauth.v2.access', using: ({ first }) => ({ ...APP, grant_type: 'refresh_token', refresh_token: first.refresh_token }), keep: 'second', answer: { access_token: some, refresh_token: some, expires_in: 43_200 } },
  { call: 'oauth.v2.access', using: ({ first }) => ({ ...APP, grant_type: 'refresh_token', refresh_token: first.refresh_token }), refused: 'invalid_refresh_token' },
  { call: 'auth.test', using: ({ second }) => ({ token: second.access_token }), answer: { team_id: 'TNEW' } },
  { call: 'apps.uninstall', using: ({ second }) => ({ ...APP, token: second.access_token }) },
  { call: 'auth.test', using: ({ second }) => ({ token: second.access_token }), refused: 'token_revoked' },
];

const ENDS = [
  { call: 'chat.delete', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts }), answer: ({ reply }) => ({ channel: 'C1', ts: reply.ts }) },
  { call: 'chat.delete', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts }), refused: 'message_not_found' },
  { call: 'chat.delete', using: { channel: 'CGENERAL', ts: process.env.PERSONS_TS }, refused: 'cant_delete_message' },
];

/** Cases of methods that the simulator learns together. */
const HAS = (process.env.IMPLEMENTED ?? '').split(' ');
const once = (method, cases) => (HAS.includes(method) ? cases : []);

exports.CASES = [
  ...WHO, ...PLACES, ...MESSAGES, ...READING, ...REACTIONS, ...STATUS, ...FILES,
  ...once('views.open', VIEWS), ...once('chat.startStream', STREAMS), ...once('agents.sessions.setStatus', AGENT), ...once('oauth.v2.access', INSTALLING),
  ...ENDS,
];
