//! `konstruct extract-text`: reads one document from standard input and writes its text, with little memory and time.
//!
//! The worker starts it for every document, so that a file that breaks its reader breaks nothing else.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use shared::channels::whatsapp_media::DOCUMENT_BYTES_MAX;
use worker::extract::{self, CPU_SECONDS_MAX, MEMORY_MAX};

const NICENESS: i32 = 10;

pub fn run(kind: &str) -> ExitCode {
    // People who wait for an answer come first. Without the right to step back it reads all the same.
    let _ = nice(NICENESS);
    // Before the limits: the allocator now and then refuses the first large block under one, and what is read is bounded.
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(DOCUMENT_BYTES_MAX as u64).read_to_end(&mut bytes);
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let limits = [
        (Resource::Data, MEMORY_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        // A crash of this process must leave nothing of the document behind.
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ];
    if limits.into_iter().any(|(resource, most)| setrlimit(resource, limit(most)).is_err()) {
        return ExitCode::FAILURE;
    }
    if read.is_err() || std::io::stdout().write_all(extract::answer(kind, &bytes).as_bytes()).is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
