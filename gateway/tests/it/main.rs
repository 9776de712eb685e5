//! The gateway on a real socket over a real PostgreSQL, with the simulated Slack where Slack is called.
//!
//! A name that begins with `attack_` carries the number of its case in the threat model. `stage` holds what the tests
//! play on, `wire` speaks HTTP byte by byte, `events` and `forms` write what Slack would send, `gate` stands before PostgreSQL, `people`
//! sit at browsers.

mod events;
mod forms;
mod gate;
mod people;
mod phones;
mod stage;
mod wire;

mod agents;
mod analytics;
mod answers;
mod audit;
mod bindings;
mod commands;
mod connect;
mod database_away;
mod dead_letters;
mod edits;
mod endings;
mod escalations;
mod every_field;
mod floods;
mod guesses;
mod hang_up;
mod impersonation;
mod install;
mod install_attacks;
mod interactions;
mod keys;
mod knowledge;
mod later;
mod limits;
mod members;
mod memories;
mod money;
mod news;
mod odd_payloads;
mod once;
mod opaque;
mod openapi;
mod own_app;
mod patience;
mod privacy;
mod provider;
mod refusals;
mod related;
mod retries;
mod routes;
mod routes_scene;
mod routing;
mod search;
mod second_factor;
mod sessions;
mod signature;
mod signup;
mod status;
mod stop;
mod stripe;
mod suspension;
mod takeover;
mod tools;
mod traces;
mod twins;
mod watching;
mod webhook_endpoints;
mod whatsapp;
mod whatsapp_fields;
mod whatsapp_news;
mod whatsapp_refused;
mod whatsapp_signup;
mod whatsapp_templates;
