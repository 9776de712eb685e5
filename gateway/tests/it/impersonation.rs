//! Platform admins who act as a member: only with consent, only so far, only so long, and the tenant can read all of it.

use serde_json::{Value, json};
use shared::{
    db::{audit::Actor, impersonations, support},
    ids::{TenantId, UserId},
};
use sqlx::Row;

use crate::{
    people::Browser,
    stage::{House, run},
    wire::{Ask, Reply},
};

const IMPERSONATION: &str = "/api/v1/impersonation";
const CONSENT: &str = "/api/v1/impersonation/consent";

/// A tenant with an owner, and somebody of the platform.
pub struct Cast {
    pub tenant: TenantId,
    pub ada: UserId,
    pub owner: Browser,
    pub admin: UserId,
    pub platform: Browser,
}

impl House {
    pub async fn cast(&self) -> Cast {
        let (tenant, _) = self.test.tenant("acme").await;
        let (ada, owner) = self.person(tenant, "owner").await;
        let (admin, platform) = self.platform_admin().await;
        Cast { tenant, ada, owner, admin, platform }
    }

    /// The tenant consents to everything, and the platform admin at this browser acts as its owner.
    pub async fn let_act_as(&self, tenant: TenantId, owner: UserId, platform: &mut Browser) {
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        support::set(&mut tx, &Actor::System, "write").await.expect("it consents");
        tx.commit().await.expect("it consents");
        let member = format!("owner-{}@example.com", owner.uuid().simple());
        let wanted = json!({ "tenant_id": tenant, "member": member, "reason": "help", "ticket": "SUP-1" });
        let begun = platform.ask(self, Ask::post(IMPERSONATION).json(&wanted)).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
    }

    /// Somebody who looks after the platform, with a tenant of their own.
    pub async fn platform_admin(&self) -> (UserId, Browser) {
        let (own, _) = self.test.tenant("platform").await;
        let (user, browser) = self.person(own, "owner").await;
        let grant = sqlx::query("update users set is_platform_admin = true where user_id = $1").bind(user);
        grant.execute(&mut self.test.system().await).await.expect("it can be granted");
        (user, browser)
    }
}

impl Cast {
    pub async fn consent(&mut self, house: &House, access: &str) {
        let reply = self.owner.ask(house, Ask::put(CONSENT).json(&json!({ "access": access }))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["access"], access);
    }

    pub fn wanted(&self) -> Value {
        let member = format!("owner-{}@example.com", self.ada.uuid().simple());
        json!({ "tenant_id": self.tenant, "member": member, "reason": "A rule never fires", "ticket": "SUP-7" })
    }

    pub async fn begin(&mut self, house: &House) -> Reply {
        let wanted = self.wanted();
        self.platform.ask(house, Ask::post(IMPERSONATION).json(&wanted)).await
    }

    async fn inside(&mut self, house: &House, access: &str) {
        self.consent(house, access).await;
        let begun = self.begin(house).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
    }

    async fn get(&mut self, house: &House, path: &str) -> Reply {
        self.platform.ask(house, Ask::get(path)).await
    }

    /// Acts and details of the tenant's log.
    async fn log(&self, house: &House) -> Vec<(String, String, Value)> {
        let rows = house.rows(self.tenant, "select actor_id, action, detail from audit_events order by n").await;
        rows.iter().map(|row| (row.get("action"), row.get("actor_id"), row.get("detail"))).collect()
    }

    async fn ends(&self, house: &House) -> Vec<Value> {
        let log = self.log(house).await;
        log.into_iter()
            .filter(|(act, ..)| act == "impersonation.end")
            .map(|(.., why)| why["why"].clone())
            .collect()
    }

    /// It is over, and nobody goes on as anybody until it is left.
    async fn assert_over(&mut self, house: &House) {
        for path in ["/api/v1/agents", "/api/v1/tenants"] {
            let reply = self.get(house, path).await;
            assert_eq!((reply.status, reply.problem().as_str()), (403, "impersonation_ended"), "{path}");
        }
        let me = self.platform.me(house).await;
        assert_eq!((&me["impersonation"]["is_over"], &me["tenant_id"]), (&json!(true), &Value::Null));
    }
}

#[tokio::test]
async fn attack_98_only_platform_admins_act_as_others_and_who_tries_is_noted_a_few_times() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    cast.consent(&house, "write").await;
    let (_, mut operator) = house.person(cast.tenant, "customer_operator").await;
    let wanted = cast.wanted();
    for _ in 0..8 {
        for browser in [&mut cast.owner, &mut operator] {
            let reply = browser.ask(&house, Ask::post(IMPERSONATION).json(&wanted)).await;
            assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
        }
    }
    let noted = house.audited(cast.tenant).await;
    let noted = noted.iter().filter(|act| *act == "impersonation.refused").count();
    assert_eq!(noted, 10, "five of each, however often it is tried");
}

