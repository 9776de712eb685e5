//! What a name leads to: what the machine's resolver says, or in tests what a test says.

use std::{io, net::SocketAddr};

/// A name that leads to more is looked at no further.
const ADDRESSES_MAX: usize = 16;

pub(super) async fn look_up(name: &str) -> io::Result<Vec<SocketAddr>> {
    #[cfg(any(test, feature = "testing"))]
    if let Some(said) = said::of(name) {
        return Ok(said.into_iter().map(|address| (address, 0).into()).collect());
    }
    Ok(tokio::net::lookup_host((name, 0)).await?.take(ADDRESSES_MAX).collect())
}

#[cfg(any(test, feature = "testing"))]
pub mod said {
    //! Names that a test has given addresses to, as whoever owns a domain can; for the whole process.

    use std::{
        collections::BTreeMap,
        net::IpAddr,
        sync::{Mutex, MutexGuard, PoisonError},
    };

    static SAID: Mutex<BTreeMap<String, Vec<IpAddr>>> = Mutex::new(BTreeMap::new());

    /// From now on the name leads there. In lower case, as it is asked for.
    pub fn leads(name: &str, to: &[IpAddr]) {
        lock().insert(name.to_owned(), to.to_vec());
    }

    pub(super) fn of(name: &str) -> Option<Vec<IpAddr>> {
        lock().get(name).cloned()
    }

    fn lock() -> MutexGuard<'static, BTreeMap<String, Vec<IpAddr>>> {
        SAID.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
