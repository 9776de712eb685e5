// What the official client asks our simulator, and what it must hear: one line a case, in order. A method that the
// simulator learns needs a line here; the test says so.
//
// `using`: the arguments, or what makes them. `answer`: what the answer must contain, `ok: true` aside. `refused`: Slack's word for the refusal.
// `keep`: keeps the answer under this name for later lines, which get all kept ones: `(kept) => …`.

const TS = /^\d{10}\.\d{6}$/;
const some = (text) => typeof text === 'string' && text !== '';
const section = (text) => ({ type: 'section', text: { type: 'mrkdwn', text } });
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

const ENDS = [
  { call: 'chat.delete', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts }), answer: ({ reply }) => ({ channel: 'C1', ts: reply.ts }) },
  { call: 'chat.delete', using: ({ reply }) => ({ channel: 'C1', ts: reply.ts }), refused: 'message_not_found' },
  { call: 'chat.delete', using: { channel: 'CGENERAL', ts: process.env.PERSONS_TS }, refused: 'cant_delete_message' },
];

exports.CASES = [...WHO, ...PLACES, ...MESSAGES, ...READING, ...REACTIONS, ...STATUS, ...FILES, ...ENDS];
