//! What the addresses of the table of routes lead to: two tenants, people in them, and an object of each kind.

use std::collections::BTreeMap;

use shared::{
    crypto::token_hash,
    db::{
        agents::{self, AgentShape},
        api_keys, approvals,
        audit::Actor,
        budgets::{self, Limit, NewBudget, Scope},
        connections::{self, NewSlackConnection},
        conversations::notes,
        escalation_rules::{self, Shape},
        follow_ups,
        invitations::{self, NewInvitation},
        llm_keys::{self, NewLlmKey},
        mcp_servers,
        numbers::{self, NewNumber},
        people,
        rehearsals::{Draft, cases, forks},
        routines,
        sessions::{self, Device, Way},
    },
    ids::{
        AgentId, ApiKeyId, ApprovalId, BudgetId, CaseId, ConnectionId, ConversationId, DocumentId, EscalationId,
        FollowUpId, ForkId, IdentityId, InvitationId, JobId, LlmKeyId, McpServerId, MemoryId, NoteId, PersonId,
        RoutineId, RuleId, RunId, SessionId, TenantId, ToolId, TrialId, UserId, WebhookDeliveryId,
        WebhookEndpointId,
    },
};

use crate::{
    people::Browser,
    stage::House,
    wire::{Ask, Reply},
};

/// Two tenants with people in them; a new one after each answer that changed things.
pub struct Scene<'a> {
    house: &'a House,
    acme: TenantId,
    pub bolt: TenantId,
    key: String,
    people: BTreeMap<&'static str, (UserId, Browser)>,
}

impl<'a> Scene<'a> {
    pub async fn set(house: &'a House, who: &'static str) -> Self {
        let (acme, key) = house.test.tenant("acme").await;
        let (bolt, _) = house.test.tenant("bolt").await;
        let mut people = BTreeMap::new();
        let owner = house.user("owner").await;
        house.member(acme, owner, "owner").await;
        if who == "admin" {
            people.insert(who, (owner, house.browser(owner, Some(acme)).await));
        } else if who == "reader" || who == "operator" {
            let role = if who == "operator" { "customer_operator" } else { who };
            people.insert(who, house.person(acme, role).await);
        } else if who == "platform" || who == "helper" {
            let user = house.user(who).await;
            let grant = sqlx::query("update users set is_platform_admin = true where user_id = $1").bind(user);
            grant.execute(&mut house.test.system().await).await.expect("it can be granted");
            let mut browser = house.browser(user, None).await;
            if who == "helper" {
                house.let_act_as(acme, owner, &mut browser).await;
            }
            people.insert(who, (user, browser));
        }
        Self { house, acme, bolt, key, people }
    }

    pub async fn ask(&mut self, who: &str, ask: Ask) -> Reply {
        match self.people.get_mut(who) {
            Some((_, browser)) => browser.ask(self.house, ask).await,
            None if who == "key" => {
                self.house.ask(&ask.header("origin", self.house.origin()).key(&self.key)).await
            }
            None => self.house.ask(&ask.header("origin", self.house.origin())).await,
        }
    }

