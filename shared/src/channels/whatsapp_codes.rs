//! Meta's error codes: what each means for a message of ours. A code that is not listed will not work a second time.

use std::time::Duration;

use super::CallError;

/// One message to one person in six seconds.
const PAIR_PAUSE: Duration = Duration::from_secs(6);
const RATE_PAUSE: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_secs(10);

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Not done; trying again after this time makes sense.
    Wait(Duration),
    /// Meta does not know itself.
    Unclear,
    /// The access token no longer works.
    TokenDead,
    /// More than 24 hours since the person wrote: only a template may be sent.
    WindowClosed,
    /// The person wants no such messages.
    OptedOut,
    /// It won't work a second time either.
    Permanent,
}

pub fn meaning(code: i64) -> Meaning {
    match code {
        1 | 2 | 131_000 => Meaning::Unclear,
        131_056 => Meaning::Wait(PAIR_PAUSE),
        4 | 80_007 | 130_429 | 131_048 => Meaning::Wait(RATE_PAUSE),
        131_016 | 131_057 | 131_064 | 133_004 => Meaning::Wait(BUSY_PAUSE),
        190 => Meaning::TokenDead,
        131_047 => Meaning::WindowClosed,
        131_050 => Meaning::OptedOut,
        _ => Meaning::Permanent,
    }
}

/// After which time it makes sense to send a message again that was taken, and is reported as failed with this code since.
/// Such a report is a clear no, also of a code that leaves a call unclear.
pub fn pause_after_failure(code: i64) -> Option<Duration> {
    match meaning(code) {
        Meaning::Wait(pause) => Some(pause),
        Meaning::Unclear => Some(BUSY_PAUSE),
        Meaning::TokenDead | Meaning::WindowClosed | Meaning::OptedOut | Meaning::Permanent => None,
    }
}

/// What an operator can do about it, where that is known.
pub fn advice(code: i64) -> Option<&'static str> {
    Some(match code {
        3 | 10 | 200..=299 => "the access token lacks a permission: it needs whatsapp_business_messaging",
        33 => "the phone number does not exist or the token may not use it",
        100 | 131_008 | 131_009 => "Meta does not accept the request's form",
        131_021 => "a number can't write to itself",
        131_026 => "it can't be delivered to this person",
        131_031 => "Meta has locked the account",
        131_042 => "the account's payment method fails",
        131_047 => "more than 24 hours have passed since the person wrote",
        131_049 => "Meta sends this person no more marketing for now",
        131_050 => "the person wants no such messages",
        131_051..=131_053 => "Meta can't handle the media",
        131_062 => "this template can't go to a person without a known number",
        132_000..=132_999 => "the template does not fit or is not approved",
        368 | 130_497 => "Meta's policy blocks this account or country",
        _ => return None,
    })
}

/// The answer in the words every channel has. `details` is Meta's own sentence.
pub fn call_error(code: i64, details: &str) -> CallError {
    let said = match advice(code) {
        Some(advice) => format!("{code}: {advice}"),
        None => format!("{code}: {details}"),
    };
    match meaning(code) {
        Meaning::Wait(pause) => CallError::RateLimited(pause),
        Meaning::Unclear => CallError::Ambiguous(said),
        Meaning::TokenDead => CallError::Dead(said),
        Meaning::WindowClosed | Meaning::OptedOut | Meaning::Permanent => CallError::Refused(said),
    }
}

/// The code a refusal was made from.
pub fn code_of(error: &CallError) -> Option<i64> {
    let (CallError::Refused(said) | CallError::Dead(said)) = error else { return None };
    said.split_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_contract_has_its_meaning() {
        for code in [4, 80_007, 130_429, 131_016, 131_048, 131_056, 131_057, 131_064, 133_004] {
            assert!(matches!(call_error(code, ""), CallError::RateLimited(_)), "{code} is tried again");
        }
        for code in [1, 2, 131_000] {
            assert!(matches!(call_error(code, ""), CallError::Ambiguous(_)), "{code} may have happened");
        }
        let permanent = [
            0, 3, 10, 200, 299, 33, 100, 131_008, 131_009, 131_021, 131_026, 131_031, 131_042, 131_047, 131_049,
            131_050, 131_051, 131_053, 131_062, 132_001, 132_069, 368, 130_497, 999_999,
        ];
        for code in permanent {
            let error = call_error(code, "details");
            assert!(matches!(error, CallError::Refused(_)), "{code} is final");
            assert_eq!(code_of(&error), Some(code));
        }
        assert!(matches!(call_error(190, ""), CallError::Dead(_)));
        assert_eq!(meaning(131_056), Meaning::Wait(Duration::from_secs(6)));
        assert_eq!(pause_after_failure(131_056), Some(Duration::from_secs(6)));
        assert!(pause_after_failure(131_000).is_some() && pause_after_failure(131_026).is_none());
        assert_eq!((meaning(131_047), meaning(131_050)), (Meaning::WindowClosed, Meaning::OptedOut));
    }
}
