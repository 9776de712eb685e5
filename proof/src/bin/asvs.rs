//! Writes `proof/ASVS.md` anew; see `proof::asvs`.

fn main() -> anyhow::Result<()> {
    let (page, faults) = proof::asvs::page()?;
    std::fs::write(proof::asvs::page_path(), page)?;
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
