//! The product as a story: people write in Slack, an AI employee answers with what it remembers.

mod addresses;
mod billing;
mod clicks;
mod conversation;
mod edits;
mod facts;
mod failures;
mod files;
mod house;
mod installations;
mod kills;
mod memory;
mod missed;
mod money;
mod phones;
mod rehearsals;
mod rules;
mod strangers;
mod summaries;
mod tools;
mod whatsapp;
mod whatsapp_files;
