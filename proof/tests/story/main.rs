//! The product as a story: people write in Slack, an AI employee answers with what it remembers.

mod billing;
mod clicks;
mod conversation;
mod desk;
mod edits;
mod facts;
mod failures;
mod files;
mod house;
mod installations;
mod kills;
mod late;
mod later;
mod memory;
mod missed;
mod money;
mod phones;
mod rules;
mod servers;
mod strangers;
mod tools;
mod whatsapp;
mod whatsapp_files;
mod whatsapp_resends;
