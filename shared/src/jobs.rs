//! Every background job's payload: the contract between processes. Ids only, never content.

use serde::{Deserialize, Serialize};

use crate::ids::{
    ApprovalId, ConnectionId, ConversationId, DocumentId, ErasureId, EscalationId, FollowUpId, InteractionId,
    MailId, MediaId, MessageId, NoticeId, OutboxId, PersonId, RoutineRunId, ToolCallId, UserId, WebhookDeliveryId,
};

/// A job, as stored in `jobs.payload`. Every one may run twice: it reads the current state and stops if that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Ask the platform for a person's name.
    FetchPersonProfile { person: PersonId },
    /// Ask the platform whether a channel is public, and widen the audience of what was said there if it is.
    DescribeChannel {
        connection: ConnectionId,
        channel: String,
        /// Kept to the channel only because nobody knew what it was.
        #[serde(default)]
        in_doubt: Vec<MessageId>,
    },
    /// Exchange a refresh token before the access token runs out.
    RefreshToken { connection: ConnectionId },
    /// Write to a tenant's admins what a notice says, or to one member instead, while they are one who may write.
    TellAdmins {
        notice: NoticeId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<UserId>,
    },
    /// Bring a mail to its reader.
    SendEmail { mail: MailId },
    /// Show a question where a person asked it without writing there, and hand it to the agent.
    AskForPerson { interaction: InteractionId },
    /// Fetch a file that came with a message, and read it if it is a document.
    DownloadMedia { media: MediaId },
    /// Look at the address of a document.
    FetchDocument { document: DocumentId },
    /// Read a document that a tenant gave its agents.
    ReadDocument { document: DocumentId },
    /// Erase the bytes of a document that was deleted.
    EraseDocument { document: DocumentId },
    /// Erase the bytes of a file that was sent, or never will be.
    EraseFile { outbox: OutboxId },
    /// Erase a person.
    ErasePerson { erasure: ErasureId },
    /// Tell a person what only they see.
    TellPerson { person: PersonId, notice: Notice },
    /// Draw a person's home page anew.
    PublishHome { person: PersonId },
    /// Show what a person could ask, where they are about to write.
    SuggestPrompts { connection: ConnectionId, channel: String },
    /// Fetch what Slack could not deliver between these seconds since 1970.
    FetchMissed { connection: ConnectionId, since: i64, until: i64 },
    /// The same in one channel.
    FetchMissedIn { connection: ConnectionId, channel: String, since: i64, until: i64 },
    /// Bring a human's reply to the channel.
    SendReply { outbox: OutboxId },
    /// Send a message again that the platform took and did not deliver.
    SendAgain { outbox: OutboxId },
    /// Look at Stripe what the tenant's subscriptions are.
    RefreshBilling,
    /// Tell Stripe's meter how many answers there were on the days that are over.
    ReportUsage,
    /// Show who is asked for an approval, or what was decided.
    ShowApproval { approval: ApprovalId },
    /// Begin the turn that carries out what was approved, or says that it was not.
    ReportApproval { approval: ApprovalId },
    /// It may be too late for an approval.
    ExpireApproval { approval: ApprovalId },
    /// A tool's call may have lost its process.
    SettleToolCall { call: ToolCallId },
    /// It may be time to come back to something.
    BeginFollowUp { follow_up: FollowUpId },
    /// Begin the turn of a routine that is due.
    BeginRoutine { run: RoutineRunId },
    /// Show an escalation where the tenant's people see to it.
    ShowEscalation { escalation: EscalationId },
    /// Bring there what a customer wrote.
    TellDesk { message: MessageId },
    /// Do what somebody did there.
    ActAtDesk { interaction: InteractionId },
    /// Tell a tenant's own system of an act.
    TellOwnSystem { delivery: WebhookDeliveryId },
}

/// What a person is told besides the agent's answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Notice {
    /// Their opinion was stored.
    FeedbackTaken { conversation: ConversationId },
    /// A human was asked to take over.
    HumanAsked { conversation: ConversationId },
    /// What was erased.
    Forgotten { memories: i64, messages: i64 },
    /// They may not decide about an approval.
    ApprovalRefused { conversation: ConversationId, why: ApprovalRefusal },
}

/// Why somebody's press did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalRefusal {
    /// They asked for it.
    Own,
    /// Not, or not known to be, a full member of the workspace.
    NoMember,
    /// It is decided, or it is too late.
    Over,
}

impl Job {
    /// It shows or sends something in a channel, or lets an agent begin to: it waits while the tenant is suspended. Mails
    /// go out: people have to be able to sign in.
    pub fn speaks(&self) -> bool {
        matches!(
            self,
            Self::AskForPerson { .. }
                | Self::TellPerson { .. }
                | Self::PublishHome { .. }
                | Self::SuggestPrompts { .. }
                | Self::SendReply { .. }
                | Self::SendAgain { .. }
                | Self::ShowApproval { .. }
                | Self::ReportApproval { .. }
                | Self::BeginFollowUp { .. }
                | Self::BeginRoutine { .. }
                | Self::ShowEscalation { .. }
                | Self::TellDesk { .. }
                | Self::ActAtDesk { .. }
        )
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::FetchPersonProfile { .. } => "fetch_person_profile",
            Self::DescribeChannel { .. } => "describe_channel",
            Self::AskForPerson { .. } => "ask_for_person",
            Self::ErasePerson { .. } => "erase_person",
            Self::TellPerson { .. } => "tell_person",
            Self::PublishHome { .. } => "publish_home",
            Self::SuggestPrompts { .. } => "suggest_prompts",
            Self::SendReply { .. } => "send_reply",
            Self::SendAgain { .. } => "send_again",
            Self::FetchMissed { .. } => "fetch_missed",
            Self::FetchMissedIn { .. } => "fetch_missed_in",
            Self::RefreshBilling => "refresh_billing",
            Self::ReportUsage => "report_usage",
            Self::RefreshToken { .. } => "refresh_token",
            Self::TellAdmins { .. } => "tell_admins",
            Self::SendEmail { .. } => "send_email",
            Self::DownloadMedia { .. } => "download_media",
            Self::FetchDocument { .. } => "fetch_document",
            Self::ReadDocument { .. } => "read_document",
            Self::EraseDocument { .. } => "erase_document",
            Self::EraseFile { .. } => "erase_file",
            Self::ShowApproval { .. } => "show_approval",
            Self::ReportApproval { .. } => "report_approval",
            Self::ExpireApproval { .. } => "expire_approval",
            Self::SettleToolCall { .. } => "settle_tool_call",
            Self::BeginFollowUp { .. } => "begin_follow_up",
            Self::BeginRoutine { .. } => "begin_routine",
            Self::ShowEscalation { .. } => "show_escalation",
            Self::TellDesk { .. } => "tell_desk",
            Self::ActAtDesk { .. } => "act_at_desk",
            Self::TellOwnSystem { .. } => "tell_own_system",
        }
    }
}
