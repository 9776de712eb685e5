//! Functions of the database that forget the tenant. No edit on the wire reaches what they say.

use regex::Regex;
use sqlx::{AssertSqlSafe, Executor};

use super::{
    Killer, Verdict,
    product::{Stage, honestly},
};

/// One that names a tenant in its conditions.
pub struct Function {
    name: String,
    /// SQL that defines it as it is.
    pub honest: String,
    /// SQL that defines it without its tenant.
    pub spoilt: String,
}

impl Stage {
    pub async fn functions(&self) -> anyhow::Result<Vec<Function>> {
        let condition = Regex::new(r"\b\w+\.tenant_id = (?:\w+\.tenant_id|of_tenant)\b").expect("valid");
        let all: Vec<(String, String)> = sqlx::query_as(
            "select p.proname::text, pg_get_functiondef(p.oid) from pg_proc p
              where p.pronamespace = 'public'::regnamespace
                and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1",
        )
        .fetch_all(&mut self.test.owner().await)
        .await?;
        let functions = all.into_iter().map(|(name, honest)| {
            let spoilt = condition.replace_all(&honest, "true").into_owned();
            Function { name, honest, spoilt }
        });
        Ok(functions.filter(|function| function.honest != function.spoilt).collect())
    }

    pub async fn define(&self, definitions: impl Iterator<Item = &String>) -> anyhow::Result<()> {
        let mut owner = self.test.owner().await;
        for definition in definitions {
            owner.execute(AssertSqlSafe(definition.clone())).await?;
        }
        Ok(())
    }

    /// Each by itself, without policies: one call that notices is enough.
    pub async fn without_condition_of_each_function(&self) -> anyhow::Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        self.let_go("disable").await?;
        for function in self.functions().await? {
            self.define([&function.spoilt].into_iter()).await?;
            let deviations = self.deviations(honestly()).await;
            self.define([&function.honest].into_iter()).await?;
            let killers = if deviations?.is_empty() { vec![] } else { vec![Killer::Statements] };
            verdicts.push(Verdict { mutant: format!("{}: no tenant in its conditions", function.name), killers });
        }
        self.let_go("enable").await?;
        Ok(verdicts)
    }
}