#[tokio::test]
async fn without_consent_nobody_comes_in_and_the_tenant_reads_who_asked() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    let reply = cast.owner.ask(&house, Ask::get(CONSENT)).await;
    assert_eq!(reply.json()["access"], "none", "off, until somebody says otherwise");
    let refused = cast.begin(&house).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "no_consent"));
    let (act, actor, detail) = cast.log(&house).await.pop().unwrap();
    assert_eq!((act.as_str(), actor), ("impersonation.refused", cast.admin.to_string()));
    assert_eq!((&detail["reason"], &detail["ticket"]), (&json!("A rule never fires"), &json!("SUP-7")));
    assert_eq!(cast.platform.me(&house).await["impersonation"], Value::Null);
    // Nobody is acted as who is no member, or is of the platform.
    cast.consent(&house, "read").await;
    let (other, _) = house.platform_admin().await;
    house.member(cast.tenant, other, "customer_admin").await;
    for member in [format!("owner-{}@example.com", other.uuid().simple()), "nobody@example.com".into()] {
        let wanted = json!({ "tenant_id": cast.tenant, "member": member, "reason": "r", "ticket": "t" });
        let reply = cast.platform.ask(&house, Ask::post(IMPERSONATION).json(&wanted)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (409, "no_member"), "{member}");
    }
    let mut wanted = cast.wanted();
    wanted["tenant_id"] = json!(TenantId::new());
    assert_eq!(cast.platform.ask(&house, Ask::post(IMPERSONATION).json(&wanted)).await.status, 404);
    for empty in ["reason", "ticket"] {
        let mut wanted = cast.wanted();
        wanted[empty] = json!(" ");
        assert_eq!(cast.platform.ask(&house, Ask::post(IMPERSONATION).json(&wanted)).await.status, 400, "{empty}");
    }
}

#[tokio::test]
async fn attack_99_none_inside_another_and_afterwards_one_is_oneself() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    let before = cast.platform.me(&house).await;
    cast.inside(&house, "read").await;
    let me = cast.platform.me(&house).await;
    assert_eq!(me["tenant_id"], json!(cast.tenant));
    assert_eq!(
        (&me["role"], &me["is_owner"], &me["read_only"]),
        (&json!("customer_admin"), &json!(false), &json!(true))
    );
    let banner = &me["impersonation"];
    assert_eq!((&banner["user_id"], &banner["ticket"]), (&json!(cast.ada), &json!("SUP-7")));
    assert_eq!((&banner["user_name"], &banner["tenant_name"]), (&json!("owner"), &json!("acme")));
    let nested = cast.begin(&house).await;
    assert_eq!((nested.status, nested.problem().as_str()), (403, "impersonating"));
    // Of what the admin is otherwise, nothing goes on meanwhile.
    for path in ["/api/v1/tenants", "/api/v1/auth/sessions"] {
        assert_eq!(cast.get(&house, path).await.problem(), "impersonating", "{path}");
    }
    assert_eq!(cast.platform.ask(&house, Ask::new("DELETE", IMPERSONATION)).await.status, 204);
    assert_eq!(cast.platform.me(&house).await, before);
    assert_eq!(cast.ends(&house).await, ["stopped"]);
    assert_eq!(cast.platform.ask(&house, Ask::new("DELETE", IMPERSONATION)).await.status, 404, "it is left");
    assert_eq!(cast.get(&house, "/api/v1/tenants").await.status, 200);
}

#[tokio::test]
async fn attack_101_looking_only_and_each_look_is_in_the_log_once() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    cast.inside(&house, "read").await;
    for _ in 0..2 {
        assert_eq!(cast.get(&house, "/api/v1/conversations?limit=5").await.status, 200);
    }
    let agent = json!({ "name": "Kona" });
    let refused = cast.platform.ask(&house, Ask::put("/api/v1/agents").json(&agent)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "read_only"));
    let log = cast.log(&house).await;
    let looks: Vec<_> = log.iter().filter(|(act, ..)| act == "impersonation.look").collect();
    let [(_, actor, detail)] = looks.as_slice() else { panic!("{log:?}") };
    assert_eq!(*actor, cast.admin.to_string());
    assert_both_named(&cast, detail);
}

fn assert_both_named(cast: &Cast, detail: &Value) {
    let named = &detail["impersonation"];
    let admin = named["admin"].as_str().unwrap_or_default();
    assert!(admin.contains(&cast.admin.uuid().simple().to_string()), "{detail}");
    assert_eq!((&named["acts_as"], &named["acts_as_name"]), (&json!(cast.ada), &json!("owner")));
    assert_eq!((&named["reason"], &named["ticket"]), (&json!("A rule never fires"), &json!("SUP-7")));
}

