//! Tables that are downloaded and opened by spreadsheets.

use std::io;

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use shared::sheets;

use crate::error::ApiError;

/// A table as it grows.
#[derive(Default)]
pub struct Csv {
    text: String,
    in_row: bool,
}

impl Csv {
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.cell(&sheets::cell(value))
    }

    /// Counts only grow: none of them begins with a sign.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.cell(&value.to_string())
    }

    pub fn maybe(&mut self, value: Option<u64>) -> &mut Self {
        self.cell(&value.map(|value| value.to_string()).unwrap_or_default())
    }

    pub fn end_row(&mut self) {
        self.text.push_str("\r\n");
        self.in_row = false;
    }

    fn cell(&mut self, written: &str) -> &mut Self {
        if self.in_row {
            self.text.push(',');
        }
        self.in_row = true;
        self.text.push_str(written);
        self
    }

    /// To be kept as a file of this name, never shown in a browser.
    pub fn download(self, name: &str) -> Response {
        (headers(name), self.text).into_response()
    }

    /// The same with more rows, which are read as the answer is taken. What can't be read breaks it off: nobody takes a part of a
    /// table for the whole.
    pub fn download_with(
        self,
        name: &str,
        rest: impl Stream<Item = Result<Self, ApiError>> + Send + 'static,
    ) -> Response {
        let broken = |error: ApiError| io::Error::other(format!("{error:?}"));
        let rows = stream::once(async { Ok(self) }).chain(rest);
        (headers(name), Body::from_stream(rows.map_ok(|rows| rows.text).map_err(broken))).into_response()
    }
}

fn headers(name: &str) -> [(HeaderName, String); 3] {
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_between_commas_and_rows_end() {
        let mut csv = Csv::default();
        csv.text("=1").number(7).maybe(None).end_row();
        csv.text("a,b").maybe(Some(0)).end_row();
        assert_eq!(csv.text, "'=1,7,\r\n\"a,b\",0\r\n");
    }
}
