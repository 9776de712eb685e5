//! Stripe's signature and events.

use secrecy::SecretString;
use shared::stripe::{Event, Signature};

use super::first_line;

const NOW: i64 = 1_767_000_000;
const ID_MAX: usize = 255;

/// What is stored of an event is plain and short.
pub fn event(raw: &[u8]) {
    let Some(event) = Event::parse(raw) else { return };
    for id in [Some(&event.id), Some(&event.kind), event.customer.as_ref()].into_iter().flatten() {
        assert!((1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    }
}

/// A header without the secret fits nothing.
pub fn signature(input: &[u8]) {
    let (header, raw) = first_line(input);
    if let Some(signature) = Signature::read(&header, NOW) {
        let secrets = ["whsec_of_nobody_here", "", " "].map(|secret| SecretString::from(secret.to_owned()));
        assert!(!signature.fits(&secrets, raw), "{header:?}");
    }
}
