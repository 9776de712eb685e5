//! PDF: the text of its first pages.

use lopdf::Document;

use super::{TEXT_CHARS_MAX, Unreadable};

const PAGES_MAX: usize = 300;

pub fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let document = Document::load_mem(bytes).map_err(|_| Unreadable("it is damaged"))?;
    if document.is_encrypted() {
        return Err(Unreadable("it is protected by a password"));
    }
    let mut text = String::new();
    let mut letters = 0;
    for number in document.get_pages().keys().take(PAGES_MAX) {
        // A page that can't be read costs that page.
        let Ok(page) = document.extract_text(&[*number]) else { continue };
        let page = page.trim();
        letters += page.chars().count() + 1;
        text.push_str(page);
        text.push('\n');
        if letters >= TEXT_CHARS_MAX {
            break;
        }
    }
    Ok(text)
}
