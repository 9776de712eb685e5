//! Writes `proof/ATTACKS.md` anew; see `proof::attacks`.

fn main() -> anyhow::Result<()> {
    let (page, faults) = proof::attacks::table()?;
    std::fs::write(proof::attacks::table_path(), page)?;
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
