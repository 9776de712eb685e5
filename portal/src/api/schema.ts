// Made from gateway/openapi.json by `npm run schema`; do not edit.

export type AcceptInvitation = { code?: string | null; name?: string | null; password: string; token: string }

export type AgentBody = { answer_tokens?: number | null; id: string; instructions: string; is_default: boolean; model?: string | null; models: (ModelBody)[]; name: string; role: string; temperature?: number | null; tone: string; tools: (string)[]; version: number }

export type AgentFiguresBody = FiguresBody & { agent?: string | null; name?: string | null }

export type AgentList = { items: (AgentBody)[] }

export type AgentVersionBody = { answer_tokens?: number | null; changed_by: string; created_at: string; instructions: string; model?: string | null; models: (ModelBody)[]; role: string; temperature?: number | null; tone: string; tools: (string)[]; version: number }

export type AgentVersionList = { items: (AgentVersionBody)[] }

export type AnalyticsEventBody = { about?: string | null; agent?: string | null; at: string; channel?: string | null; conversation?: string | null; cost_micro_usd?: number | null; kind: string; model?: string | null; person?: string | null; spent_ms?: number | null }

export type AnalyticsEventList = { items: (AnalyticsEventBody)[]; next_cursor?: string | null }

export type AnalyticsReport = { agents: (AgentFiguresBody)[]; as_of?: string | null; channels: (ChannelFiguresBody)[]; days: (DayFiguresBody)[]; days_waiting: number; from: string; time_zone: string; to: string; total: FiguresBody }

export type ApiKeyBody = { created_at: string; expires_at?: string | null; id: string; last_used_at?: string | null; name: string; role: string }

export type ApiKeyList = { items: (ApiKeyBody)[] }

export type ApprovalBody = { agent: string; arguments: object; asked_at: string; call_state: string; conversation_id: string; decided_at?: string | null; decided_by?: string | null; decided_name?: string | null; digest: string; expires_at: string; id: string; person: string; person_id: string; result?: string | null; run_id: string; state: string; tool: string; tool_id?: string | null }

export type ApprovalList = { items: (ApprovalBody)[]; next_cursor?: string | null }

export type Assign = { user_id?: string | null }

export type Begin = { app_id?: string | null; client_id?: string | null; client_secret?: string | null; signing_secret?: string | null }

export type BeginImpersonation = { member: string; reason: string; tenant_id: string; ticket: string }

export type BeginTotp = { password: string }

export type BeginVisit = { invitation?: string | null }

export type Begun = { run: string }

export type BillingBody = { access: string; plan: string; plans: (PlanBody)[]; sells: boolean; subscription?: SubscriptionBody | null }

export type BindingBody = { agent: string; channel?: string | null; connection?: string | null; keyword?: string | null }

export type BindingList = { items: (BindingBody)[] }

export type BudgetBody = { budget_limit?: number | null; budget_limit_usd?: number | null; currency: string; id: string; limit: string; period: string; period_start: string; reserved: number; reserved_usd: number; scope: string; spent: number; spent_micro_usd: number; spent_usd: number; target?: string | null; time_zone: string; usd_per_unit: string }

export type BudgetList = { items: (BudgetBody)[] }

export type BudgetRequest = { budget_limit?: number | null; budget_limit_usd?: number | null; period: Period; scope: string; target?: string | null; time_zone?: string | null }

export type CallBody = { at: string; cost_micro_usd?: number | null; estimated: boolean; input_tokens: number; model: string; output_tokens: number; purpose: string; status: string }

export type CaseBody = { agent_id?: string | null; blocks: boolean; id: string; must_cite: (string)[]; must_contain: (string)[]; must_escalate: boolean; name: string; question: string }

export type CaseList = { items: (CaseBody)[] }

export type CaseShape = { agent_id?: string | null; blocks?: boolean | null; must_cite?: (string)[] | null; must_contain?: (string)[] | null; must_escalate?: boolean | null; name: string; question: string }

export type ChangeBudget = { budget_limit?: number | null; budget_limit_usd?: number | null }

export type ChangeConsent = { access: string }

export type ChangeLlmKey = { base_url?: string | null; default_model?: string | null; is_default?: boolean | null; key?: string | null; name?: string | null; platform_fallback?: boolean | null }

export type ChangeMember = { read_only?: boolean | null; role?: Role | null }

export type ChangePassword = { current: string; password: string }

export type ChangeRoutine = { agent?: string | null; business_hours?: boolean | null; channel?: string | null; connection?: string | null; enabled?: boolean | null; instruction?: string | null; name?: string | null; schedule?: string | null }

export type ChangeTenant = { plan: string }

export type ChangeTool = { answer_max?: number | null; arguments?: object | null; class?: string | null; description?: string | null; enabled?: boolean | null; method?: string | null; name?: string | null; remove_secret?: boolean; secret?: SecretBody | null; timeout_ms?: number | null; url?: string | null }

export type ChangeWebhookEndpoint = { actions?: (string)[] | null; enabled?: boolean | null; url?: string | null; with_text?: boolean | null }

export type ChannelBody = { channel: string; connection: string; kind: string; name: string; shared: boolean; state: string }

export type ChannelFiguresBody = FiguresBody & { channel: string }

export type ChannelList = { items: (ChannelBody)[] }

export type Confirm = { digest: string }

export type ConfirmTotp = { code: string }

export type Connect = { app_id?: string | null; bot_token: string; channel: "slack"; signing_secret?: string | null } | { access_token: string; account_id?: string | null; app_secret?: string | null; channel: "whatsapp"; phone_number_id: string; verify_token?: string | null }

export type ConnectionBody = { app_id?: string | null; bot_user_id: string; channel: string; created_at: string; display_name: string; events_url: string; external_id: string; id: string; status: string }

export type ConnectionList = { items: (ConnectionBody)[] }

export type ConsentBody = { access: string; since: string }

export type ConversationBody = { channel: string; connection_id: string; found?: FoundBody | null; handler: string; id: string; kind: string; last_message?: LastBody | null; last_message_at: string; place: string; place_name: string; waiting_since?: string | null }

export type ConversationList = { items: (ConversationBody)[]; next_cursor?: string | null }

export type CorrectMemory = { text: string; value?: string | null }

