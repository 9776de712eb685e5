//! Pages of a list: how many lines one may ask for, and where the next page begins.

use crate::error::ApiError;

const DEFAULT: i64 = 50;
const MAX: i64 = 100;

/// 1 to 100, 50 by default.
pub fn limit(given: Option<i64>) -> Result<i64, ApiError> {
    let limit = given.unwrap_or(DEFAULT);
    if (1..=MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(ApiError::invalid(format!("`limit` must be 1 to {MAX}.")))
    }
}

/// What a `cursor` names; a list may have been asked for without one.
pub fn cursor<T>(given: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let refused = || ApiError::invalid("`cursor` must be the `next_cursor` of an earlier answer.");
    given.map(|cursor| read(cursor).ok_or_else(refused)).transpose()
}

/// Lists are asked for with one line more. It only shows that there are more: the cursor is that of the last one kept.
pub fn next<T>(found: &mut Vec<T>, limit: i64, place: impl Fn(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if found.len() <= limit {
        return None;
    }
    found.truncate(limit);
    found.last().map(place)
}
