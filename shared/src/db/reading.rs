//! Reading by hand, for whoever looks after an installation: one statement under a tenant's policies that can change nothing,
//! on record in the tenant's audit log before it runs.

use serde_json::json;
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    ANEW, DbError, TenantDb, TenantTx,
    audit::{self, Actor},
};

/// Rows of one answer; who wants more counts them, or narrows the question.
pub const ROWS_MAX: usize = 1_000;
/// Milliseconds a statement may take.
const TIME_MAX: &str = "30000";
/// The setting that the policies go by, and what sets it. A mistake is prevented here, not malice: who runs this has the
/// database's address anyway.
const FORBIDDEN: [&str; 2] = ["set_config", "current_tenant"];

/// One row, its columns in the order of the query.
#[derive(Debug, FromRow)]
pub struct Row {
    pub columns: Vec<String>,
    /// As text; `None` is null.
    pub values: Vec<Option<String>>,
    /// The whole as a JSON object.
    pub object: String,
}

/// What a statement answered.
#[derive(Debug)]
pub struct Answer {
    pub rows: Vec<Row>,
    /// There were more.
    pub cut: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What is wrong with the statement: a sentence for whoever typed it.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TenantDb {
    async fn begin_to_read(&self) -> Result<TenantTx, DbError> {
        let settings = format!(
            "{ANEW}, set_config('transaction_read_only', 'on', true), set_config('statement_timeout', '{TIME_MAX}', true)"
        );
        self.begin_with("*", &settings).await
    }
}

/// Runs a query of somebody at a terminal. Memories of every audience are among what it sees.
///
/// # Errors
///
/// [`ReadError::Refused`] where the statement is at fault.
pub async fn read(db: &TenantDb, actor: &Actor, statement: &str) -> Result<Answer, ReadError> {
    let statement = statement.trim().trim_end_matches(';').trim_end();
    let lower = statement.to_lowercase();
    if let Some(word) = FORBIDDEN.iter().find(|word| lower.contains(**word)) {
        let why = format!("`{word}` can't be part of it: the tenant is the one that was named at the start.");
        return Err(ReadError::Refused(why));
    }
    let mut tx = db.begin().await?;
    audit::append(&mut tx, actor, "sql.read", ("statement", ""), json!({ "statement": statement })).await?;
    tx.commit().await?;

    let mut tx = db.begin_to_read().await?;
    // As a sub-select it can only be a query; a line of its own ends a comment.
    let sql = format!(
        "select array(select key from json_each_text(to_json(answer))) as columns,
                array(select value from json_each_text(to_json(answer))) as values,
                to_json(answer)::text as object
           from (\n{statement}\n) as answer limit {}",
        ROWS_MAX + 1
    );
    let asked = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(tx.conn()).await;
    tx.close().await?;
    let mut rows: Vec<Row> = match asked {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(refusal)) => return Err(ReadError::Refused(said(&*refusal))),
        Err(error) => return Err(DbError::from(error).into()),
    };
    let cut = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    Ok(Answer { rows, cut })
}

fn said(refusal: &dyn sqlx::error::DatabaseError) -> String {
    match refusal.code().as_deref() {
        Some("57014") => "It took longer than 30 seconds; narrow it down.".into(),
        Some("42601") => {
            format!("{}. What can be asked is one query: SELECT, WITH, VALUES or TABLE.", refusal.message())
        }
        _ => refusal.message().to_owned(),
    }
}
