//! Members and invitations: who lets whom in, and what nobody may do.

use serde_json::{Value, json};
use shared::ids::{TenantId, UserId};

use crate::{
    people::{Browser, PASSWORD, tenant_of},
    stage::{House, run},
    wire::{Ask, Reply},
};

async fn tenant(house: &House) -> TenantId {
    house.test.tenant("acme").await.0
}

fn change(user: UserId, body: Value) -> Ask {
    Ask::new("PATCH", &format!("/api/v1/members/{user}")).json(&body)
}

async fn invite(house: &House, browser: &mut Browser, mail: &str, role: &str) -> Reply {
    browser.ask(house, Ask::post("/api/v1/invitations").json(&json!({ "mail": mail, "role": role }))).await
}

async fn post(house: &House, page: &str, body: &Value) -> (Browser, Reply) {
    let mut browser = Browser::default();
    let reply = browser.ask(house, Ask::post(&format!("/api/v1/auth/{page}")).json(body)).await;
    (browser, reply)
}

#[tokio::test]
async fn attack_82_nobody_promotes_themselves_and_an_admin_remains() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (ada, mut adas) = house.person(tenant, "customer_admin").await;
    let (bob, mut bobs) = house.person(tenant, "customer_operator").await;
    let promote = || change(bob, json!({ "role": "customer_admin" }));
    assert_eq!(bobs.ask(&house, promote()).await.status, 403);
    let demote = adas.ask(&house, change(ada, json!({ "role": "customer_operator" }))).await;
    assert_eq!((demote.status, demote.problem().as_str()), (409, "conflict"));
    assert!(demote.detail().contains("Somebody has to remain"), "{}", demote.detail());
    let leave = adas.ask(&house, Ask::new("DELETE", &format!("/api/v1/members/{ada}"))).await;
    assert_eq!(leave.status, 409);
    assert_eq!(adas.ask(&house, promote()).await.status, 200);
    for body in [
        json!({ "role": "platform_admin" }),
        json!({ "is_owner": true }),
        json!({ "role": "customer_admin", "tenant_id": tenant }),
        json!({}),
    ] {
        assert_eq!(bobs.ask(&house, change(bob, body)).await.status, 400);
    }
    // Each demotes the other at the same moment: one of them comes second.
    for _ in 0..10 {
        let (a, b) = tokio::join!(
            adas.ask(&house, change(bob, json!({ "role": "customer_operator" }))),
            bobs.ask(&house, change(ada, json!({ "role": "customer_operator" }))),
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert!(statuses == [200, 409] || statuses == [200, 403], "{statuses:?}");
        let admins = "select count(*) from memberships where role = 'customer_admin'";
        assert_eq!(house.count(tenant, admins).await, 1);
        run(&mut house.test.owner().await, "alter table memberships no force row level security").await;
        run(&mut house.test.owner().await, "update memberships set role = 'customer_admin'").await;
    }
}

#[tokio::test]
async fn the_owner_stays_until_the_ownership_is_transferred() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (ada, mut adas) = house.person(tenant, "owner").await;
    let (bob, mut bobs) = house.person(tenant, "customer_admin").await;
    let refused = bobs.ask(&house, change(ada, json!({ "read_only": true }))).await;
    assert!(refused.status == 409 && refused.detail().contains("owner"), "{}", refused.text());
    let take = Ask::post(&format!("/api/v1/members/{bob}/owner"));
    assert_eq!(bobs.ask(&house, take.clone()).await.status, 409, "nobody takes it");
    assert_eq!(adas.ask(&house, take).await.status, 204);
    assert_eq!(bobs.me(&house).await["is_owner"], true);
    assert_eq!(bobs.ask(&house, change(ada, json!({ "role": "customer_operator" }))).await.status, 200);
    let list = bobs.ask(&house, Ask::get("/api/v1/members")).await.json();
    let lines: Vec<(&Value, &Value)> =
        list["items"].as_array().unwrap().iter().map(|item| (&item["user_id"], &item["is_owner"])).collect();
    assert_eq!(lines, [(&json!(bob), &json!(true)), (&json!(ada), &json!(false))]);
    let log = house.audited(tenant).await;
    assert!(log.ends_with(&["owner.transfer".into(), "member.change".into()]), "{log:?}");
}

