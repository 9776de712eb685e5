//! Text files: CSV, plain text, Markdown.

use super::{TEXT_CHARS_MAX, Unreadable};

/// UTF-8, or UTF-16 with its mark; what else there was before is read as Windows' western letters.
pub fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    if bytes.is_empty() {
        return Err(Unreadable("it is empty"));
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => std::str::from_utf8(bytes)
            .map_or_else(|_| bytes.iter().map(|byte| windows_1252(*byte)).collect(), str::to_owned),
    };
    let shown = text.chars().take(TEXT_CHARS_MAX);
    let strange = shown.filter(|letter| letter.is_control() && !letter.is_whitespace()).count();
    // A control character here and there is an old printer's; many are a program.
    if strange * 50 > text.chars().take(TEXT_CHARS_MAX).count() {
        return Err(Unreadable("it is no text"));
    }
    Ok(text)
}

fn utf16(bytes: &[u8], join: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| join([pair[0], pair[1]]));
    char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}

fn windows_1252(byte: u8) -> char {
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
        '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}
