//! Tools as more than one process needs them: which ones the product brings along, what arguments may look like, and where a
//! tenant's own ones lead. See `docs/tools.md`.

pub mod address;
pub mod arguments;
pub mod file;
pub mod wording;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the product brings along. None is granted unless somebody grants it.
pub const BUILT_IN: [&str; 9] = [
    "calculator",
    "current_time",
    "escalate",
    "follow_up",
    "forget",
    "recall",
    "remember",
    "search_knowledge",
    file::SEND_FILE,
];
/// What may be sent to a tenant's address, in the names of the table.
pub const METHODS: [&str; 5] = ["delete", "get", "patch", "post", "put"];
/// Longest name, in characters.
const NAME_MAX: usize = 40;

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// What is not known to read only writes.
    pub fn parse(text: &str) -> Self {
        if text == "read" { Self::Read } else { Self::Write }
    }
}

/// `open_ticket`: small letters, digits and `_`, as models and people can repeat it. Nothing that only looks like another name.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= NAME_MAX && name.bytes().all(plain) && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// What an approval is for: these arguments, to a tool that is what it was. Every piece is preceded by its length, and JSON
/// objects are written with their keys in order.
pub fn digest(definition: &[&str], arguments: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    let arguments = arguments.to_string();
    for piece in definition.iter().copied().chain([arguments.as_str()]) {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attack_135_a_name_that_only_looks_like_another_is_none() {
        for name in ["open_ticket", "a", "t2"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "Open", "оpen_ticket", "open_ticket\u{200b}", "open ticket", "2t", "_t", &"a".repeat(41)]
        {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_digest_is_for_these_arguments_and_this_tool() {
        let one = digest(&["post", "https://a.example/x"], &json!({ "a": 1, "b": "x" }));
        assert_eq!(one, digest(&["post", "https://a.example/x"], &json!({ "b": "x", "a": 1 })));
        assert_ne!(one, digest(&["post", "https://a.example/y"], &json!({ "a": 1, "b": "x" })));
        assert_ne!(one, digest(&["post", "https://a.example/x"], &json!({ "a": 2, "b": "x" })));
        assert_ne!(digest(&["ab", "c"], &json!({})), digest(&["a", "bc"], &json!({})));
    }
}