#[tokio::test]
async fn attack_107_who_is_demoted_or_may_only_look_changes_nothing_with_the_next_request() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    let (bob, mut bobs) = house.person(tenant, "customer_admin").await;
    let shape = Ask::put("/api/v1/agents").json(&json!({ "name": "Kona" }));
    assert_eq!(bobs.ask(&house, shape.clone()).await.status, 200);
    assert_eq!(owner.ask(&house, change(bob, json!({ "read_only": true }))).await.status, 200);
    let reply = bobs.ask(&house, shape.clone()).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "read_only"));
    assert_eq!(bobs.ask(&house, Ask::get("/api/v1/invitations")).await.status, 200, "an admin may look");
    let body = json!({ "read_only": false, "role": "customer_operator" });
    assert_eq!(owner.ask(&house, change(bob, body)).await.status, 200);
    let reply = bobs.ask(&house, shape).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
    assert_eq!(bobs.ask(&house, Ask::get("/api/v1/invitations")).await.status, 403);
}

#[tokio::test]
async fn an_invitation_brings_somebody_new_in_once() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    assert_eq!(invite(&house, &mut owner, "Carl@example.com", "customer_operator").await.status, 201);
    let again = invite(&house, &mut owner, "carl@example.com", "customer_admin").await;
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
    let token = house.token_for("carl@example.com").await;
    let (_, shown) = post(&house, "invitation", &json!({ "token": token })).await;
    let offer = json!({ "tenant_name": "acme", "mail": "carl@example.com", "role": "customer_operator", "has_account": false });
    assert_eq!((shown.status, shown.json()), (200, offer));
    let body = json!({ "token": token, "password": PASSWORD, "name": "Carl" });
    let (mut carl, reply) = post(&house, "accept", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let me = carl.me(&house).await;
    assert_eq!(
        (tenant_of(&me), &me["role"], &me["is_owner"]),
        (tenant, &json!("customer_operator"), &json!(false))
    );
    assert_eq!(post(&house, "accept", &body).await.1.status, 401, "it works once");
    assert_eq!(invite(&house, &mut owner, "carl@example.com", "customer_admin").await.status, 409, "a member");
    let (_, login) = post(&house, "login", &json!({ "mail": "carl@example.com", "password": PASSWORD })).await;
    assert_eq!(login.status, 200, "the mail proved the address");
    assert!(house.audited(tenant).await.contains(&"invitation.accept".into()));
}

#[tokio::test]
async fn an_invitation_is_accepted_with_the_accounts_own_password() {
    let house = House::open().await;
    house.signed_up("ada@example.com").await;
    let tenant = tenant(&house).await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    let before = house.mails_for("ada@example.com").await.len();
    assert_eq!(invite(&house, &mut owner, "ada@example.com", "customer_admin").await.status, 201);
    assert_eq!(house.mails_for("ada@example.com").await.len(), before + 1);
    let token = house.token_for("ada@example.com").await;
    let (_, wrong) =
        post(&house, "accept", &json!({ "token": token, "password": "somebody else's", "name": "Eve" })).await;
    assert_eq!(
        (wrong.status, wrong.problem().as_str()),
        (401, "wrong_password"),
        "a link alone takes no account over"
    );
    let (mut ada, reply) = post(&house, "accept", &json!({ "token": token, "password": PASSWORD })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let me = ada.me(&house).await;
    assert_eq!((tenant_of(&me), me["memberships"].as_array().unwrap().len()), (tenant, 2));
}

#[tokio::test]
async fn invitations_are_sent_again_taken_back_and_run_out() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    let invitation = invite(&house, &mut owner, "carl@example.com", "customer_operator").await.json();
    let path = format!("/api/v1/invitations/{}", invitation["id"].as_str().unwrap());
    let first = house.token_for("carl@example.com").await;
    assert_eq!(owner.ask(&house, Ask::post(&format!("{path}/resend"))).await.status, 200);
    let second = house.token_for("carl@example.com").await;
    assert_ne!(first, second);
    let offered = async |token: &str| post(&house, "invitation", &json!({ "token": token })).await.1.status;
    assert_eq!((offered(&first).await, offered(&second).await), (401, 200), "the old link is dead");
    let mut bolt = house.person(house.test.tenant("bolt").await.0, "owner").await.1;
    for ask in [Ask::new("DELETE", &path), Ask::post(&format!("{path}/resend"))] {
        // Attack case 81: another tenant's invitation is like none.
        let reply = bolt.ask(&house, ask).await;
        assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"));
    }
    run(&mut house.test.owner().await, "alter table invitations no force row level security").await;
    run(&mut house.test.owner().await, "update invitations set expires_at = now()").await;
    assert_eq!(offered(&second).await, 401, "after seven days");
    assert_eq!(owner.ask(&house, Ask::post(&format!("{path}/resend"))).await.status, 200);
    let third = house.token_for("carl@example.com").await;
    assert_eq!(offered(&third).await, 200);
    assert_eq!(owner.ask(&house, Ask::new("DELETE", &path)).await.status, 204);
    assert_eq!(offered(&third).await, 401);
    assert_eq!(owner.ask(&house, Ask::new("DELETE", &path)).await.status, 404);
    assert_eq!(invite(&house, &mut owner, "carl@example.com", "customer_operator").await.status, 201);
}