export type CreatedApiKey = ApiKeyBody & { key: string }

export type CurrencyBody = { currency: string; rates: (RateBody)[]; usd_per_unit: string }

export type CurrencyRequest = { currency: string }

export type DayFiguresBody = FiguresBody & { day: string }

export type DeadLetterBody = { attempts: number; created_at: string; error?: string | null; given_up_at?: string | null; id: string; kind: string; tenant: string; tenant_id: string }

export type DeadLetterList = { items: (DeadLetterBody)[]; next_cursor?: string | null }

export type DeliveryBody = { error?: string | null; kind: string; sent_at?: string | null; state: string; written_at: string }

export type DeskBody = { channel: string; connection: string }

export type DeviceBody = { address: string; agent: string; created_at: string; id: string; is_current: boolean; last_seen_at: string }

export type DeviceList = { items: (DeviceBody)[] }

export type DocumentBody = { agent_ids: (string)[]; content_type: string; created_at: string; id: string; name: string; passages: number; reason?: string | null; size: number; source?: SourceBody | null; state: string; title: string }

export type DocumentList = { items: (DocumentBody)[]; next_cursor?: string | null }

export type DraftBody = { instructions?: string | null; memory?: boolean | null; model?: string | null }

export type EndTotp = { code: string; password: string }

export type ErasureBody = { certificate?: string | null; counts: object; finished_at?: string | null; id: string; people: (string)[]; requested_at: string; requested_by: string }

export type ErasureList = { items: (ErasureBody)[] }

export type EscalationBody = { assigned_to?: string | null; closed_at?: string | null; conversation_id: string; id: string; meant_for?: string | null; message_id?: string | null; opened_at: string; person: string; person_id: string; reason: string; rule?: RuleRef | null; state: string; summary: string; taken_at?: string | null }

export type EscalationDesk = { desk?: DeskBody | null }

export type EscalationList = { items: (EscalationBody)[]; next_cursor?: string | null }

export type EventBody = { action: string; actor_id: string; actor_kind: string; actor_name?: string | null; at: string; detail: object; n: number; target_id: string; target_kind: string }

export type EventData = { id: string } | { approvals: number; unseen: number; waiting: number }

export type EventList = { items: (EventBody)[]; next_cursor?: string | null }

export type ExchangeBody = { answer: ReplayBody; text?: string | null }

export type Explained = { agent: string; agent_name: string; because: string }

export type FactBody = { attribute: string; corrected_by?: string | null; decision: boolean; source_conversation_ids: (string)[]; source_message_ids: (string)[]; subject: string; valid_until?: string | null; value: string }

export type Fallback = { language?: string | null; template?: string | null }

export type FaultBody = { detail: string; kind: string; n: number }

export type FiguresBody = { answer?: TimesBody | null; answer_rate?: number | null; answered: number; answers: number; bad: number; channel_cost_micro_usd: number; channel_cost_usd: number; channel_sends: number; closed: number; conversations: number; cost_micro_usd: number; cost_usd: number; escalated: number; escalations: number; failed_calls: number; failures: number; first_answer?: TimesBody | null; good: number; human?: TimesBody | null; interruptions: number; messages: number; model_calls: number; operator_messages: number; released: number; taken_over: number; takeover_rate?: number | null; unpriced_calls: number; unpriced_sends: number }

export type FileBody = { content_type: string; name: string; size?: number | null; state: string }

export type FinishVisit = { code?: string | null; name?: string | null; password?: string | null; tenant_name?: string | null }

export type FollowUpBody = { about: string; conversation_id: string; created_at: string; due_at: string; ended_at?: string | null; id: string; person: string; person_id: string; state: string }

export type FollowUpList = { items: (FollowUpBody)[]; next_cursor?: string | null }

export type ForgotPassword = { mail: string }

export type ForgottenBody = { characters: number; conversation_id?: string | null; had_vector: boolean; id: string; message_id?: string | null }

export type ForkBody = { agent_id: string; conversation_id: string; created_at: string; id: string; instructions?: string | null; memory: boolean; message_id: string; model?: string | null }

export type ForkList = { items: (ForkBody)[] }

export type ForkShown = { fork: ForkBody; original: (MessageBody)[]; side: (ExchangeBody)[] }

export type FoundBody = { author: string; author_kind: string; excerpt: string; message_id: string; sent_at: string }

export type GivenAddress = { address: string; agent_ids?: (string)[] | null; every_hours?: number | null; sitemap?: boolean | null; title?: string | null }

export type Handler = { changed: boolean; handler: string }

export type History = { items: (SampleBody)[]; minutes: number; providers: (ProviderSampleBody)[] }

export type IdentityBody = { created_at: string; id: string; issuer: string; label: string; last_used_at: string }

export type IdentityList = { items: (IdentityBody)[] }

export type ImpersonationBody = { can_write: boolean; expires_at: string; id: string; is_over: boolean; reason: string; tenant_id: string; tenant_name: string; ticket: string; user_id: string; user_name: string }

export type InstallLink = { expires_in_seconds: number; redirect_url: string; url: string }

export type InvitationBody = { created_at: string; expires_at: string; id: string; mail: string; read_only: boolean; role: string }

export type InvitationList = { items: (InvitationBody)[] }

export type Invite = { mail: string; read_only?: boolean; role: Role }

export type JourneyBody = { agent?: string | null; answers: number; bad: number; began_at: string; channel: string; channel_cost_micro_usd: number; channel_cost_usd: number; closed: boolean; conversation: string; cost_micro_usd: number; cost_usd: number; escalations: number; first_answer_ms?: number | null; good: number; last_message_at: string; messages: number; released: boolean; taken_over: boolean }

export type JourneyList = { items: (JourneyBody)[]; next_cursor?: string | null }

export type Languages = { languages: (string)[] | null }

export type LastBody = { author: string; author_kind: string; excerpt: string }

export type LeftOut = { name: string; why: string }

export type LiftSuspension = { waiting: string }

export type LlmKeyBody = { created_at: string; created_by: string; default_model: string; host: string; id: string; is_default: boolean; key_hint: string; name: string; platform_fallback: boolean; replaced_at?: string | null }

export type LlmKeyList = { items: (LlmKeyBody)[] }

