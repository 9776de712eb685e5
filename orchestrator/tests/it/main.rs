//! The orchestrator with a real PostgreSQL, beside a simulated Slack and a simulated model: what people see while an answer
//! is written, and what is left when something breaks meanwhile.

mod asking;
mod files;
mod hostile;
mod interruptions;
mod languages;
mod learning;
mod money;
mod reasons;
mod signs;
mod stage;
mod streams;
mod summing;
mod tools;
mod writes;
