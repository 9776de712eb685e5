//! Forms with files in them, as clients of both platforms send them.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};

/// One field of such a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// The fields; `None`: the body is no such form.
pub(crate) fn fields(headers: &HeaderMap, body: &Bytes) -> Option<Vec<Field>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
    let boundary = kind.strip_prefix("multipart/form-data;")?.trim().strip_prefix("boundary=")?.trim_matches('"');
    let (line, end) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut found = Vec::new();
    let mut from = find(body, 0, line.as_bytes())? + line.len();
    while let Some(head_end) = find(body, from, b"\r\n\r\n") {
        let content_end = find(body, head_end + 4, end.as_bytes())?;
        let head = String::from_utf8_lossy(&body[from..head_end]).into_owned();
        found.push(Field {
            name: quoted(&head, "name=\"").unwrap_or_default(),
            content_type: value(&head, "content-type:").unwrap_or_default(),
            bytes: body.slice(head_end + 4..content_end),
        });
        from = content_end + end.len() + 2;
    }
    Some(found)
}

fn find(body: &Bytes, from: usize, wanted: &[u8]) -> Option<usize> {
    let found = body.get(from..)?.windows(wanted.len()).position(|window| window == wanted)?;
    Some(from + found)
}

fn quoted(head: &str, before: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!(" {before}"))?;
    rest.split_once('"').map(|(text, _)| text.to_owned())
}

fn value(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
    Some(line[name.len()..].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_fields_byte_for_byte() {
        let mut headers = HeaderMap::new();
        let kind = "multipart/form-data; boundary=AaB03x".parse().expect("a value");
        headers.insert(header::CONTENT_TYPE, kind);
        let body = Bytes::from_static(
            b"--AaB03x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\ntext/plain\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n a\r\n\r\n-- \r\n--AaB03x--\r\n",
        );
        let fields = fields(&headers, &body).expect("a form");
        let shown: Vec<(&str, &str, &[u8])> =
            fields.iter().map(|one| (&*one.name, &*one.content_type, &one.bytes[..])).collect();
        assert_eq!(
            shown,
            [("type", "", b"text/plain".as_slice()), ("file", "text/plain", b" a\r\n\r\n-- ".as_slice())]
        );
    }

    #[test]
    fn what_is_no_form_or_breaks_off_has_no_fields() {
        let mut headers = HeaderMap::new();
        assert_eq!(fields(&headers, &Bytes::from_static(b"x")), None);
        headers.insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().expect("a value"));
        assert_eq!(fields(&headers, &Bytes::from_static(b"--b\r\nX: y\r\n\r\nbroken")), None);
    }
}
