//! Walks a tenant's audit chain and says whether it is whole, or which row does not fit.
//!
//! The hashes are computed here, not by the database's own function: whoever can rewrite rows can rewrite that, too. What
//! the rows and the head can't show is a chain that was recomputed to its end together with its head: copies of heads that
//! are kept elsewhere do (`checkpoints`).

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Row, postgres::PgRow};

use super::{DbError, TenantTx};
use crate::ids::TenantId;

/// Rows that are read at a time.
const PAGE: i64 = 1_000;

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that fit, from the first.
    pub events: i64,
    /// The hash of the last of them, to be compared with one that was kept elsewhere.
    pub head: String,
    /// The first thing that does not fit. What comes after it was not looked at.
    pub fault: Option<Fault>,
}

/// What does not fit, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The row.
    pub n: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Its hash is not that of what it says.
    Changed,
    /// It is not there, although later ones, the head or a checkpoint tell of it.
    Missing,
    /// It does not follow from the one before: one of the two was put in another's place.
    OutOfPlace,
    /// It is the last one, but the head tells of another.
    NotTheHead,
    /// It is not the one that a checkpoint tells of: the chain was recomputed from there or before.
    Rewritten,
}

impl Verdict {
    pub fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

impl Fault {
    /// For people.
    pub fn sentence(&self) -> String {
        let n = self.n;
        match self.kind {
            FaultKind::Changed => format!("Row {n} was changed: its hash is not that of what it says."),
            FaultKind::Missing => {
                format!("Row {n} is missing: the rows after it, the head or a checkpoint know of it.")
            }
            FaultKind::OutOfPlace => {
                format!("Row {n} does not follow from the one before it: one of the two was replaced or moved.")
            }
            FaultKind::NotTheHead => {
                format!("Row {n} is the last one, but the head tells of another: one of the two was replaced.")
            }
            FaultKind::Rewritten => format!(
                "Row {n} is not the one that a signed checkpoint tells of: it, or a row before it, was rewritten with all that follow."
            ),
        }
    }
}

/// Each statement sees the rows and the head of one moment, so acts that are recorded meanwhile do no harm.
const ROWS: &str = "
select e.*, h.n as head_n, h.hash as head_hash
  from (values (true)) as one (row)
  left join audit_heads h on h.tenant_id = $1
  left join lateral (
    select n, extract(epoch from at)::text as moment, actor_kind, actor_id, action, target_kind, target_id,
           detail::text as detail, previous, hash
      from audit_events
     where tenant_id = $1 and n > $2
     order by n
     limit $3
  ) e on true
 order by e.n";

/// `kept`: what checkpoints tell of rows of this tenant, hashes in hexadecimal by number.
pub async fn verify(tx: &mut TenantTx, kept: &BTreeMap<i64, String>) -> Result<Verdict, DbError> {
    let mut walk = Walk { tenant: tx.tenant(), n: 0, hash: Sha256::digest(b"").to_vec(), kept };
    loop {
        let rows = sqlx::query(ROWS).bind(walk.tenant).bind(walk.n).bind(PAGE).fetch_all(tx.conn()).await?;
        let mut read = 0;
        for row in &rows {
            // Without events the head stands alone.
            if row.try_get::<Option<i64>, _>("n")?.is_none() {
                continue;
            }
            if let Some(kind) = walk.step(row)? {
                return Ok(walk.verdict(Some(Fault { kind, n: walk.n + 1 })));
            }
            read += 1;
        }
        if read < PAGE {
            let fault = rows.first().map(|row| walk.end(row)).transpose()?.flatten();
            let known = kept.keys().next_back().is_some_and(|last| *last > walk.n);
            let fault = fault.or(known.then_some(Fault { kind: FaultKind::Missing, n: walk.n + 1 }));
            return Ok(walk.verdict(fault));
        }
    }
}

struct Walk<'a> {
    tenant: TenantId,
    kept: &'a BTreeMap<i64, String>,
    /// The last row that fits, and its hash.
    n: i64,
    hash: Vec<u8>,
}

impl Walk<'_> {
    fn step(&mut self, row: &PgRow) -> Result<Option<FaultKind>, DbError> {
        let (n, previous, hash): (i64, Vec<u8>, Vec<u8>) =
            (row.try_get("n")?, row.try_get("previous")?, row.try_get("hash")?);
        if n != self.n + 1 {
            return Ok(Some(FaultKind::Missing));
        }
        if previous != self.hash {
            return Ok(Some(FaultKind::OutOfPlace));
        }
        let mut parts = vec![hex::encode(&previous), self.tenant.uuid().to_string(), n.to_string()];
        for column in ["moment", "actor_kind", "actor_id", "action", "target_kind", "target_id", "detail"] {
            parts.push(row.try_get(column)?);
        }
        if link(&parts) != hash {
            return Ok(Some(FaultKind::Changed));
        }
        if self.kept.get(&n).is_some_and(|kept| *kept != hex::encode(&hash)) {
            return Ok(Some(FaultKind::Rewritten));
        }
        (self.n, self.hash) = (n, hash);
        Ok(None)
    }

    /// Whether the head tells of the last row.
    fn end(&self, row: &PgRow) -> Result<Option<Fault>, DbError> {
        let (n, last): (Option<i64>, Option<Vec<u8>>) = (row.try_get("head_n")?, row.try_get("head_hash")?);
        let (n, last) = match (n, last) {
            (Some(n), Some(last)) => (n, last),
            // A tenant that has done nothing has none.
            _ if self.n == 0 => return Ok(None),
            _ => return Ok(Some(Fault { kind: FaultKind::NotTheHead, n: self.n })),
        };
        Ok(if n > self.n {
            Some(Fault { kind: FaultKind::Missing, n: self.n + 1 })
        } else if n < self.n || last != self.hash {
            Some(Fault { kind: FaultKind::NotTheHead, n: self.n })
        } else {
            None
        })
    }

    fn verdict(&self, fault: Option<Fault>) -> Verdict {
        Verdict { events: self.n, head: hex::encode(&self.hash), fault }
    }
}

/// As `audit_hash` does it: each part is preceded by its length in characters.
fn link(parts: &[String]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.chars().count().to_string());
        hash.update(":");
        hash.update(part);
    }
    hash.finalize().to_vec()
}
