//! Word and Excel: archives of XML. Nothing is unpacked before it is known how much that is.

use std::io::{Cursor, Read};

use calamine::{Data, Reader as _, Xlsx, open_workbook_from_rs};
use quick_xml::{Reader, events::Event};
use zip::ZipArchive;

use super::{TEXT_CHARS_MAX, Unreadable};

const PARTS_MAX: usize = 2_000;
/// Inflated bytes of one document, all parts together.
const INFLATED_MAX: u64 = 96 * 1024 * 1024;
const SHEETS_MAX: usize = 40;

const DAMAGED: Unreadable = Unreadable("it is damaged");
const BOMB: Unreadable = Unreadable("it unpacks to far more than it should");

/// The paragraphs of a Word document.
pub fn docx(bytes: &[u8]) -> Result<String, Unreadable> {
    let mut archive = archive(bytes)?;
    let mut xml = Vec::new();
    let part = archive.by_name("word/document.xml").map_err(|_| DAMAGED)?;
    part.take(INFLATED_MAX).read_to_end(&mut xml).map_err(|_| DAMAGED)?;
    paragraphs(&xml)
}

/// XML entities of the document's own are not expanded: the reader knows none but the five that XML has.
fn paragraphs(xml: &[u8]) -> Result<String, Unreadable> {
    let mut reader = Reader::from_reader(xml);
    let (mut text, mut inside, mut letters) = (String::new(), false, 0_usize);
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) if tag.local_name().as_ref() == "t" => inside = true,
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => inside = false,
                "p" | "tr" => text.push('\n'),
                "tc" => text.push('\t'),
                _ => {}
            },
            Event::Empty(tag) => match tag.local_name().as_ref() {
                "ta" => text.push('\t'),
                "br" | "cr" => text.push('\n'),
                _ => {}
            },
            Event::Text(words) if inside => {
                let words = words.xml10_content();
                letters += words.chars().count();
                text.push_str(&words);
            }
            Event::GeneralRef(name) if inside => text.push(match name.as_ref() {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => name.resolve_char_ref().ok().flatten().unwrap_or('\u{fffd}'),
            }),
            Event::Eof => return Ok(text),
            _ => {}
        }
        if letters > TEXT_CHARS_MAX {
            return Ok(text);
        }
        buffer.clear();
    }
}

/// The sheets of a workbook, a line a row. Cells are read one by one: a sheet may claim to be as wide as it likes.
pub fn xlsx(bytes: &[u8]) -> Result<String, Unreadable> {
    drop(archive(bytes)?);
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(|error| match error {
        calamine::XlsxError::Password => Unreadable("it is protected by a password"),
        _ => DAMAGED,
    })?;
    let (mut text, mut letters) = (String::new(), 0_usize);
    for name in book.sheet_names().into_iter().take(SHEETS_MAX) {
        text.push_str(&format!("# {name}\n"));
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut row = None;
        while let Ok(Some(cell)) = cells.next_cell() {
            let value = shown(&cell.get_value().to_owned().into());
            if value.is_empty() {
                continue;
            }
            match row {
                None => {}
                Some(row) if row == cell.get_position().0 => text.push('\t'),
                Some(_) => text.push('\n'),
            }
            row = Some(cell.get_position().0);
            letters += value.chars().count() + 1;
            text.push_str(&value);
            if letters > TEXT_CHARS_MAX {
                return Ok(text);
            }
        }
        text.push('\n');
    }
    Ok(if letters == 0 { String::new() } else { text })
}

fn shown(value: &Data) -> String {
    match value {
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, ..) = date.to_ymd_hms_milli();
            let day = format!("{year}-{month:02}-{day:02}");
            if (hour, minute) == (0, 0) { day } else { format!("{day} {hour:02}:{minute:02}") }
        }
        value => value.to_string().replace(['\n', '\r', '\t'], " "),
    }
}

/// An archive whose parts, really unpacked, stay within the limit. What its directory claims counts for nothing.
fn archive(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    if archive.len() > PARTS_MAX {
        return Err(Unreadable("it holds too many parts"));
    }
    let mut left = INFLATED_MAX;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| DAMAGED)?;
        let inflated = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|_| DAMAGED)?;
        left = left.checked_sub(inflated).ok_or(BOMB)?;
    }
    Ok(archive)
}
