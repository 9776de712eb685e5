//! The pages that a sitemap names: of its own host alone, each once, and no more than are taken.
//!
//! Read piece by piece; nothing in it is expanded or followed.

use quick_xml::{Reader, events::Event};
use url::Url;

/// Letters of an address.
const ADDRESS_MAX: usize = 2_000;

/// `None`: it is no list of pages.
pub fn pages(bytes: &[u8], own: &Url, most: usize) -> Option<Vec<String>> {
    let mut reader = Reader::from_reader(bytes);
    let (mut pages, mut in_location, mut is_list) = (Vec::new(), false, false);
    let (mut text, mut buffer) = (String::new(), Vec::new());
    while pages.len() < most {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "urlset" => is_list = true,
                "loc" if is_list => {
                    in_location = true;
                    text.clear();
                }
                _ => {}
            },
            Event::Text(said) if in_location && text.len() < ADDRESS_MAX => text.push_str(said.as_ref()),
            // The one entity that an address needs.
            Event::GeneralRef(name) if in_location && name.as_ref() == "amp" => text.push('&'),
            Event::End(tag) if tag.local_name().as_ref() == "loc" => {
                in_location = false;
                if let Ok(page) = text.trim().parse::<Url>()
                    && page.origin() == own.origin()
                    && page.as_str().len() <= ADDRESS_MAX
                    && !pages.iter().any(|known| known == page.as_str())
                {
                    pages.push(page.to_string());
                }
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    is_list.then_some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<String>> {
        pages(text.as_bytes(), &"https://docs.example.com/sitemap.xml".parse().expect("a URL"), 2)
    }

    #[test]
    fn pages_of_the_own_host_are_taken_each_once() {
        let list = r#"<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
            <url><loc>https://docs.example.com/a?x=1&amp;y=2</loc></url>
            <url><loc>https://elsewhere.example.com/b</loc></url><url><loc>http://169.254.169.254/</loc></url>
            <url><loc> https://docs.example.com/a?x=1&amp;y=2 </loc></url>
            <url><loc>https://docs.example.com/c</loc></url><url><loc>https://docs.example.com/d</loc></url></urlset>"#;
        assert_eq!(
            read(list).expect("a list"),
            ["https://docs.example.com/a?x=1&y=2", "https://docs.example.com/c"]
        );
    }

    #[test]
    fn what_is_no_list_is_told_from_an_empty_one() {
        assert_eq!(read("<html><loc>https://docs.example.com/a</loc></html>"), None);
        assert_eq!(read("no list"), None);
        assert_eq!(read("<urlset></urlset>"), Some(Vec::new()));
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa">]><urlset><url><loc>https://docs.example.com/&a;</loc></url></urlset>"#;
        assert_eq!(read(bomb).expect("a list"), ["https://docs.example.com/"]);
    }
}
