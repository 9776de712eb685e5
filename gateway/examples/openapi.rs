//! Writes the API's description: `cargo run -p gateway --example openapi > gateway/openapi.json`.

use std::io::{self, Write};

use gateway::openapi::Api;
use utoipa::OpenApi;

fn main() -> io::Result<()> {
    let document = serde_json::to_string_pretty(&Api::openapi()).map_err(io::Error::other)?;
    writeln!(io::stdout(), "{document}")
}
