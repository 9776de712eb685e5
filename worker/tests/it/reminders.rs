//! People who wait for a human are not forgotten: the tenant's people are reminded once, and only while nobody is there.

use shared::{
    db::{
        audit::Actor,
        escalation_rules::{self, Shape},
        escalations::{self, Cause, New},
        takeovers,
    },
    ids::{ConversationId, PersonId, UserId},
};

use crate::stage::{ADMIN, Firm, Stage};

/// Somebody who was handed over to a human half an hour ago.
async fn waits(stage: &Stage, firm: &Firm) -> ConversationId {
    waits_because(stage, firm, Cause::Asked).await
}

async fn waits_because(stage: &Stage, firm: &Firm, cause: Cause) -> ConversationId {
    let (conversation, person) = (ConversationId::new(), PersonId::new());
    let lane = "insert into lanes (tenant_id, conversation_id, connection_id) values ($1, $2, $3)";
    let lane = sqlx::query(lane).bind(firm.tenant).bind(conversation).bind(firm.connection);
    lane.execute(&mut stage.test.system().await).await.expect("the accept path makes lanes");
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    for statement in [
        "insert into people (tenant_id, person_id, connection_id, external_id, display_name)
         values ($1, $3, $4, 'U' || $3::text, 'Ada' || left($2::text, 0))",
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
         values ($1, $2, $4, 'D' || $3::text, 'direct')",
    ] {
        let statement =
            sqlx::query(statement).bind(firm.tenant).bind(conversation).bind(person).bind(firm.connection);
        statement.execute(tx.conn()).await.expect("the rows fit");
    }
    let new = New { conversation, person, message: None, cause, reason: escalations::ASKED };
    escalations::open(&mut tx, &new).await.expect("it is stored").expect("nobody had it");
    tx.commit().await.expect("it is stored");
    conversation
}

async fn half_an_hour_passes(firm: &Firm) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let pass = "update escalations set remind_at = remind_at - interval '31 minutes' where tenant_id = $1";
    sqlx::query(pass).bind(firm.tenant).execute(tx.conn()).await.expect("time passes");
    tx.commit().await.expect("it is stored");
}

async fn notices(firm: &Firm) -> Vec<String> {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let bodies = "select body from notices where tenant_id = $1 and kind = 'escalation' order by notice_id";
    let bodies = sqlx::query_scalar(bodies).bind(firm.tenant).fetch_all(tx.conn()).await.expect("they are read");
    tx.close().await.expect("it closes");
    bodies
}

#[tokio::test]
async fn who_waits_too_long_is_brought_to_mind_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    waits(&stage, &acme).await;
    let due = || async { worker::schedule::remind_due(&stage.test.db).await.expect("it looks") };
    assert_eq!(due().await, 0, "half an hour is not over");
    half_an_hour_passes(&acme).await;
    assert_eq!((due().await, due().await), (1, 0));
    let told = notices(&acme).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("A conversation waits") && told[1].contains("still waits"), "{told:?}");
}

#[tokio::test]
async fn who_has_a_human_is_not() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let (taken, given_back) = (waits(&stage, &acme).await, waits(&stage, &acme).await);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    takeovers::take(&mut tx, taken, &Actor::System).await.expect("it is taken");
    takeovers::release(&mut tx, given_back, &Actor::System).await.expect("it is given back");
    tx.commit().await.expect("it is stored");
    half_an_hour_passes(&acme).await;
    assert_eq!(worker::schedule::remind_due(&stage.test.db).await.expect("it looks"), 0);
    assert_eq!(notices(&acme).await.len(), 2);
}

/// An operator, and a rule that hands over to nobody else.
async fn rule_for(stage: &Stage, firm: &Firm, mail: &str) -> (UserId, Cause) {
    let user = UserId::new();
    let join = "insert into memberships (tenant_id, user_id, mail, name, role) values ($1, $2, $3, $3, 'customer_operator')";
    let join = sqlx::query(join).bind(firm.tenant).bind(user).bind(mail);
    join.execute(&mut stage.test.system().await).await.expect("a member can be added");
    let shape = Shape { name: mail.to_owned(), condition: "refund".into(), enabled: true, assign_to: vec![user] };
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let made = escalation_rules::create(&mut tx, &Actor::System, &shape).await.expect("it is made");
    tx.commit().await.expect("it is stored");
    (user, Cause::Rule(made.id, made.version))
}

/// To whom mails were made since, one a line.
async fn mailed(stage: &Stage, firm: &Firm) -> Vec<String> {
    assert!(firm.work(stage, "tell_admins").await.iter().all(Result::is_ok));
    let rows = firm.rows("select recipient from mails order by mail_id").await;
    firm.run("update mails set kind = 'seen', recipient = 'nobody' where recipient <> 'nobody'").await;
    let to = rows.iter().map(|row| sqlx::Row::get::<String, _>(row, "recipient"));
    to.filter(|to| to != "nobody").collect()
}

#[tokio::test]
async fn whom_a_rule_chose_is_written_to_first_and_the_admins_with_the_reminder() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let (_, for_hopper) = rule_for(&stage, &acme, "hopper@example.com").await;
    waits_because(&stage, &acme, for_hopper).await;
    assert_eq!(mailed(&stage, &acme).await, ["hopper@example.com"]);
    waits(&stage, &acme).await;
    assert_eq!(mailed(&stage, &acme).await, [ADMIN], "who asks for a human is everybody's");
    half_an_hour_passes(&acme).await;
    assert_eq!(worker::schedule::remind_due(&stage.test.db).await.expect("it looks"), 2);
    assert_eq!(mailed(&stage, &acme).await, [ADMIN, ADMIN]);

    // Gone between the notice and its mail, or not let to write any more: the admins, as ever.
    for change in
        ["delete from memberships where user_id = ", "update memberships set read_only = true where user_id = "]
    {
        let (user, cause) = rule_for(&stage, &acme, "lovelace@example.com").await;
        waits_because(&stage, &acme, cause).await;
        acme.run(&format!("{change}'{}'", user.uuid())).await;
        assert_eq!(mailed(&stage, &acme).await, [ADMIN], "{change}");
    }
}