    /// An id to put into the address.
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of id")]
    pub async fn object(&self, who: &str, parameter: &str, object: &str) -> String {
        let tenant = if object == "own" { self.acme } else { self.bolt };
        let missing = object == "missing";
        match parameter {
            "agent_id" if missing => AgentId::new().to_string(),
            "agent_id" => self.house.agent(tenant, "Kona").await.to_string(),
            "job_id" if missing => JobId::new().to_string(),
            "job_id" => self.house.dead_job(tenant).await.to_string(),
            "id" if missing => ConnectionId::new().to_string(),
            "id" => self.number(tenant).await,
            "conversation_id" if missing => ConversationId::new().to_string(),
            "conversation_id" => self.conversation(tenant).await.to_string(),
            "fork_id" if missing => ForkId::new().to_string(),
            "fork_id" => self.fork(tenant).await,
            "case_id" if missing => CaseId::new().to_string(),
            "case_id" => self.case(tenant).await.0.to_string(),
            "trial_id" if missing => TrialId::new().to_string(),
            "trial_id" => self.case(tenant).await.1.to_string(),
            "memory_id" if missing => MemoryId::new().to_string(),
            "memory_id" => {
                let conversation = self.conversation(tenant).await;
                self.house.remembered(tenant, conversation, "What is the plan?").await.to_string()
            }
            "document_id" if missing => DocumentId::new().to_string(),
            "document_id" => self.house.given(tenant, "handbook.txt").await.to_string(),
            "rule_id" if missing => RuleId::new().to_string(),
            "rule_id" => self.rule(tenant).await,
            "escalation_id" if missing => EscalationId::new().to_string(),
            "escalation_id" => {
                let connection = self.number(tenant).await.parse().expect("a connection's id");
                let conversation = self.house.talked_over(tenant, connection).await.0;
                self.house.escalated(tenant, conversation).await
            }
            "tenant_id" if missing => TenantId::new().to_string(),
            "tenant_id" => tenant.to_string(),
            "user_id" if missing => UserId::new().to_string(),
            "user_id" => {
                let user = self.house.user("somebody").await;
                self.house.member(tenant, user, "customer_operator").await;
                user.to_string()
            }
            "invitation_id" if missing => InvitationId::new().to_string(),
            "invitation_id" => self.invitation(tenant).await,
            "key_id" if missing => ApiKeyId::new().to_string(),
            "key_id" => {
                let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
                let hash = token_hash(&shared::crypto::new_token("kst_"));
                let key = api_keys::create(&mut tx, &hash, "another", "customer_operator", None).await;
                tx.commit().await.expect("the key is stored");
                key.expect("a key can be made").id.to_string()
            }
            "tool_id" if missing => ToolId::new().to_string(),
            "tool_id" => self.house.tool(tenant).await.to_string(),
            "follow_up_id" if missing => FollowUpId::new().to_string(),
            "follow_up_id" => self.follow_up(tenant).await,
            "routine_id" if missing => RoutineId::new().to_string(),
            "routine_id" => self.routine(tenant).await,
            "server_id" if missing => McpServerId::new().to_string(),
            "server_id" => {
                // Nobody is called: it leads inside.
                let new = mcp_servers::New { name: "x", url: "https://10.0.0.1/mcp", token: None };
                let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
                let keys = &self.house.test.config.master_keys;
                let made = mcp_servers::create(&mut tx, keys, &Actor::System, &new).await.expect("there is room");
                tx.commit().await.expect("it is stored");
                made.to_string()
            }
            "endpoint_id" if missing => WebhookEndpointId::new().to_string(),
            "endpoint_id" => self.house.own_system(tenant).await.to_string(),
            "delivery_id" if missing => WebhookDeliveryId::new().to_string(),
            "delivery_id" => self.house.given_up(tenant).await.to_string(),
            "person_id" if missing => PersonId::new().to_string(),
            "person_id" => {
                let connection: ConnectionId = self.number(tenant).await.parse().expect("a connection's id");
                let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
                let person = people::meet(&mut tx, connection, "4915100000009").await.expect("they are met");
                tx.commit().await.expect("they are stored");
                person.to_string()
            }
            "approval_id" if missing => ApprovalId::new().to_string(),
            "approval_id" => self.house.waiting(tenant, self.conversation(tenant).await).await.to_string(),
            "llm_key_id" if missing => LlmKeyId::new().to_string(),
            "llm_key_id" => self.llm_key(tenant).await,
            "budget_id" if missing => BudgetId::new().to_string(),
            "budget_id" => self.budget(tenant).await,
            "session_id" if missing => SessionId::new().to_string(),
            "session_id" => {
                let user = match self.people.get(who) {
                    Some((user, _)) if object == "own" => *user,
                    _ => self.house.user("somebody").await,
                };
                let device = Device {
                    address: "127.0.0.1",
                    agent: "another",
                    way: Way { first: "password", second: None },
                };
                let opened = sessions::open(&self.house.test.db.system(), user, None, device, None).await;
                opened.expect("it opens").session.to_string()
            }
            // Nobody here has one, and each has to show a password first.
            "identity_id" => IdentityId::new().to_string(),
            other => panic!("nothing is known of `{other}`: teach routes.rs to make one"),
        }
    }

    /// With a conversation and a run of it.
    pub async fn path_of_run(&self, path: &str, object: &str) -> String {
        let tenant = if object == "own" { self.acme } else { self.bolt };
        let (conversation, run) = if object == "missing" {
            (ConversationId::new(), RunId::new())
        } else {
            let conversation = self.conversation(tenant).await;
            (
                conversation,
                self.first(tenant, "select run_id from runs where conversation_id = $1", conversation).await,
            )
        };
        path.replace("{conversation_id}", &conversation.to_string()).replace("{run_id}", &run.to_string())
    }

    /// With a conversation and a note in it that no member wrote.
    pub async fn path_of_note(&self, path: &str, object: &str) -> String {
        let tenant = if object == "own" { self.acme } else { self.bolt };
        let conversation = self.conversation(tenant).await;
        let note = if object == "missing" {
            NoteId::new()
        } else {
            let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
            let note = notes::add(&mut tx, &Actor::System, conversation, "Call them back.").await;
            tx.commit().await.expect("it is stored");
            note.expect("it is written").id
        };
        path.replace("{conversation_id}", &conversation.to_string()).replace("{note_id}", &note.to_string())
    }

    async fn first<T>(&self, tenant: TenantId, sql: &'static str, conversation: ConversationId) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let found = sqlx::query_scalar(sql).bind(conversation).fetch_all(tx.conn()).await.expect("rows");
        tx.close().await.expect("it ends");
        found.into_iter().next().expect("there is one")
    }

    async fn fork(&self, tenant: TenantId) -> String {
        let conversation = self.conversation(tenant).await;
        let said = "select message_id from messages where conversation_id = $1 order by sent_at";
        let message = self.first(tenant, said, conversation).await;
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let fork = forks::open(&mut tx, &Actor::System, (conversation, message), &Draft::default(), true).await;
        tx.commit().await.expect("it is stored");
        fork.expect("it can be forked").id.to_string()
    }