#[tokio::test]
async fn attack_101_what_is_changed_names_both_and_secrets_money_and_people_stay_out_of_reach() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    cast.inside(&house, "write").await;
    let shaped = cast.platform.ask(&house, Ask::put("/api/v1/agents").json(&json!({ "name": "Kona" }))).await;
    assert_eq!(shaped.status, 200, "{}", shaped.text());
    let (act, actor, detail) = cast.log(&house).await.pop().unwrap();
    assert!(act.starts_with("agent."), "{act}");
    assert_eq!(actor, cast.admin.to_string());
    assert_both_named(&cast, &detail);
    let path = format!("/api/v1/members/{}", cast.ada);
    let refused = [
        Ask::get("/api/v1/api-keys"),
        Ask::post("/api/v1/api-keys").json(&json!({ "name": "x", "role": "customer_admin" })),
        Ask::get("/api/v1/llm-keys"),
        Ask::get("/api/v1/billing"),
        Ask::post("/api/v1/billing/checkout").json(&json!({ "plan": "pro" })),
        Ask::post("/api/v1/invitations").json(&json!({ "mail": "a@example.com", "role": "customer_admin" })),
        Ask::new("PATCH", &path).json(&json!({ "role": "customer_operator" })),
        Ask::post("/api/v1/auth/password").json(&json!({ "old": "x", "new": "y" })),
        Ask::post("/api/v1/auth/tenant").json(&json!({ "tenant_id": cast.tenant })),
        Ask::put(CONSENT).json(&json!({ "access": "write" })),
        Ask::post("/api/v1/connections").json(&json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme" })),
    ];
    for ask in refused {
        let reply = cast.platform.ask(&house, ask.clone()).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "impersonating"), "{}", ask.path());
    }
}

#[tokio::test]
async fn consent_taken_back_ends_it_at_once_and_given_again_revives_nothing() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    cast.inside(&house, "read").await;
    cast.consent(&house, "none").await;
    cast.assert_over(&house).await;
    cast.consent(&house, "write").await;
    cast.assert_over(&house).await;
    assert_eq!(impersonations::end_due(&house.test.db.system()).await.unwrap(), 1);
    assert_eq!(impersonations::end_due(&house.test.db.system()).await.unwrap(), 0, "once");
    assert_eq!(cast.ends(&house).await, ["consent"]);
    cast.assert_over(&house).await;
    assert_eq!(cast.platform.ask(&house, Ask::new("DELETE", IMPERSONATION)).await.status, 204);
    assert_eq!(cast.get(&house, "/api/v1/tenants").await.status, 200);
    assert_eq!(cast.ends(&house).await.len(), 1);
    assert_eq!(cast.begin(&house).await.status, 200, "what is allowed now is allowed");
}

#[tokio::test]
async fn time_rights_and_session_end_it_by_themselves_and_the_log_says_which() {
    let house = House::open().await;
    let ends = [
        (
            "expired",
            "alter table impersonations no force row level security;
                     update impersonations set expires_at = now() - interval '1 second'",
        ),
        (
            "rights",
            "alter table users no force row level security;
                    update users set is_platform_admin = false where is_platform_admin",
        ),
        (
            "session",
            "alter table sessions no force row level security;
                     update sessions set ended_at = now(), end_reason = 'signed_out'
                      where session_id in (select session_id from impersonations where ended_at is null)",
        ),
    ];
    run(&mut house.test.owner().await, "alter table impersonations no force row level security").await;
    for (why, sql) in ends {
        let mut cast = house.cast().await;
        cast.inside(&house, "read").await;
        assert_eq!(cast.get(&house, "/api/v1/agents").await.status, 200, "{why}");
        let mut owner = house.test.owner().await;
        for statement in sql.split(';') {
            run(&mut owner, statement).await;
        }
        if why == "session" {
            assert_eq!(cast.get(&house, "/api/v1/agents").await.status, 401);
        } else {
            cast.assert_over(&house).await;
        }
        assert_eq!(impersonations::end_due(&house.test.db.system()).await.unwrap(), 1, "{why}");
        assert_eq!(cast.ends(&house).await, [why]);
    }
}

#[tokio::test]
async fn attack_182_failed_sign_ins_are_noted_a_few_times_without_what_was_typed() {
    let house = House::open().await;
    let mut browser = house.signed_up("ada@example.com").await;
    let tenant = crate::people::tenant_of(&browser.me(&house).await);
    for guess in 0..8 {
        let body = json!({ "mail": "ada@example.com", "password": format!("guess number {guess}") });
        let reply = Browser::default().ask(&house, Ask::post("/api/v1/auth/login").json(&body)).await;
        assert_eq!(reply.status, 401);
    }
    let failed = "select count(*) from audit_events where action = 'session.failed'";
    // They are noted beside the answers.
    for _ in 0..100 {
        if house.count(tenant, failed).await >= 5 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(house.count(tenant, failed).await, 5, "and no more, whatever is tried");
    let rows = house.rows(tenant, "select detail from audit_events where action = 'session.failed'").await;
    for row in rows {
        let detail: Value = row.get("detail");
        assert_eq!(detail, json!({ "why": "password", "address": "127.0.0.1" }));
    }
}