export type LlmKeyRequest = { base_url: string; default_model: string; is_default?: boolean; key: string; name: string; platform_fallback?: boolean }

export type LoadBody = { jobs_dead: number; jobs_waiting: number; lanes_waiting: number; oldest_job_seconds: number; oldest_lane_seconds: number }

export type LoginBody = { code?: string | null; mail: string; password: string }

export type LookedAt = { left_out: (LeftOut)[]; locked: number; new: number; server: McpServerBody }

export type MadeWebhookEndpoint = WebhookEndpointBody & { secret: string }

export type Mailed = { detail: string }

export type MarkPerson = { vip: boolean }

export type MarkedPerson = { id: string; name: string; vip: boolean }

export type Match = { conversation_id: string; excerpt: string; message_id: string; reason: string; sent_at: string }

export type McpServerBody = { created_at: string; created_by: string; id: string; looked_at: string; name: string; token_hint?: string | null; url: string }

export type McpServerList = { items: (McpServerBody)[] }

export type Me = { currency: string; role: string; tenant_id: string; tenant_name: string } | Session

export type MemberBody = { created_at: string; is_owner: boolean; mail: string; name: string; read_only: boolean; role: string; user_id: string }

export type MemberList = { items: (MemberBody)[] }

export type MembershipBody = { is_owner: boolean; read_only: boolean; role: string; tenant_id: string; tenant_name: string }

export type MemoryBody = { audience: string; author: string; channel: string; conversation_id: string; fact?: FactBody | null; id: string; kind: string; message_id: string; person_id: string; place: string; place_name: string; said_at: string; text: string }

export type MemoryDetail = MemoryBody & { recalled_in: (UseBody)[] }

export type MemoryList = { items: (MemoryBody)[]; next_cursor?: string | null }

export type MessageBody = { author: string; author_kind: string; deleted_at?: string | null; edited_at?: string | null; files: (FileBody)[]; id: string; interrupted?: string | null; run_id?: string | null; sent_at: string; text: string; trouble?: TroubleBody | null }

export type MessageList = { items: (MessageBody)[]; next_cursor?: string | null }

export type ModelBody = { llm_key?: string | null; model: string }

export type ModelPriceBody = { cached_usd?: number | null; created_by: string; effective_from: string; input_usd: number; model: string; output_usd: number }

export type ModelPriceList = { items: (ModelPriceBody)[] }

export type ModelPriceRequest = { cached_usd?: number | null; effective_from?: string | null; input_usd: number; model: string; output_usd: number }

export type NewApiKey = { expires_in_days?: number | null; name: string; role: Role }

export type NewCheckout = { plan: string }

export type NewErasure = { people: (string)[] }

export type NewMcpServer = { name: string; token?: string | null; url: string }

export type NewNote = { text: string }

export type NewRoutine = { agent: string; business_hours?: boolean; channel: string; connection: string; enabled?: boolean | null; instruction: string; name: string; schedule: string }

export type NewRule = { assign_to?: (string)[] | null; condition: string; enabled?: boolean | null; name: string }

export type NewTool = { answer_max?: number | null; arguments?: object; class: string; description: string; enabled?: boolean | null; method: string; name: string; secret?: SecretBody | null; timeout_ms?: number | null; url: string }

export type NewWebhookEndpoint = { actions?: (string)[]; url: string; with_text?: boolean }

export type NoteBody = { author?: string | null; author_id: string; created_at: string; id: string; text: string }

export type NoteList = { items: (NoteBody)[]; next_cursor?: string | null }

export type NoticeBody = { body: string; connection_id?: string | null; conversation_id?: string | null; created_at: string; id: string; kind: string; seen_at?: string | null }

export type NoticeList = { cursor?: string | null; items: (NoticeBody)[] }

export type OfferBody = { has_account: boolean; mail: string; role: string; tenant_name: string }

export type OfficeHours = { closed_days?: (string)[]; time_zone: string; week?: object }

export type OpenFork = { draft?: DraftBody | null; message_id: string }

export type OpinionBody = { at: string; comment?: string | null; person: string; verdict: string }

export type PageBody = { url: string }

export type PassageBody = { id: string; score: number; text: string; title: string }

export type PassageList = { by_meaning: boolean; items: (PassageBody)[] }

export type Period = "month" | "day"

export type PersonBody = { channel: string; connection_id: string; connection_name: string; external_id: string; id: string; is_being_erased: boolean; known_since: string; name: string; opted_out: boolean; phone?: string | null; standing: string; vip: boolean }

export type PersonDetail = PersonBody & { also: (PersonBody)[]; counts: object; last_wrote_at?: string | null; own_conversations: number; shared_conversations: number }

export type PersonExport = { cut: (string)[]; left_out: object; people: (string)[]; rows: object }

export type PersonList = { items: (PersonBody)[]; next_cursor?: string | null }

export type PieceBody = { kind: string; text: string }

export type PlanBody = { agents?: number | null; channels?: number | null; name: string; seats?: number | null; sold: boolean }

export type PolicyBody = { answers_bots: boolean; outsiders: Strangers }

export type Problem = { code: string; detail: string; status: number; title: string; type: string }

export type ProcessBody = { alive: boolean; beat_at: string; name: string; role: string; started_at: string; version: string }

export type PromptBody = { conversation: number; files: number; instructions: number; memories: number; messages: number; model_ms: number; recall_ms: number; summary: number }

export type ProveOwner = { code?: string | null; password: string }

export type ProviderBody = { name: string }

export type ProviderHealthBody = { answered: number; failed: number; last_answered_at?: string | null; last_failed_at?: string | null; provider: string }

export type ProviderPage = { url: string }

export type ProviderSampleBody = { answered: number; at: string; failed: number; provider: string }

export type RateBody = { currency: string; effective_from: string; usd_per_unit: string }

export type RecalledBody = { author?: string | null; memory_id: string; said_at?: string | null; score: number; text?: string | null }

export type RecoveryCodes = { recovery_codes: (string)[] }

export type RelatedBody = { conversation_id: string; excerpt?: string | null; nearness?: number | null; tags: (string)[] }

export type RelatedList = { items: (RelatedBody)[] }

export type RemoteBody = { id: string; locked_at?: string | null; name: string; read_only_hint: boolean; seen?: SeenBody | null }

