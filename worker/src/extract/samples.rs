//! Documents as people send them, and as attackers do.

use std::io::{Cursor, Write};

use lopdf::{
    Document, Object, Stream,
    content::{Content, Operation},
    dictionary,
};
use shared::db::media::Kind;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::sniff;

fn sniff(bytes: &[u8], claimed_type: &str, name: &str) -> sniff::Sniffed {
    sniff::sniff(Cursor::new(bytes), claimed_type, name)
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn docx(paragraphs: &str) -> Vec<u8> {
    let xml = format!("<w:document xmlns:w=\"x\"><w:body>{paragraphs}</w:body></w:document>");
    archive(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml.as_bytes())])
}

fn xlsx(rows: &str) -> Vec<u8> {
    let sheet = format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
    );
    archive(&[
        ("[Content_Types].xml", b"<Types/>"),
        (
            "_rels/.rels",
            b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
        ),
        (
            "xl/workbook.xml",
            b"<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"Costs\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

fn pdf(words: &str, pages: usize) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let font = document
        .add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let content = Content {
        operations: vec![
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F1".into(), 12.into()]),
            Operation::new("Td", vec![50.into(), 700.into()]),
            Operation::new("Tj", vec![Object::string_literal(words)]),
            Operation::new("ET", vec![]),
        ],
    };
    let stream = document.add_object(Stream::new(dictionary! {}, content.encode().unwrap()));
    let kids: Vec<Object> = (0..pages)
        .map(|_| {
            document.add_object(dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => stream }).into()
        })
        .collect();
    let count = i64::try_from(pages).unwrap();
    document.objects.insert(
        tree,
        Object::Dictionary(dictionary! {
            "Type" => "Pages", "Kids" => kids, "Count" => count, "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        }),
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    document.compress();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn documents_are_read() {
    let word = docx(
        "<w:p><w:r><w:t>Hello &amp; </w:t><w:t>welcome</w:t></w:r></w:p><w:p><w:r><w:t>Bye</w:t></w:r></w:p>",
    );
    assert_eq!(sniff(&word, "", "a").kind, Kind::Docx);
    assert_eq!(text(Kind::Docx, &word).unwrap(), "Hello & welcome\nBye");
    let sheet = xlsx(
        "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Tea</t></is></c><c r=\"B1\"><v>2.5</v></c></row><row r=\"2\"><c r=\"A2\"><v>7</v></c></row>",
    );
    assert_eq!(sniff(&sheet, "", "a").kind, Kind::Xlsx);
    assert_eq!(text(Kind::Xlsx, &sheet).unwrap(), "# Costs\nTea\t2.5\n7");
    let portable = pdf("The launch is on 14 March.", 2);
    assert_eq!(sniff(&portable, "", "a").kind, Kind::Pdf);
    let said = text(Kind::Pdf, &portable).unwrap();
    assert_eq!(said.matches("The launch is on 14 March.").count(), 2, "{said}");
    assert_eq!(text(Kind::Text, "Grüße".as_bytes()).unwrap(), "Grüße");
    assert_eq!(text(Kind::Csv, b"Gr\xfc\xdfe;2").unwrap(), "Grüße;2");
    assert_eq!(text(Kind::Text, b"\xff\xfeH\0i\0").unwrap(), "Hi");
}

#[test]
fn what_holds_no_text_says_so() {
    assert_eq!(text(Kind::Docx, b"PK\x03\x04"), Err(Unreadable("it is damaged")));
    assert_eq!(text(Kind::Pdf, b"%PDF-1.7 nothing"), Err(Unreadable("it is damaged")));
    assert_eq!(text(Kind::Docx, &docx("<w:p/>")), Err(Unreadable("no text was found in it")));
    assert_eq!(text(Kind::Text, &[1, 2, 3, 4, 5, 6]), Err(Unreadable("it is no text")));
    for reason in [Unreadable("it is damaged"), Unreadable("no text was found in it"), Unreadable("it is no text")]
    {
        assert_eq!(known(reason.0), reason, "every reason passes between the processes");
    }
}

#[test]
fn attack_153_a_zip_bomb_is_not_unpacked() {
    let bomb = archive(&[("word/document.xml", &vec![b'x'; 100 * 1024 * 1024])]);
    assert!(bomb.len() < 200_000);
    assert_eq!(text(Kind::Docx, &bomb), Err(Unreadable("it unpacks to far more than it should")));
    let parts: Vec<String> = (0..2_100).map(|number| format!("p{number}")).collect();
    let parts: Vec<(&str, &[u8])> = parts.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    assert_eq!(text(Kind::Xlsx, &archive(&parts)), Err(Unreadable("it holds too many parts")));
}

#[test]
fn attack_153_entities_of_a_documents_own_are_not_expanded() {
    let laughs = "<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><w:p><w:t>&b;</w:t></w:p>";
    let said = text(Kind::Docx, &docx(laughs)).unwrap_or_default();
    assert!(!said.contains("haha"), "{said}");
}

#[test]
fn attack_153_a_sheet_may_claim_any_width() {
    let sheet = xlsx(
        "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row>",
    );
    assert_eq!(text(Kind::Xlsx, &sheet).unwrap(), "# Costs\n1\n2");
}

#[test]
fn attack_153_pages_and_pixels_have_a_limit() {
    let many = text(Kind::Pdf, &pdf("word", 2_000)).unwrap();
    assert!(many.matches("word").count() <= 300);
    assert_eq!(sniff(&png(50_000, 50_000), "image/png", "a.png").kind, Kind::Refused);
    assert_eq!(sniff(&png(800, 600), "image/png", "a.png").kind, Kind::Image);
}

#[test]
fn attack_154_bytes_say_what_a_file_is_not_its_sender() {
    let mut both = png(10, 10);
    both.extend(b"<html><script>alert(1)</script></html>");
    assert_eq!(sniff(&both, "text/html", "a.html").content_type, "image/png");
    assert_eq!(sniff(b"<!DOCTYPE html><html></html>", "image/png", "a.png").kind, Kind::Refused);
    assert_eq!(sniff(b"MZ\x90\0\x03", "application/pdf", "a.pdf").kind, Kind::Refused);
    assert_eq!(sniff(b"%PDF-1.4", "text/plain", "a.txt").kind, Kind::Pdf);
    assert_eq!(sniff(b"a,b\n1,2", "image/png", "table.csv").kind, Kind::Csv);
    assert_eq!(sniff(&archive(&[("a.txt", b"x")]), "application/pdf", "a.pdf").kind, Kind::Refused);
}

#[test]
fn attack_155_pages_and_drawings_are_not_opened() {
    for page in [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        "<?xml version=\"1.0\"?><svg/>",
        "\u{feff}  <HTML><body>",
        "<script>alert(1)</script>",
    ] {
        let found = sniff(page.as_bytes(), "text/plain", "notes.txt");
        assert_eq!(found.kind, Kind::Refused, "{page}");
    }
}
