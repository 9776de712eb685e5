//! Writes `proof/FAULTS.md` from what the last fault run recorded.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let page = proof::chaos::outcome::page()?;
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("FAULTS.md"), page)?;
    Ok(())
}
