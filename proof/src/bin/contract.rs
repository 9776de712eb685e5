//! Writes `proof/CONTRACT.md` anew; see `proof::contract`.

fn main() -> anyhow::Result<()> {
    let (page, faults) = proof::contract::page()?;
    std::fs::write(proof::contract::page_path(), page)?;
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
