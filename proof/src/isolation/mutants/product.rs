//! Mistakes in the product's code: statements that forget the tenant, and a door that binds its transactions wrongly.
//!
//! They are made on the wire, so the code under test is the product's own. A statement's tenant is one of two nets, the
//! policies are the other: each is also shown to hold alone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{bail, ensure};
use regex::Regex;
use shared::{
    db::{
        Db,
        audit::Actor,
        devices, impersonations,
        inbox::{Arrival, Content, Ingest},
        invitations::{self, Joining, Offer},
        lanes,
        plans::PLANS,
        sessions::SignedIn,
        suspensions::{self, Waiting},
        system,
    },
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use super::{Killer, Verdict};
use crate::isolation::{
    catalog::Catalog,
    erased,
    fill::{Doors, Tenant},
    scene::{
        self, CONNECTION, COPIED, GUEST, GUEST_MAIL, IDENTITY, INVITATION, INVITATION_TOKEN, NEW_MAIL, SESSION,
        THEIR_CONVERSATION, THEIR_MARK, THEIR_MEMBER, THEM, US, lease,
    },
    statements::{self, Begin, Call, Observation, observe},
    wire::{Edit, Wire},
};

/// Attempts to get the same session twice from a pool.
const SAME_SESSION_ATTEMPTS: usize = 200;

/// What the product does without a mistake.
pub struct Stage {
    pub(super) test: TestDb,
    calls: Vec<Call>,
    honest: Vec<Observation>,
    /// Every statement that passed the door, of konstruct_app and konstruct_system.
    pub seen: Vec<String>,
}

/// Calls that did something else than they should, by name.
pub type Deviations = Vec<String>;

pub fn honestly() -> Edit {
    Arc::new(str::to_owned)
}

/// Takes the tenant out of every condition.
pub fn without_tenant() -> Edit {
    let by_parameter = Regex::new(r"(?:\b\w+\.)?\btenant_id = (\$\d+)").expect("valid");
    let by_join = Regex::new(r"\b\w+\.tenant_id = \w+\.tenant_id").expect("valid");
    Arc::new(move |sql| {
        let sql = by_parameter.replace_all(sql, "${1}::uuid is not null");
        by_join.replace_all(&sql, "true").into_owned()
    })
}

/// Binds no tenant: the setting has another name.
fn forgetting() -> Edit {
    begins(|sql| sql.replace("'app.current_tenant'", "'app.forgotten_tenant'"))
}

/// An edit of the statement that begins a transaction.
fn begins(edit: impl Fn(&str) -> String + Send + Sync + 'static) -> Edit {
    Arc::new(move |sql| if sql.starts_with("begin; rollback; begin;") { edit(sql) } else { sql.to_owned() })
}

/// The ways in which the door could bind a transaction wrongly.
pub fn doors() -> Vec<(&'static str, Edit)> {
    let audiences = Regex::new(r"'app\.audiences', '[^']*'").expect("valid");
    let every = move |sql: &str| audiences.replace(sql, "'app.audiences', '*'").into_owned();
    let (us, them) = (US.uuid().to_string(), THEM.uuid().to_string());
    vec![
        ("the door forgets whose transaction it is", forgetting()),
        ("the door keeps the tenant before", begins(move |sql| sql.replace(&us, &them))),
        ("the door binds the session, not the transaction", begins(|sql| sql.replace("', true)", "', false)"))),
        ("the door's setting ends before the work begins", begins(|sql| format!("{sql}; commit; begin"))),
        ("the door shows every audience", begins(every)),
        ("the door shows no audience", begins(|sql| sql.replace("'app.audiences'", "'app.forgotten'"))),
    ]
}

impl Stage {
    pub async fn new() -> anyhow::Result<Self> {
        let test = TestDb::new().await;
        scene::fill(&test).await?;
        let mut stage = Self { test, calls: statements::all(), honest: Vec::new(), seen: Vec::new() };
        (stage.honest, stage.seen) = stage.observe_all(honestly()).await?;
        let shown = stage.honest.iter().find(|observation| observation.answer.contains(THEIR_MARK));
        ensure!(shown.is_none(), "a call shows the other tenant's rows: {shown:?}");
        let answered = stage.calls.iter().zip(&stage.honest);
        for (call, observation) in answered {
            ensure!(!observation.answer.contains("database"), "{}: {}", call.name, observation.answer);
        }
        Ok(stage)
    }

    async fn observe_all(&self, edit: Edit) -> anyhow::Result<(Vec<Observation>, Vec<String>)> {
        let wire = Wire::before(&self.test.config.database_url, edit).await?;
        let db = Db::connect(&wire.url, &self.test.config.database_system_url)?;
        let mut observations = Vec::new();
        for call in &self.calls {
            observations.push(observe(&db, &self.test.config, call).await?);
        }
        db.close().await;
        let seen = wire.seen.lock().expect("nobody panics with it").clone();
        Ok((observations, seen))
    }

    pub(super) async fn deviations(&self, edit: Edit) -> anyhow::Result<Deviations> {
        let (observations, _) = self.observe_all(edit).await?;
        let differing = self.calls.iter().zip(self.honest.iter().zip(&observations));
        let differing = differing.filter(|(_, (honest, now))| honest != now);
        Ok(differing.map(|(call, _)| call.name.to_owned()).collect())
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.iter().map(|call| call.name).collect()
    }

    /// Which calls deviate when only the policies hold.
    pub async fn with_policies_alone(&self) -> anyhow::Result<Deviations> {
        self.deviations(without_tenant()).await
    }

    /// Which calls deviate when only the conditions hold. Audiences have no second net: their only one is a policy.
    pub async fn with_conditions_alone(&self) -> anyhow::Result<Deviations> {
        self.let_go("disable").await?;
        let deviations = self.deviations(honestly()).await;
        self.let_go("enable").await?;
        let mut deviations = deviations?;
        let by_audience = |name: &String| {
            self.calls.iter().any(|call| call.name == name && matches!(call.begin, Begin::ForTheTenant))
        };
        deviations.retain(|name| !by_audience(name));
        Ok(deviations)
    }

    /// Each call without its condition is a mutant; the run without policies must notice it. Some have theirs in a
    /// function of the database.
    pub async fn without_conditions(&self) -> anyhow::Result<Vec<Verdict>> {
        self.let_go("disable").await?;
        let functions = self.functions().await?;
        self.define(functions.iter().map(|function| &function.spoilt)).await?;
        let deviations = self.deviations(without_tenant()).await;
        self.define(functions.iter().map(|function| &function.honest)).await?;
        self.let_go("enable").await?;
        let deviations = deviations?;
        let verdict = |call: &Call| Verdict {
            mutant: format!("{}: no tenant in its conditions", call.name),
            killers: if deviations.iter().any(|name| name == call.name) {
                vec![Killer::Statements]
            } else {
                vec![]
            },
        };
        let twofold = self.calls.iter().filter(|call| matches!(call.begin, Begin::AllAudiences));
        Ok(twofold.map(verdict).collect())
    }

    /// Each statement that names its tenant, without it and with nothing else forgotten: a call's other statements could
    /// hide it. One call that notices is enough.
    pub async fn without_condition_of_each_statement(&self) -> anyhow::Result<Vec<Verdict>> {
        self.let_go("disable").await?;
        let noticed = self.noticed_statements().await;
        self.let_go("enable").await?;
        let verdict = |(statement, noticed): (String, bool)| Verdict {
            mutant: format!("alone: {}", statement.split_whitespace().collect::<Vec<_>>().join(" ")),
            killers: if noticed { vec![Killer::Statements] } else { vec![] },
        };
        Ok(noticed?.into_iter().map(verdict).collect())
    }

    async fn noticed_statements(&self) -> anyhow::Result<BTreeMap<String, bool>> {
        let mut noticed = BTreeMap::new();
        let (call_of, forget) = (self.calls.iter().zip(&self.honest), without_tenant());
        for (call, honest) in call_of.filter(|(call, _)| matches!(call.begin, Begin::AllAudiences)) {
            let (_, seen) = self.observe_one(call, honestly()).await?;
            for statement in seen.into_iter().filter(|sql| forget(sql) != *sql) {
                if noticed.get(&statement) == Some(&true) {
                    continue;
                }
                let (this, forget) = (statement.clone(), forget.clone());
                let edit: Edit = Arc::new(move |sql| if sql == this { forget(sql) } else { sql.to_owned() });
                let (observation, _) = self.observe_one(call, edit).await?;
                noticed.insert(statement, observation != *honest);
            }
        }
        Ok(noticed)
    }

    /// Through a door of its own: a statement is prepared once for a connection, and seen only then.
    async fn observe_one(&self, call: &Call, edit: Edit) -> anyhow::Result<(Observation, Vec<String>)> {
        let wire = Wire::before(&self.test.config.database_url, edit).await?;
        let db = Db::connect(&wire.url, &self.test.config.database_system_url)?;
        let observation = observe(&db, &self.test.config, call).await?;
        db.close().await;
        let seen = wire.seen.lock().expect("nobody panics with it").clone();
        Ok((observation, seen))
    }

    /// Row-level security of every tenant table.
    pub(super) async fn let_go(&self, how: &str) -> anyhow::Result<()> {
        let mut owner = self.test.owner().await;
        for table in Catalog::read(&mut owner).await?.tenant_tables()? {
            owner.execute(AssertSqlSafe(format!("alter table {} {how} row level security", table.name))).await?;
        }
        Ok(())
    }

    pub async fn with_door(&self, name: &str, edit: Edit) -> anyhow::Result<Verdict> {
        let mut killers = Vec::new();
        if !self.deviations(edit.clone()).await?.is_empty() {
            killers.push(Killer::Statements);
        }
        if self.rows_of_the_next_transaction(edit).await? > 0 {
            killers.push(Killer::NextTransaction);
        }
        Ok(Verdict { mutant: name.to_owned(), killers })
    }

    /// A transaction, committed, and on the same session another one that forgets whose it is: how many messages it sees.
    pub async fn rows_of_the_next_transaction(&self, edit: Edit) -> anyhow::Result<i64> {
        let forgetful = Arc::new(AtomicBool::new(false));
        let (now, forget) = (forgetful.clone(), forgetting());
        let either: Edit = Arc::new(move |sql| if now.load(Ordering::SeqCst) { forget(sql) } else { edit(sql) });
        let wire = Wire::before(&self.test.config.database_url, either).await?;
        let db = Db::connect(&wire.url, &self.test.config.database_system_url)?;
        let mut first = db.tenant(US).begin().await?;
        let session: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(first.conn()).await?;
        first.commit().await?;
        forgetful.store(true, Ordering::SeqCst);
        for _ in 0..SAME_SESSION_ATTEMPTS {
            let mut next = db.tenant(US).begin().await?;
            let (again, rows): (i32, i64) =
                sqlx::query_as("select pg_backend_pid(), (select count(*) from messages)")
                    .fetch_one(next.conn())
                    .await?;
            next.commit().await?;
            if again == session {
                db.close().await;
                return Ok(rows);
            }
        }
        bail!("the pool never gave the same session again")
    }
}

/// What the system role's statements did to a scene of their own: answers, and whether the other tenant's rows changed.
async fn observe_system(edit: Edit) -> anyhow::Result<(Vec<(&'static str, Observation)>, Vec<String>)> {
    let test = TestDb::new().await;
    scene::fill(&test).await?;
    let catalog = Catalog::read(&mut test.owner().await).await?;
    let them = Tenant { catalog: &catalog, id: THEM.uuid(), mark: THEIR_MARK };
    let mut doors = Doors { app: test.app().await, system: test.system().await };
    let before = them.fingerprints(&mut doors).await?;
    let wire = Wire::before(&test.config.database_system_url, edit).await?;
    let db = Db::connect(&test.config.database_url, &wire.url)?;
    let (system, ingest) = (db.system(), Ingest::start(&db));
    let mut observed = Vec::new();
    for name in SYSTEM_CALLS {
        let answer = match name {
            "lanes::watch" => format!("{:?}", lanes::watch(&system, &lease()).await),
            "lanes::renew" => format!("{:?}", lanes::renew(&system, &lease()).await),
            "inbox::readdress" => format!("{:?}", ingest.readdress(overheard()).await),
            "inbox::accept" => format!("{:?}", ingest.accept(overheard()).await),
            "devices::switch" => {
                format!("{:?}", devices::switch(&system, SESSION, THEIR_MEMBER, US).await.is_ok())
            }
            "system::change_plan" => {
                format!("{:?}", system::change_plan(&system, &Actor::System, US, &PLANS[3]).await.is_ok())
            }
            "impersonations::begin" => {
                let asked =
                    impersonations::Begin { tenant: US, member: NEW_MAIL, reason: "a test", ticket: "T-1" };
                let begun = impersonations::begin(&system, &somebody(), &asked).await;
                format!("{:?}", begun.map(|begun| begun.is_ok()))
            }
            "suspensions::suspend" => {
                format!("{:?}", suspensions::suspend(&system, &Actor::System, US, "a test").await.is_ok())
            }
            "suspensions::lift" => {
                format!("{:?}", suspensions::lift(&system, &Actor::System, US, Waiting::Drop).await.is_ok())
            }
            "invitations::accept" => {
                let joining = Joining::Account(GUEST);
                format!("{:?}", invitations::accept(&system, &offer(), &INVITATION_TOKEN, joining).await)
            }
            "endings::begin" => erased::end(&system).await,
            COPY => format!("{:?}", ingest.accept(copied()).await),
            _ => format!("{:?}", lanes::put_back(&system, &lease(), 60.0).await),
        };
        let now = them.fingerprints(&mut doors).await?;
        let theirs = if now == before { "same" } else { "changed" };
        observed.push((name, Observation { answer, theirs: theirs.into() }));
    }
    db.close().await;
    let seen = wire.seen.lock().expect("nobody panics with it").clone();
    Ok((observed, seen))
}

const COPY: &str = "inbox::accept of a copy";
const SYSTEM_CALLS: [&str; 13] = [
    "system::change_plan",
    "lanes::watch",
    "lanes::renew",
    "inbox::readdress",
    "inbox::accept",
    COPY,
    "lanes::put_back",
    "devices::switch",
    "invitations::accept",
    "impersonations::begin",
    "suspensions::suspend",
    "suspensions::lift",
    "endings::begin",
];

/// Of the platform. Whom they would act as is no member of ours.
fn somebody() -> SignedIn {
    SignedIn {
        session: SESSION,
        user: GUEST,
        mail: GUEST_MAIL.into(),
        name: "Somebody".into(),
        is_platform_admin: true,
        has_second_factor: false,
        tenant: None,
        is_owner: false,
        read_only: false,
        suspended: None,
        impersonation: None,
    }
}

/// Ours; theirs has the same id and token.
fn offer() -> Offer {
    Offer {
        tenant: US,
        tenant_name: String::new(),
        invitation: INVITATION,
        mail: GUEST_MAIL.into(),
        role: "customer_operator".into(),
    }
}

/// A message that both had before, and that only the other tenant is known to be addressed by.
fn copied() -> Arrival {
    Arrival { message_key: Some(COPIED), known_lane_only: false, ..overheard() }
}

/// Talk in a conversation that only the other tenant's agent takes part in, seen before by both.
fn overheard() -> Arrival {
    Arrival {
        tenant: US,
        connection: CONNECTION,
        event_key: Uuid::from_u128(77),
        message_key: Some(IDENTITY),
        conversation: THEIR_CONVERSATION,
        addressed: false,
        known_lane_only: true,
        raw: Vec::new(),
        content: Content::Ignored("only a test"),
        trace: None,
    }
}

/// The system role's statements without their tenant, and every statement that passed. Policies don't help here: this role
/// works for all tenants.
pub async fn system_without_conditions() -> anyhow::Result<(Vec<Verdict>, Vec<String>)> {
    let (honest, seen) = observe_system(honestly()).await?;
    ensure!(honest.iter().all(|(_, observation)| observation.theirs == "same"), "another tenant's rows changed");
    ensure!(!honest.iter().any(|(_, observation)| observation.answer.contains("Err")), "a call fails: {honest:?}");
    let (spoilt, _) = observe_system(without_tenant()).await?;
    let verdicts = honest.iter().zip(&spoilt).map(|((name, honest), (_, spoilt))| Verdict {
        mutant: format!("{name}: no tenant in its conditions"),
        killers: if honest == spoilt { vec![] } else { vec![Killer::Statements] },
    });
    Ok((verdicts.collect(), seen))
}