    /// A case that is being tried.
    async fn case(&self, tenant: TenantId) -> (CaseId, TrialId) {
        let shape = cases::Shape {
            name: "Hotels".into(),
            question: "How much?".into(),
            agent: None,
            must_contain: vec!["120".into()],
            must_cite: Vec::new(),
            must_escalate: false,
            blocks: false,
        };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let agent = agents::shape(&mut tx, "Kona", &AgentShape::default()).await.expect("an agent").id;
        let case = cases::create(&mut tx, &Actor::System, &shape).await.expect("a case").id;
        let (trial, _) =
            cases::run(&mut tx, &Actor::System, agent, &Draft::default(), None).await.expect("a trial");
        tx.commit().await.expect("it is stored");
        (case, trial)
    }

    async fn conversation(&self, tenant: TenantId) -> ConversationId {
        let connection = self.number(tenant).await.parse().expect("a connection's id");
        self.house.talked_over(tenant, connection).await.0
    }

    async fn follow_up(&self, tenant: TenantId) -> String {
        let conversation = self.conversation(tenant).await;
        let approval = self.house.waiting(tenant, conversation).await;
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let asked = approvals::find(&mut tx, approval).await.expect("it is read").expect("it waits");
        let now = time::OffsetDateTime::from_unix_timestamp(1_900_000_000).expect("a time");
        let due_at = now + time::Duration::days(1);
        let new =
            follow_ups::New { conversation, run: asked.run, person: asked.person, about: "tea", due_at, now };
        let id = follow_ups::set(&mut tx, &new).await.expect("it is set").expect("there is room");
        tx.commit().await.expect("it is stored");
        id.to_string()
    }

    async fn routine(&self, tenant: TenantId) -> String {
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let agent = agents::shape(&mut tx, "Kona", &AgentShape::default()).await.expect("an agent is shaped").id;
        let new = NewSlackConnection {
            team_id: format!("T{}", UserId::new().uuid().simple()),
            bot_user_id: "UBOT".into(),
            bot_id: "BBOT".into(),
            bot_token: "xoxb-x".to_owned().into(),
            ..NewSlackConnection::default()
        };
        let keys = &self.house.test.config.master_keys;
        let connection = connections::connect_slack(&mut tx, keys, &new).await.expect("it is connected").id;
        let name = UserId::new().to_string();
        let shape = routines::Shape {
            name: &name,
            agent,
            connection,
            channel: "C1",
            instruction: "Say hello.",
            schedule: "0 9 * * 1",
            business_hours: false,
            enabled: true,
            next_at: None,
        };
        let made = routines::create(&mut tx, &Actor::System, &shape).await.expect("there is room");
        tx.commit().await.expect("it is stored");
        made.id.to_string()
    }

    async fn rule(&self, tenant: TenantId) -> String {
        let shape =
            Shape { name: "Refunds".into(), condition: "refund".into(), enabled: true, assign_to: Vec::new() };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let made = escalation_rules::create(&mut tx, &Actor::System, &shape).await;
        tx.commit().await.expect("the rule is stored");
        made.expect("there is room").id.to_string()
    }

    async fn budget(&self, tenant: TenantId) -> String {
        let new =
            NewBudget { scope: Scope::Tenant, period: "month", time_zone: "UTC", limit: Limit::usd(Some(1)) };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let budget = budgets::create(&mut tx, &new).await.expect("a budget can be made");
        tx.commit().await.expect("the budget is stored");
        budget.id.to_string()
    }

    async fn llm_key(&self, tenant: TenantId) -> String {
        let url = "https://models.example.com/v1".parse().expect("a URL");
        let secret = "sk-own-0123456789".to_owned().into();
        let new = NewLlmKey {
            id: LlmKeyId::new(),
            name: "ours",
            base_url: &url,
            secret: &secret,
            hint: "6789",
            default_model: "m",
            is_default: false,
            platform_fallback: false,
            created_by: "a test",
        };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let key = llm_keys::create(&mut tx, &self.house.test.config.master_keys, &new).await;
        tx.commit().await.expect("the key is stored");
        key.expect("a key can be made").id.to_string()
    }

    /// A WhatsApp number whose account is not known yet.
    async fn number(&self, tenant: TenantId) -> String {
        let new = NewNumber {
            phone_number_id: UserId::new().uuid().simple().to_string(),
            account_id: String::new(),
            display_name: "a number".into(),
            access_token: "EAAnumber".to_owned().into(),
            own_app: None,
        };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let connection = numbers::connect(&mut tx, &self.house.test.config.master_keys, &new).await;
        tx.commit().await.expect("the number is stored");
        connection.expect("a number can be connected").id.to_string()
    }

    async fn invitation(&self, tenant: TenantId) -> String {
        let new = NewInvitation {
            mail: "somebody@example.com",
            role: "customer_operator",
            read_only: false,
            makes_owner: false,
            token: &token_hash(&shared::crypto::new_token("ksi_")),
        };
        let mut tx = self.house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let invitation =
            invitations::create(&mut tx, &Actor::System, &new).await.expect("an invitation can be made");
        tx.commit().await.expect("the invitation is stored");
        invitation.id.to_string()
    }
}
