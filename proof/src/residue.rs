//! What is left of somebody or something: every column of every table of a tenant, and every file, searched for words.
//!
//! It reads as the role that removes tenants, whose policies open all of one tenant's tables and nothing else.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use shared::{ids::TenantId, testing::TestDb};
use sqlx::{AssertSqlSafe, Executor};

/// Columns that hold one of the words, as text, as bytes or inside of base64, whatever the case: `table.column: rows`.
///
/// # Errors
/// When the database can't be read.
pub async fn in_tables(test: &TestDb, tenant: TenantId, words: &[&str]) -> anyhow::Result<Vec<String>> {
    let patterns: Vec<String> = words.iter().flat_map(|word| patterns(word)).collect();
    let mut owner = test.owner().await;
    let begun = format!(
        "begin; set local role konstruct_eraser; select set_config('app.current_tenant', '{}', true)",
        tenant.uuid()
    );
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and exists (select from pg_attribute a
                         where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
          order by 1",
    )
    .fetch_all(&mut owner)
    .await?;
    owner.execute(sqlx::raw_sql(AssertSqlSafe(begun))).await?;
    let mut found = Vec::new();
    for table in tables {
        let question = format!(
            "select value.key || ': ' || count(*)
               from {table} t cross join lateral jsonb_each_text(to_jsonb(t)) as value
              where t.tenant_id = $2 and value.value ilike any ($1)
              group by value.key order by value.key"
        );
        let columns: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(question)).bind(&patterns).bind(tenant).fetch_all(&mut owner).await?;
        found.extend(columns.into_iter().map(|column| format!("{table}.{column}")));
    }
    owner.execute("rollback").await?;
    Ok(found)
}

/// How many rows the tenant has in each table that has any.
///
/// # Errors
/// When the database can't be read.
pub async fn rows(test: &TestDb, tenant: TenantId) -> anyhow::Result<Vec<String>> {
    // Whatever the word: no row is without its tenant.
    let id = tenant.uuid().to_string();
    let found = in_tables(test, tenant, &[&id]).await?;
    Ok(found.into_iter().filter(|line| line.contains(".tenant_id:")).collect())
}

/// `like` patterns of a word: itself, its bytes in hexadecimal, and what base64 makes of it at each of three places.
fn patterns(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned(), hex::encode(word)];
    for before in 0..3 {
        let padded = [vec![b'x'; before], word.as_bytes().to_vec()].concat();
        let encoded = STANDARD.encode(&padded);
        // The letters at both ends depend on what stands beside the word.
        let (first, last) = ((before * 4).div_ceil(3), padded.len() / 3 * 4);
        if last > first + 5 {
            all.push(encoded[first..last].to_owned());
        }
    }
    all.into_iter().map(|word| format!("%{}%", word.replace('%', "\\%").replace('_', "\\_"))).collect()
}

/// Files below a folder that hold one of the words.
///
/// # Errors
/// When a file can't be read.
pub fn in_files(folder: &Path, words: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(in_files(&path, words)?);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).to_lowercase();
        if words.iter().any(|word| text.contains(&word.to_lowercase())) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_wherever_base64_puts_it() {
        for before in ["", "a", "ab", "abc"] {
            let hidden = STANDARD.encode(format!("{before}4915100000001 and more"));
            let found = patterns("4915100000001").iter().any(|pattern| hidden.contains(pattern.trim_matches('%')));
            assert!(found, "{hidden}");
        }
    }
}
