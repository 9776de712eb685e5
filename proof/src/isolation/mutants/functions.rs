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
    /// SQL that defines it without its tenant in any condition.
    pub spoilt: String,
    /// The same for each condition by itself.
    spoilt_singly: Vec<String>,
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
            let without =
                |range: std::ops::Range<usize>| format!("{}true{}", &honest[..range.start], &honest[range.end..]);
            let spoilt_singly = condition.find_iter(&honest).map(|found| without(found.range())).collect();
            Function { name, honest, spoilt, spoilt_singly }
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
            let all = std::iter::once(("any".to_owned(), &function.spoilt));
            let singly = (1..).map(|n: usize| n.to_string()).zip(&function.spoilt_singly);
            for (which, spoilt) in all.chain(singly) {
                self.define([spoilt].into_iter()).await?;
                let deviations = self.deviations(honestly()).await;
                self.define([&function.honest].into_iter()).await?;
                let killers = if deviations?.is_empty() { vec![] } else { vec![Killer::Statements] };
                verdicts.push(Verdict {
                    mutant: format!("{}: no tenant in condition {which}", function.name),
                    killers,
                });
            }
        }
        self.let_go("enable").await?;
        Ok(verdicts)
    }
}