export type ReplayBody = { answer?: string | null; answered_by?: string | null; created_at: string; diff: (PieceBody)[]; finished_at?: string | null; id: string; input_tokens: number; instructions?: string | null; memory: boolean; model?: string | null; output_tokens: number; reason?: string | null; recalled: (string)[]; state: string }

export type ReplayList = { items: (ReplayBody)[]; original?: string | null }

export type Replied = { message_id: string }

export type Reply = { asks_for_number?: boolean; name?: string | null; text: string }

export type ResetPassword = { password: string; token: string }

export type RetentionBody = { deliveries_days: number | null; facts_days: number | null; inbox_days: number | null; jobs_days: number | null; messages_days: number | null; runs_days: number | null }

export type Role = "customer_admin" | "customer_operator"

export type RoutineBody = { agent: string; business_hours: boolean; channel: string; connection: string; created_at: string; created_by: string; enabled: boolean; id: string; instruction: string; last_at?: string | null; name: string; next_at?: string | null; schedule: string }

export type RoutineList = { items: (RoutineBody)[] }

export type RuleBody = { assign_to: (string)[]; changed_at: string; changed_by: string; condition: string; deleted: boolean; enabled: boolean; id: string; name: string; version: number }

export type RuleChange = { assign_to?: (string)[] | null; condition?: string | null; enabled?: boolean | null; name?: string | null; version?: number | null }

export type RuleList = { items: (RuleBody)[] }

export type RuleRef = { id: string; name: string; version: number }

export type RuleVersions = { items: (RuleBody)[] }

export type RunCases = { agent_id: string; case_ids?: (string)[] | null; draft?: DraftBody | null }

export type SampleBody = { at: string; gateways: number; load: LoadBody; orchestrators: number; workers: number }

export type Say = { text?: string | null }

export type SecretBody = { header: string; value: string }

export type Seen = { ids: (string)[] }

export type SeenBody = { arguments: object; description: string; digest: string }

export type SeenCount = { new: number }

export type Session = { csrf_token: string; impersonation?: ImpersonationBody | null; is_owner: boolean; memberships: (MembershipBody)[]; read_only: boolean; role?: string | null; suspended?: SuspensionBody | null; tenant_id?: string | null; tenant_name?: string | null; user: SessionUser }

export type SessionUser = { has_second_factor: boolean; id: string; is_platform_admin: boolean; mail: string; name: string }

export type ShapeAgent = { answer_tokens?: number | null; instructions?: string | null; model?: string | null; models?: (ModelBody)[] | null; name: string; role?: string | null; temperature?: number | null; tone?: string | null; tools?: (string)[] | null }

export type ShowInvitation = { token: string }

export type SignInOptions = { provider?: ProviderBody | null; signup: boolean }

export type SignUpBody = { mail: string; name: string; password: string; tenant_name?: string | null }

export type Signup = { account_id: string; code: string; phone_number_id: string; pin?: string | null }

export type Simulate = { condition: string; conversations?: number | null }

export type Simulated = { complete: boolean; condition: string; conversations: number; escalated: number; items: (Match)[] }

export type SourceBody = { address: string; every_hours: number; fetched_at?: string | null; is_sitemap: boolean; listed_by?: string | null; looked_at?: string | null; reason?: string | null }

export type StatusBody = { load: LoadBody; processes: (ProcessBody)[]; providers: (ProviderHealthBody)[]; version: string }

export type StepBody = { agent: string; arrived_at?: string | null; calls: (CallBody)[]; deliveries: (DeliveryBody)[]; finished_at?: string | null; messages: number; opinions: (OpinionBody)[]; prompt?: PromptBody | null; reason?: string | null; recalled: (RecalledBody)[]; run_id?: string | null; started_at?: string | null; state: string; tool_calls: (ToolCallBody)[] }

export type Strangers = "ignore" | "answer_without_memory" | "like_members"

export type SubscriptionBody = { cancel_at?: string | null; current_period_end?: string | null; past_due_since?: string | null; plan?: string | null; status: string }

export type SuspendTenant = { reason: string }

export type SuspensionBody = { reason: string; since: string }

export type SwitchTenant = { tenant_id: string }

export type Tags = { tags: (string)[] }

export type TemplateBody = { category: string; language: string; name: string; status: string }

export type TemplateList = { items: (TemplateBody)[] }

export type TenantBody = { created_at: string; id: string; name: string; plan: string; support_access: string; suspended?: SuspensionBody | null }

export type TenantList = { items: (TenantBody)[]; next?: string | null }

export type TimesBody = { count: number; p50_ms: number; p90_ms: number; p95_ms: number }

export type ToolBody = { answer_max: number; arguments: object; changed_at: string; class: string; created_at: string; created_by: string; description: string; enabled: boolean; header?: string | null; id: string; method: string; name: string; secret_hint?: string | null; server?: RemoteBody | null; timeout_ms: number; url: string }

export type ToolCallBody = { approval?: string | null; arguments: object; attempts: number; class: string; decided_name?: string | null; finished_at?: string | null; id: string; result?: string | null; started_at: string; state: string; tool: string }

export type ToolList = { built_in: (string)[]; items: (ToolBody)[] }

export type TotpSecret = { secret: string; uri: string }

export type Trace = { items: (StepBody)[]; next_cursor?: string | null }

export type TrialBody = { failed: number; id: string; items: (TriedBody)[]; passed: number; state: string }

export type TriedBody = { answer: ReplayBody; case_id: string; complaints: (string)[]; name: string; passed: boolean }

export type TroubleBody = { reason: string; state: string }

export type UsageBody = { audio_seconds: number; calls: number; cost: number; cost_micro_usd: number; cost_usd: number; failed_calls: number; input_tokens: number; key?: string | null; name?: string | null; output_tokens: number; own_cost: number; own_cost_usd: number; unpriced_calls: number }

export type UsageReport = { currency: string; from: string; items: (UsageBody)[]; time_zone: string; to: string; usd_per_unit: string }

export type UseBody = { at: string; conversation_id: string; rank: number; run_id: string; score: number }

export type VerdictBody = { events: number; fault?: FaultBody | null; head: string; whole: boolean }

export type VerifyBody = { password: string; token: string }

