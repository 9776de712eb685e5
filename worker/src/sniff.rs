//! What a file is, by its bytes. What its sender claimed decides only between kinds of plain text.

use std::io::{BufReader, Read, Seek};

use shared::db::media::Kind;
use zip::ZipArchive;

/// Of a picture that a model may be shown: an inflated one must not cost gigabytes there, either.
const SIDE_PIXELS_MAX: usize = 12_000;
const PIXELS_MAX: usize = 50_000_000;
/// Where the signs of a kind are looked for.
const HEAD_BYTES: u64 = 64 * 1024;
/// Where the beginning of a page or a program is looked for.
const TEXT_HEAD_BYTES: usize = 2_048;
/// How refusals of pages begin.
const PAGES: &str = "pages of HTML";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sniffed {
    pub kind: Kind,
    pub content_type: &'static str,
    /// Why nothing reads it.
    pub reason: Option<&'static str>,
}

fn sniffed(kind: Kind, content_type: &'static str) -> Sniffed {
    Sniffed { kind, content_type, reason: None }
}

fn refused(reason: &'static str) -> Sniffed {
    Sniffed { kind: Kind::Refused, content_type: "application/octet-stream", reason: Some(reason) }
}

/// As [`sniff`], for what a tenant's own operator brings: pages of HTML are read, too.
pub fn sniff_document(source: impl Read + Seek, claimed_type: &str, name: &str) -> Sniffed {
    let sniffed = sniff(source, claimed_type, name);
    let refused_page = sniffed.kind == Kind::Refused && sniffed.reason.is_some_and(|why| why.starts_with(PAGES));
    if refused_page { self::sniffed(Kind::Html, "text/html") } else { sniffed }
}

/// `source` is read from its beginning, and of a large one little.
pub fn sniff(mut source: impl Read + Seek, claimed_type: &str, name: &str) -> Sniffed {
    let mut head = Vec::new();
    let read = source.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
    if read.is_err() || source.rewind().is_err() {
        return refused("it is damaged");
    }
    let bytes = head.as_slice();
    let found = infer::get(bytes).map(|found| (found.mime_type(), found.matcher_type()));
    match found {
        Some(("application/pdf", _)) => sniffed(Kind::Pdf, "application/pdf"),
        Some((kind @ ("image/png" | "image/jpeg" | "image/gif" | "image/webp"), _)) => picture(source, kind),
        Some((kind, infer::MatcherType::Image | infer::MatcherType::Audio | infer::MatcherType::Video)) => {
            Sniffed { reason: Some("nothing reads this kind of file yet"), ..sniffed(Kind::Other, kind) }
        }
        Some((kind, _)) if kind == "application/zip" || kind.contains("openxmlformats") => office(source),
        Some((kind, infer::MatcherType::Text)) if kind.contains("html") => refused("pages of HTML are not opened"),
        Some((kind, infer::MatcherType::Text)) if kind.starts_with("text/") => text(bytes, claimed_type, name),
        Some(_) => refused("this kind of file is not opened"),
        None => text(bytes, claimed_type, name),
    }
}

fn picture(source: impl Read + Seek, content_type: &'static str) -> Sniffed {
    match imagesize::reader_size(BufReader::new(source)) {
        Ok(size)
            if size.width <= SIDE_PIXELS_MAX
                && size.height <= SIDE_PIXELS_MAX
                && size.width * size.height <= PIXELS_MAX =>
        {
            sniffed(Kind::Image, content_type)
        }
        Ok(_) => refused("the picture has too many pixels"),
        Err(_) => refused("the picture is damaged"),
    }
}

/// An archive that is a document, by the names of its parts; any other is not opened.
fn office(source: impl Read + Seek) -> Sniffed {
    let Ok(archive) = ZipArchive::new(BufReader::new(source)) else {
        return refused("it is damaged");
    };
    if archive.index_for_name("word/document.xml").is_some() {
        sniffed(Kind::Docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    } else if archive.index_for_name("xl/workbook.xml").is_some() {
        sniffed(Kind::Xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    } else {
        refused("archives are not opened")
    }
}

fn text(bytes: &[u8], claimed_type: &str, name: &str) -> Sniffed {
    let head = &bytes[..bytes.len().min(TEXT_HEAD_BYTES)];
    let wide = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    if head.contains(&0) && !wide {
        return refused("this kind of file is not opened");
    }
    let start = String::from_utf8_lossy(head).replace('\0', "").to_ascii_lowercase();
    let start = start.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    let is_page = ["<!doctype html", "<html", "<script", "<svg", "<body", "<head", "<iframe"];
    if is_page.iter().any(|page| start.starts_with(page)) || (start.starts_with('<') && start.contains("<svg")) {
        return refused("pages of HTML and drawings of SVG are not opened");
    }
    let name = name.to_lowercase();
    if claimed_type.contains("csv") || name.ends_with(".csv") || name.ends_with(".tsv") {
        sniffed(Kind::Csv, "text/csv")
    } else {
        sniffed(Kind::Text, "text/plain")
    }
}
