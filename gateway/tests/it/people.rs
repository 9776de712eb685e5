//! People at browsers: cookies, the page they come from, and what they are to whom.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    db::{
        mails::{self, Mail},
        sessions::{self, Device, Way},
    },
    ids::{MailId, TenantId, UserId},
};
use sqlx::Row;

use crate::{
    stage::{House, run},
    wire::{Ask, Reply},
};

pub const PASSWORD: &str = "correct horse battery";
/// Argon2id of nothing anybody knows.
const UNKNOWN: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$DS9VJ3Q9hQmoV3b0X7k0Hm3k3Y5E6pHnK3i1lVQ3nJk";

/// A browser, as far as the gateway can tell.
#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    pub csrf: String,
}

impl Browser {
    /// Sends what a page of ours would send, and keeps the cookies that come back.
    pub async fn ask(&mut self, house: &House, ask: Ask) -> Reply {
        let ask = ask.header("origin", house.origin()).header("x-csrf-token", &*self.csrf);
        let reply = house.ask(&self.with_cookies(ask)).await;
        self.keep(&reply);
        reply
    }

    /// With the cookies alone, as a request from anywhere would carry them.
    pub fn with_cookies(&self, ask: Ask) -> Ask {
        if self.cookies.is_empty() {
            return ask;
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        ask.header("cookie", pairs.join("; "))
    }

    pub fn keep(&mut self, reply: &Reply) {
        for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, _) = cookie.split_once(';').expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        if let Ok(Value::Object(body)) = serde_json::from_slice(&reply.body)
            && let Some(token) = body.get("csrf_token").and_then(Value::as_str)
        {
            token.clone_into(&mut self.csrf);
        }
    }

    pub async fn me(&mut self, house: &House) -> Value {
        let reply = self.ask(house, Ask::get("/api/v1/me")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    pub fn access(&self) -> &str {
        &self.cookies["__Host-konstruct"]
    }

    pub fn refresh(&self) -> &str {
        &self.cookies["__Host-konstruct-refresh"]
    }
}

impl House {
    /// Where our own pages come from.
    pub fn origin(&self) -> String {
        self.test.config.public_url.origin().ascii_serialization()
    }

    /// Somebody with an account, whose password nobody knows.
    pub async fn user(&self, name: &str) -> UserId {
        let user = UserId::new();
        sqlx::query(
            "insert into users (user_id, mail, name, password_hash, mail_verified_at) values ($1, $2, $3, $4, now())",
        )
        .bind(user)
        .bind(format!("{name}-{}@example.com", user.uuid().simple()))
        .bind(name)
        .bind(UNKNOWN)
        .execute(&mut self.test.system().await)
        .await
        .expect("a user can be added");
        user
    }

    /// Makes somebody a member; `role` may be `owner`, or `reader` for an admin who may only look.
    pub async fn member(&self, tenant: TenantId, user: UserId, role: &str) {
        let name = if role == "customer_operator" { role } else { "customer_admin" };
        sqlx::query(
            "insert into memberships (tenant_id, user_id, mail, name, role, is_owner, read_only)
             select $1, user_id, mail, name, $3, $4, $5 from users where user_id = $2",
        )
        .bind(tenant)
        .bind(user)
        .bind(name)
        .bind(role == "owner")
        .bind(role == "reader")
        .execute(&mut self.test.system().await)
        .await
        .expect("a member can be added");
    }

    /// A browser that somebody is signed in with.
    pub async fn browser(&self, user: UserId, tenant: Option<TenantId>) -> Browser {
        let device =
            Device { address: "127.0.0.1", agent: "a test", way: Way { first: "password", second: None } };
        let tokens = sessions::open(&self.test.db.system(), user, tenant, device, None).await.expect("it opens");
        let mut browser = Browser::default();
        browser.cookies.insert("__Host-konstruct".into(), tokens.access);
        browser.cookies.insert("__Host-konstruct-refresh".into(), tokens.refresh);
        browser.me(self).await;
        browser
    }

    /// A new person with this role in the tenant, at a browser.
    pub async fn person(&self, tenant: TenantId, role: &str) -> (UserId, Browser) {
        let user = self.user(role).await;
        self.member(tenant, user, role).await;
        (user, self.browser(user, Some(tenant)).await)
    }

    /// Somebody who signed up through the front door.
    pub async fn signed_up(&self, mail: &str) -> Browser {
        let mut browser = Browser::default();
        let body =
            json!({ "mail": mail, "password": PASSWORD, "name": "Ada", "tenant_name": "Analytical Engines" });
        let reply = browser.ask(self, Ask::post("/api/v1/auth/signup").json(&body)).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        let token = self.token_for(mail).await;
        let body = json!({ "token": token, "password": PASSWORD });
        let reply = browser.ask(self, Ask::post("/api/v1/auth/verify").json(&body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        browser
    }

    /// The mails that wait for an address, oldest first.
    pub async fn mails_for(&self, to: &str) -> Vec<Mail> {
        let mut owner = self.test.owner().await;
        // Which tenant sent them is the question; in this clone the owner may ask.
        run(&mut owner, "alter table mails no force row level security").await;
        let rows = sqlx::query("select tenant_id, mail_id from mails where recipient = $1 order by created_at")
            .bind(to)
            .fetch_all(&mut owner)
            .await
            .expect("the owner reads");
        run(&mut owner, "alter table mails force row level security").await;
        let mut found = Vec::new();
        for row in rows {
            let (tenant, id): (TenantId, MailId) = (row.get("tenant_id"), row.get("mail_id"));
            let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
            let waiting =
                mails::waiting(&mut tx, &self.test.config.master_keys, id).await.expect("it can be read");
            found.extend(waiting.map(|waiting| waiting.mail));
        }
        found
    }

    /// The token in the newest mail for an address, which may be on its way.
    pub async fn token_for(&self, to: &str) -> String {
        for _ in 0..100 {
            if let Some(mail) = self.mails_for(to).await.pop() {
                let text = serde_json::to_value(mail).expect("a mail is JSON");
                let link = text["link"].as_str().expect("a mail has a link").to_owned();
                return link.split_once("#token=").expect("a link has a token").1.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no mail for {to}");
    }

    /// The actions in the tenant's audit log, oldest first.
    pub async fn audited(&self, tenant: TenantId) -> Vec<String> {
        let rows = self.rows(tenant, "select action from audit_events order by n").await;
        rows.iter().map(|row| row.get("action")).collect()
    }
}

/// The tenant of somebody who is signed in.
pub fn tenant_of(me: &Value) -> TenantId {
    me["tenant_id"].as_str().expect("there is a tenant").parse().expect("it is an id")
}