export type WebhookDeliveryBody = { action: string; attempts: number; created_at: string; error?: string | null; finished_at?: string | null; id: string; message?: string | null; n?: number | null; notice?: string | null; state: string; status?: number | null }

export type WebhookDeliveryList = { items: (WebhookDeliveryBody)[]; next_cursor?: string | null }

export type WebhookEndpointBody = { actions: (string)[]; created_at: string; created_by: string; enabled: boolean; failing_since?: string | null; id: string; url: string; with_text: boolean }

export type WebhookEndpointList = { items: (WebhookEndpointBody)[] }

export type WhatsAppSignup = { app_id?: string | null; available: boolean; config_id?: string | null; graph_version: string }

/** What each route takes and answers. */
export interface Operations {
  'GET /api/v1/agents': {
    request: object
    answer: AgentList
  }
  'PUT /api/v1/agents': {
    request: { headers?: { 'if-match'?: string }; body: ShapeAgent }
    answer: AgentBody
  }
  'GET /api/v1/agents/{agent_id}/versions': {
    request: { path: { agent_id: string } }
    answer: AgentVersionList
  }
  'GET /api/v1/analytics': {
    request: { query?: { from?: string | null; to?: string | null; agent?: string | null; channel?: string | null } }
    answer: AnalyticsReport
  }
  'GET /api/v1/analytics/events': {
    request: { query?: { from?: string | null; to?: string | null; kind?: string | null; conversation?: string | null; agent?: string | null; person?: string | null; channel?: string | null; cursor?: string | null; limit?: number | null } }
    answer: AnalyticsEventList
  }
  'GET /api/v1/analytics/events/export': {
    request: { query?: { from?: string | null; to?: string | null; kind?: string | null; conversation?: string | null; agent?: string | null; person?: string | null; channel?: string | null; cursor?: string | null; limit?: number | null } }
    answer: undefined
  }
  'GET /api/v1/analytics/export': {
    request: { query?: { from?: string | null; to?: string | null; agent?: string | null; channel?: string | null } }
    answer: undefined
  }
  'GET /api/v1/analytics/journeys': {
    request: { query?: { from?: string | null; to?: string | null; agent?: string | null; channel?: string | null; cursor?: string | null; limit?: number | null } }
    answer: JourneyList
  }
  'GET /api/v1/analytics/journeys/export': {
    request: { query?: { from?: string | null; to?: string | null; agent?: string | null; channel?: string | null; cursor?: string | null; limit?: number | null } }
    answer: undefined
  }
  'GET /api/v1/api-keys': {
    request: object
    answer: ApiKeyList
  }
  'POST /api/v1/api-keys': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewApiKey }
    answer: CreatedApiKey
  }
  'DELETE /api/v1/api-keys/{key_id}': {
    request: { path: { key_id: string } }
    answer: undefined
  }
  'GET /api/v1/approvals': {
    request: { query?: { state?: string | null; cursor?: string | null; limit?: number | null } }
    answer: ApprovalList
  }
  'POST /api/v1/approvals/{approval_id}/approve': {
    request: { path: { approval_id: string } }
    answer: ApprovalBody
  }
  'POST /api/v1/approvals/{approval_id}/deny': {
    request: { path: { approval_id: string } }
    answer: ApprovalBody
  }
  'GET /api/v1/audit': {
    request: { query?: { cursor?: string | null; limit?: number | null; action?: string | null; actor?: string | null } }
    answer: EventList
  }
  'POST /api/v1/audit/verify': {
    request: object
    answer: VerdictBody
  }
  'POST /api/v1/auth/accept': {
    request: { body: AcceptInvitation }
    answer: Session
  }
  'GET /api/v1/auth/identities': {
    request: object
    answer: IdentityList
  }
  'POST /api/v1/auth/identities': {
    request: { body: ProveOwner }
    answer: ProviderPage
  }
  'DELETE /api/v1/auth/identities/{identity_id}': {
    request: { path: { identity_id: string }; body: ProveOwner }
    answer: undefined
  }
  'POST /api/v1/auth/invitation': {
    request: { body: ShowInvitation }
    answer: OfferBody
  }
  'POST /api/v1/auth/login': {
    request: { body: LoginBody }
    answer: Session
  }
  'POST /api/v1/auth/logout': {
    request: object
    answer: undefined
  }
  'GET /api/v1/auth/options': {
    request: object
    answer: SignInOptions
  }
  'POST /api/v1/auth/password': {
    request: { body: ChangePassword }
    answer: undefined
  }
  'POST /api/v1/auth/password/forgot': {
    request: { body: ForgotPassword }
    answer: Mailed
  }
  'POST /api/v1/auth/password/reset': {
    request: { body: ResetPassword }
    answer: undefined
  }
  'POST /api/v1/auth/provider': {
    request: { body: BeginVisit }
    answer: ProviderPage
  }
  'POST /api/v1/auth/provider/finish': {
    request: { body: FinishVisit }
    answer: Session
  }
  'POST /api/v1/auth/refresh': {
    request: object
    answer: Session
  }
  'GET /api/v1/auth/sessions': {
    request: object
    answer: DeviceList
  }
  'DELETE /api/v1/auth/sessions': {
    request: { body: ProveOwner }
    answer: undefined
  }
  'DELETE /api/v1/auth/sessions/{session_id}': {
    request: { path: { session_id: string }; body: ProveOwner }
    answer: undefined
  }
  'POST /api/v1/auth/signup': {
    request: { body: SignUpBody }
    answer: Mailed
  }
  'POST /api/v1/auth/tenant': {
    request: { body: SwitchTenant }
    answer: Session
  }
  'POST /api/v1/auth/totp': {
    request: { body: BeginTotp }
    answer: TotpSecret
  }
  'DELETE /api/v1/auth/totp': {
    request: { body: EndTotp }
    answer: undefined
  }
  'POST /api/v1/auth/totp/confirm': {
    request: { body: ConfirmTotp }
    answer: RecoveryCodes
  }
  'POST /api/v1/auth/verify': {
    request: { body: VerifyBody }
    answer: Session
  }
  'GET /api/v1/billing': {
    request: object
    answer: BillingBody
  }
  'POST /api/v1/billing/checkout': {
    request: { body: NewCheckout }
    answer: PageBody
  }
  'POST /api/v1/billing/portal': {
    request: object
    answer: PageBody
  }
  'POST /api/v1/billing/refresh': {
    request: object
    answer: undefined
  }
  'GET /api/v1/bindings': {
    request: object
    answer: BindingList
  }
  'PUT /api/v1/bindings': {
    request: { body: BindingList }
    answer: BindingList
  }
  'GET /api/v1/bindings/explain': {
    request: { query?: { connection?: string | null; channel?: string | null; text?: string | null } }
    answer: Explained
  }
  'GET /api/v1/budgets': {
    request: object
    answer: BudgetList
  }
  'POST /api/v1/budgets': {
    request: { headers?: { 'idempotency-key'?: string }; body: BudgetRequest }
    answer: BudgetBody
  }
  'PATCH /api/v1/budgets/{budget_id}': {
    request: { path: { budget_id: string }; body: ChangeBudget }
    answer: BudgetBody
  }
  'DELETE /api/v1/budgets/{budget_id}': {
    request: { path: { budget_id: string } }
    answer: undefined
  }
  'GET /api/v1/cases': {
    request: object
    answer: CaseList
  }
  'POST /api/v1/cases': {
    request: { headers?: { 'idempotency-key'?: string }; body: CaseShape }
    answer: CaseBody
  }
  'POST /api/v1/cases/run': {
    request: { headers?: { 'idempotency-key'?: string }; body: RunCases }
    answer: TrialBody
  }
  'GET /api/v1/cases/trials/{trial_id}': {
    request: { path: { trial_id: string } }
    answer: TrialBody
  }
  'PUT /api/v1/cases/{case_id}': {
    request: { path: { case_id: string }; body: CaseShape }
    answer: CaseBody
  }
  'DELETE /api/v1/cases/{case_id}': {
    request: { path: { case_id: string } }
    answer: undefined
  }
  'GET /api/v1/channels': {
    request: object
    answer: ChannelList
  }
  'GET /api/v1/connections': {
    request: object
    answer: ConnectionList
  }
  'POST /api/v1/connections': {
    request: { headers?: { 'idempotency-key'?: string }; body: Connect }
    answer: ConnectionBody
  }
  'POST /api/v1/connections/slack/install': {
    request: { headers?: { 'idempotency-key'?: string }; body: Begin }
    answer: InstallLink
  }
  'GET /api/v1/connections/whatsapp-signup': {
    request: object
    answer: WhatsAppSignup
  }
  'POST /api/v1/connections/whatsapp-signup': {
    request: { headers?: { 'idempotency-key'?: string }; body: Signup }
    answer: ConnectionBody
  }
  'PUT /api/v1/connections/{id}/fallback-template': {
    request: { path: { id: string }; body: Fallback }
    answer: undefined
  }
  'GET /api/v1/connections/{id}/policy': {
    request: { path: { id: string } }
    answer: PolicyBody
  }
  'PUT /api/v1/connections/{id}/policy': {
    request: { path: { id: string }; body: PolicyBody }
    answer: PolicyBody
  }
  'GET /api/v1/connections/{id}/templates': {
    request: { path: { id: string } }
    answer: TemplateList
  }
  'GET /api/v1/conversations': {
    request: { query?: { cursor?: string | null; limit?: number | null; q?: string | null; channel?: string | null; who?: string | null } }
    answer: ConversationList
  }
  'GET /api/v1/conversations/{conversation_id}': {
    request: { path: { conversation_id: string } }
    answer: ConversationBody
  }
  'GET /api/v1/conversations/{conversation_id}/forks': {
    request: { path: { conversation_id: string } }
    answer: ForkList
  }
  'POST /api/v1/conversations/{conversation_id}/forks': {
    request: { path: { conversation_id: string }; headers?: { 'idempotency-key'?: string }; body: OpenFork }
    answer: ForkBody
  }
  'GET /api/v1/conversations/{conversation_id}/messages': {
    request: { path: { conversation_id: string }; query?: { cursor?: string | null; limit?: number | null } }
    answer: MessageList
  }
  'GET /api/v1/conversations/{conversation_id}/notes': {
    request: { path: { conversation_id: string }; query?: { cursor?: string | null; limit?: number | null } }
    answer: NoteList
  }
  'POST /api/v1/conversations/{conversation_id}/notes': {
    request: { path: { conversation_id: string }; headers?: { 'idempotency-key'?: string }; body: NewNote }
    answer: NoteBody
  }
  'DELETE /api/v1/conversations/{conversation_id}/notes/{note_id}': {
    request: { path: { conversation_id: string; note_id: string } }
    answer: undefined
  }
  'GET /api/v1/conversations/{conversation_id}/related': {
    request: { path: { conversation_id: string } }
    answer: RelatedList
  }
  'POST /api/v1/conversations/{conversation_id}/release': {
    request: { path: { conversation_id: string } }
    answer: Handler
  }
  'POST /api/v1/conversations/{conversation_id}/reply': {
    request: { path: { conversation_id: string }; headers?: { 'idempotency-key'?: string }; body: Reply }
    answer: Replied
  }
  'POST /api/v1/conversations/{conversation_id}/runs/{run_id}/replay': {
    request: { path: { conversation_id: string; run_id: string }; headers?: { 'idempotency-key'?: string }; body: DraftBody }
    answer: ReplayBody
  }
  'GET /api/v1/conversations/{conversation_id}/runs/{run_id}/replays': {
    request: { path: { conversation_id: string; run_id: string } }
    answer: ReplayList
  }
  'GET /api/v1/conversations/{conversation_id}/tags': {
    request: { path: { conversation_id: string } }
    answer: Tags
  }
  'PUT /api/v1/conversations/{conversation_id}/tags': {
    request: { path: { conversation_id: string }; body: Tags }
    answer: Tags
  }
  'POST /api/v1/conversations/{conversation_id}/takeover': {
    request: { path: { conversation_id: string } }
    answer: Handler
  }
  'GET /api/v1/conversations/{conversation_id}/trace': {
    request: { path: { conversation_id: string }; query?: { cursor?: string | null; limit?: number | null } }
    answer: Trace
  }
  'GET /api/v1/currency': {
    request: object
    answer: CurrencyBody
  }
  'PUT /api/v1/currency': {
    request: { body: CurrencyRequest }
    answer: CurrencyBody
  }
  'GET /api/v1/dead-letters': {
    request: { query?: { cursor?: string | null; limit?: number | null } }
    answer: DeadLetterList
  }
  'POST /api/v1/dead-letters/{job_id}/discard': {
    request: { path: { job_id: string } }
    answer: undefined
  }
  'POST /api/v1/dead-letters/{job_id}/retry': {
    request: { path: { job_id: string } }
    answer: undefined
  }
  'GET /api/v1/escalation-desk': {
    request: object
    answer: EscalationDesk
  }
  'PUT /api/v1/escalation-desk': {
    request: { body: DeskBody }
    answer: EscalationDesk
  }
  'DELETE /api/v1/escalation-desk': {
    request: object
    answer: undefined
  }
  'GET /api/v1/escalation-rules': {
    request: object
    answer: RuleList
  }
  'POST /api/v1/escalation-rules': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewRule }
    answer: RuleBody
  }
  'POST /api/v1/escalation-rules/simulate': {
    request: { body: Simulate }
    answer: Simulated
  }
  'PATCH /api/v1/escalation-rules/{rule_id}': {
    request: { path: { rule_id: string }; body: RuleChange }
    answer: RuleBody
  }
  'DELETE /api/v1/escalation-rules/{rule_id}': {
    request: { path: { rule_id: string } }
    answer: undefined
  }
  'GET /api/v1/escalation-rules/{rule_id}/versions': {
    request: { path: { rule_id: string } }
    answer: RuleVersions
  }
  'GET /api/v1/escalations': {
    request: { query?: { state?: string | null; meant_for?: string | null; cursor?: string | null; limit?: number | null } }
    answer: EscalationList
  }
  'GET /api/v1/escalations/{escalation_id}': {
    request: { path: { escalation_id: string } }
    answer: EscalationBody
  }
  'POST /api/v1/escalations/{escalation_id}/assign': {
    request: { path: { escalation_id: string }; body: Assign }
    answer: EscalationBody
  }
  'POST /api/v1/escalations/{escalation_id}/close': {
    request: { path: { escalation_id: string } }
    answer: EscalationBody
  }
  'GET /api/v1/events': {
    request: object
    answer: undefined
  }
  'GET /api/v1/follow-ups': {
    request: { query?: { state?: string | null; cursor?: string | null; limit?: number | null } }
    answer: FollowUpList
  }
  'DELETE /api/v1/follow-ups/{follow_up_id}': {
    request: { path: { follow_up_id: string } }
    answer: undefined
  }
  'GET /api/v1/forks/{fork_id}': {
    request: { path: { fork_id: string } }
    answer: ForkShown
  }
  'DELETE /api/v1/forks/{fork_id}': {
    request: { path: { fork_id: string } }
    answer: undefined
  }
  'POST /api/v1/forks/{fork_id}/messages': {
    request: { path: { fork_id: string }; headers?: { 'idempotency-key'?: string }; body: Say }
    answer: ReplayBody
  }
  'POST /api/v1/impersonation': {
    request: { body: BeginImpersonation }
    answer: Session
  }
  'DELETE /api/v1/impersonation': {
    request: object
    answer: undefined
  }
  'GET /api/v1/impersonation/consent': {
    request: object
    answer: ConsentBody
  }
  'PUT /api/v1/impersonation/consent': {
    request: { body: ChangeConsent }
    answer: ConsentBody
  }
  'GET /api/v1/invitations': {
    request: object
    answer: InvitationList
  }
  'POST /api/v1/invitations': {
    request: { headers?: { 'idempotency-key'?: string }; body: Invite }
    answer: InvitationBody
  }
  'DELETE /api/v1/invitations/{invitation_id}': {
    request: { path: { invitation_id: string } }
    answer: undefined
  }
  'POST /api/v1/invitations/{invitation_id}/resend': {
    request: { path: { invitation_id: string } }
    answer: InvitationBody
  }
  'GET /api/v1/knowledge': {
    request: { query?: { cursor?: string | null; limit?: number | null } }
    answer: DocumentList
  }
  'POST /api/v1/knowledge': {
    request: { query?: { name?: string | null; title?: string | null; agent_ids?: string | null }; headers?: { 'idempotency-key'?: string }; body: Blob }
    answer: DocumentBody
  }
  'POST /api/v1/knowledge/addresses': {
    request: { headers?: { 'idempotency-key'?: string }; body: GivenAddress }
    answer: DocumentBody
  }
  'GET /api/v1/knowledge/search': {
    request: { query?: { q?: string | null; agent_id?: string | null } }
    answer: PassageList
  }
  'GET /api/v1/knowledge/{document_id}': {
    request: { path: { document_id: string } }
    answer: DocumentBody
  }
  'DELETE /api/v1/knowledge/{document_id}': {
    request: { path: { document_id: string } }
    answer: undefined
  }
  'GET /api/v1/languages': {
    request: object
    answer: Languages
  }
  'PUT /api/v1/languages': {
    request: { body: Languages }
    answer: Languages
  }
  'GET /api/v1/llm-keys': {
    request: object
    answer: LlmKeyList
  }
  'POST /api/v1/llm-keys': {
    request: { headers?: { 'idempotency-key'?: string }; body: LlmKeyRequest }
    answer: LlmKeyBody
  }
  'PATCH /api/v1/llm-keys/{llm_key_id}': {
    request: { path: { llm_key_id: string }; body: ChangeLlmKey }
    answer: LlmKeyBody
  }
  'DELETE /api/v1/llm-keys/{llm_key_id}': {
    request: { path: { llm_key_id: string } }
    answer: undefined
  }
  'GET /api/v1/llm-keys/{llm_key_id}/prices': {
    request: { path: { llm_key_id: string } }
    answer: ModelPriceList
  }
  'POST /api/v1/llm-keys/{llm_key_id}/prices': {
    request: { path: { llm_key_id: string }; headers?: { 'idempotency-key'?: string }; body: ModelPriceRequest }
    answer: ModelPriceBody
  }
  'GET /api/v1/mcp-servers': {
    request: object
    answer: McpServerList
  }
  'POST /api/v1/mcp-servers': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewMcpServer }
    answer: LookedAt
  }
  'DELETE /api/v1/mcp-servers/{server_id}': {
    request: { path: { server_id: string } }
    answer: undefined
  }
  'POST /api/v1/mcp-servers/{server_id}/look': {
    request: { path: { server_id: string } }
    answer: LookedAt
  }
  'GET /api/v1/me': {
    request: object
    answer: Me
  }
  'GET /api/v1/members': {
    request: object
    answer: MemberList
  }
  'PATCH /api/v1/members/{user_id}': {
    request: { path: { user_id: string }; body: ChangeMember }
    answer: MemberBody
  }
  'DELETE /api/v1/members/{user_id}': {
    request: { path: { user_id: string } }
    answer: undefined
  }
  'POST /api/v1/members/{user_id}/owner': {
    request: { path: { user_id: string } }
    answer: undefined
  }
  'GET /api/v1/memories': {
    request: { query?: { cursor?: string | null; limit?: number | null; q?: string | null; person_id?: string | null; conversation_id?: string | null; only?: string | null; place?: string | null; closed?: boolean | null } }
    answer: MemoryList
  }
  'GET /api/v1/memories/{memory_id}': {
    request: { path: { memory_id: string } }
    answer: MemoryDetail
  }
  'PATCH /api/v1/memories/{memory_id}': {
    request: { path: { memory_id: string }; body: CorrectMemory }
    answer: MemoryDetail
  }
  'DELETE /api/v1/memories/{memory_id}': {
    request: { path: { memory_id: string } }
    answer: ForgottenBody
  }
  'GET /api/v1/notices': {
    request: { query?: { cursor?: string | null } }
    answer: NoticeList
  }
  'POST /api/v1/notices/seen': {
    request: { body: Seen }
    answer: SeenCount
  }
  'GET /api/v1/office-hours': {
    request: object
    answer: OfficeHours
  }
  'PUT /api/v1/office-hours': {
    request: { body: OfficeHours }
    answer: OfficeHours
  }
  'GET /api/v1/people': {
    request: { query?: { cursor?: string | null; limit?: number | null; q?: string | null; vip?: boolean | null } }
    answer: PersonList
  }
  'GET /api/v1/people/{person_id}': {
    request: { path: { person_id: string } }
    answer: PersonDetail
  }
  'PATCH /api/v1/people/{person_id}': {
    request: { path: { person_id: string }; body: MarkPerson }
    answer: MarkedPerson
  }
  'GET /api/v1/privacy/erasures': {
    request: object
    answer: ErasureList
  }
  'POST /api/v1/privacy/erasures': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewErasure }
    answer: ErasureBody
  }
  'GET /api/v1/privacy/people/{person_id}/export': {
    request: { path: { person_id: string } }
    answer: PersonExport
  }
  'GET /api/v1/privacy/retention': {
    request: object
    answer: RetentionBody
  }
  'PUT /api/v1/privacy/retention': {
    request: { body: RetentionBody }
    answer: RetentionBody
  }
  'GET /api/v1/routines': {
    request: object
    answer: RoutineList
  }
  'POST /api/v1/routines': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewRoutine }
    answer: RoutineBody
  }
  'PATCH /api/v1/routines/{routine_id}': {
    request: { path: { routine_id: string }; body: ChangeRoutine }
    answer: RoutineBody
  }
  'DELETE /api/v1/routines/{routine_id}': {
    request: { path: { routine_id: string } }
    answer: undefined
  }
  'POST /api/v1/routines/{routine_id}/run': {
    request: { path: { routine_id: string }; headers?: { 'idempotency-key'?: string } }
    answer: Begun
  }
  'GET /api/v1/status': {
    request: object
    answer: StatusBody
  }
  'GET /api/v1/status/history': {
    request: { query?: { hours?: number | null } }
    answer: History
  }
  'GET /api/v1/tenants': {
    request: { query?: { after?: string | null } }
    answer: TenantList
  }
  'PATCH /api/v1/tenants/{tenant_id}': {
    request: { path: { tenant_id: string }; body: ChangeTenant }
    answer: TenantBody
  }
  'POST /api/v1/tenants/{tenant_id}/resume': {
    request: { path: { tenant_id: string }; body: LiftSuspension }
    answer: TenantBody
  }
  'POST /api/v1/tenants/{tenant_id}/suspend': {
    request: { path: { tenant_id: string }; body: SuspendTenant }
    answer: TenantBody
  }
  'GET /api/v1/tools': {
    request: object
    answer: ToolList
  }
  'POST /api/v1/tools': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewTool }
    answer: ToolBody
  }
  'PATCH /api/v1/tools/{tool_id}': {
    request: { path: { tool_id: string }; body: ChangeTool }
    answer: ToolBody
  }
  'DELETE /api/v1/tools/{tool_id}': {
    request: { path: { tool_id: string } }
    answer: undefined
  }
  'POST /api/v1/tools/{tool_id}/confirm': {
    request: { path: { tool_id: string }; body: Confirm }
    answer: undefined
  }
  'GET /api/v1/usage': {
    request: { query?: { by?: "agent" | "person" | "model" | "day" | null; from?: string | null; to?: string | null; time_zone?: string | null } }
    answer: UsageReport
  }
  'POST /api/v1/webhook-deliveries/{delivery_id}/retry': {
    request: { path: { delivery_id: string } }
    answer: undefined
  }
  'GET /api/v1/webhook-endpoints': {
    request: object
    answer: WebhookEndpointList
  }
  'POST /api/v1/webhook-endpoints': {
    request: { headers?: { 'idempotency-key'?: string }; body: NewWebhookEndpoint }
    answer: MadeWebhookEndpoint
  }
  'PATCH /api/v1/webhook-endpoints/{endpoint_id}': {
    request: { path: { endpoint_id: string }; body: ChangeWebhookEndpoint }
    answer: WebhookEndpointBody
  }
  'DELETE /api/v1/webhook-endpoints/{endpoint_id}': {
    request: { path: { endpoint_id: string } }
    answer: undefined
  }
  'GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries': {
    request: { path: { endpoint_id: string }; query?: { cursor?: string | null; limit?: number | null } }
    answer: WebhookDeliveryList
  }
  'POST /api/v1/webhook-endpoints/{endpoint_id}/ping': {
    request: { path: { endpoint_id: string } }
    answer: undefined
  }
}
