//! Pages of HTML as text: what a reader sees, without scripts, styles and addresses.

use super::{Unreadable, plain};

/// Letters of a line before it is broken; passages are cut elsewhere.
const WIDTH: usize = 100_000;

pub fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let source = plain::text(bytes)?;
    html2text::config::plain_no_decorate()
        .string_from_read(source.as_bytes(), WIDTH)
        .map_err(|_| Unreadable("it is damaged"))
}
