//! The fault matrix: what happens to messages when something breaks.

mod lines;