#[tokio::test]
async fn keys_are_shown_once_work_as_said_and_are_revoked() {
    let house = House::open().await;
    let tenant = tenant(&house).await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    let new = json!({ "name": "nightly", "role": "customer_operator", "expires_in_days": 30 });
    let created = owner.ask(&house, Ask::post("/api/v1/api-keys").json(&new)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let created = created.json();
    let key = created["key"].as_str().unwrap().to_owned();
    let list = owner.ask(&house, Ask::get("/api/v1/api-keys")).await;
    assert!(!list.text().contains(&key) && !list.text().contains("hash"));
    let find =
        |list: Value| list["items"].as_array().unwrap().iter().find(|item| item["id"] == created["id"]).cloned();
    assert_eq!(find(list.json()).unwrap()["last_used_at"], Value::Null);
    let me = house.ask(&Ask::get("/api/v1/me").key(&key)).await.json();
    assert_eq!((&me["role"], tenant_of(&me)), (&json!("customer_operator"), tenant));
    let used = find(owner.ask(&house, Ask::get("/api/v1/api-keys")).await.json()).unwrap();
    assert!(used["last_used_at"].is_string() && used["expires_at"].is_string(), "{used}");
    let path = format!("/api/v1/api-keys/{}", created["id"].as_str().unwrap());
    assert_eq!(owner.ask(&house, Ask::new("DELETE", &path)).await.status, 204);
    assert_eq!(house.ask(&Ask::get("/api/v1/me").key(&key)).await.status, 401);
    for body in [
        json!({ "name": "", "role": "customer_admin" }),
        json!({ "name": "x", "role": "platform_admin" }),
        json!({ "name": "x", "role": "customer_admin", "expires_in_days": 0 }),
        json!({ "name": "x", "role": "customer_admin", "tenant_id": tenant }),
    ] {
        assert_eq!(owner.ask(&house, Ask::post("/api/v1/api-keys").json(&body)).await.status, 400, "{body}");
    }
    let log = house.audited(tenant).await;
    assert!(log.contains(&"api_key.create".into()) && log.contains(&"api_key.revoke".into()), "{log:?}");
}

#[tokio::test]
async fn a_plan_has_so_many_seats_agents_and_channels_and_the_platform_gives_more() {
    let house = House::open().await;
    let mut browser = house.signed_up("ada@example.com").await;
    let tenant = tenant_of(&browser.me(&house).await);
    for (n, status) in [(1, 201), (2, 201), (3, 409)] {
        let reply = invite(&house, &mut browser, &format!("guest{n}@example.com"), "customer_operator").await;
        assert_eq!(reply.status, status, "{}", reply.text());
        if status == 409 {
            assert_eq!(reply.problem(), "plan_limit");
            assert!(
                reply.detail().contains("`free` includes 3 members and open invitations"),
                "{}",
                reply.detail()
            );
        }
    }
    let shape = |name: &str| Ask::put("/api/v1/agents").json(&json!({ "name": name }));
    assert_eq!(browser.ask(&house, shape("Second")).await.status, 200);
    assert_eq!(browser.ask(&house, shape("Third")).await.problem(), "plan_limit");
    assert_eq!(browser.ask(&house, shape("Second")).await.status, 200, "what is there may be changed");
    let connect = |team: &str| {
        let body = json!({ "channel": "slack", "bot_token": format!("xoxb-simulated-{team}") });
        Ask::post("/api/v1/connections").json(&body)
    };
    for (team, status) in [("one", 201), ("two", 201), ("one", 201), ("three", 409)] {
        assert_eq!(browser.ask(&house, connect(team)).await.status, status, "{team}");
    }
    let user = house.user("platform").await;
    let grant = sqlx::query("update users set is_platform_admin = true where user_id = $1").bind(user);
    grant.execute(&mut house.test.system().await).await.unwrap();
    let mut platform = house.browser(user, None).await;
    let change =
        |plan: &str| Ask::new("PATCH", &format!("/api/v1/tenants/{tenant}")).json(&json!({ "plan": plan }));
    assert_eq!(platform.ask(&house, change("golden")).await.status, 400);
    assert_eq!(platform.ask(&house, change("starter")).await.status, 200);
    assert_eq!(browser.ask(&house, shape("Third")).await.status, 200);
    let list = platform.ask(&house, Ask::get("/api/v1/tenants")).await.json();
    assert_eq!((&list["items"][0]["plan"], &list["next"]), (&json!("starter"), &Value::Null));
    assert!(house.audited(tenant).await.contains(&"tenant.plan".into()));
    assert_eq!(platform.ask(&house, Ask::get("/api/v1/agents")).await.status, 403, "no content");
}
