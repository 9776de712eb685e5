//! The fault matrix: what happens to messages when something breaks.
//!
//! Each scenario prints a line with its recovery time and records it (`proof::chaos::Outcome`); they share houses where
//! that makes them quick.

mod kills;
mod limits;
mod lines;
mod network;
mod providers;
mod storage;
mod talk;
