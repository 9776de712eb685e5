//! One file per job. Each reads the current state and stops if the work is done: it may run twice.

pub mod act_at_desk;
pub mod ask_for_person;
pub mod begin_follow_up;
pub mod begin_routine;
pub mod describe_channel;
pub mod download_media;
pub mod erase_document;
pub mod erase_file;
pub mod erase_person;
pub mod expire_approval;
pub mod fetch_document;
pub mod fetch_missed;
pub mod fetch_person_profile;
mod missed_changes;
pub mod publish_home;
pub mod read_document;
pub mod refresh_billing;
pub mod refresh_token;
pub mod report_approval;
pub mod report_usage;
pub mod send_again;
pub mod send_email;
pub mod send_reply;
pub mod settle_tool_call;
pub mod show_approval;
pub mod show_escalation;
pub mod suggest_prompts;
pub mod tell_admins;
pub mod tell_desk;
pub mod tell_own_system;
pub mod tell_person;

use shared::{channels::CallError, queue::JobError};

/// What a failed platform call means for a job.
fn judge(error: CallError) -> JobError {
    match error {
        CallError::Refused(_) | CallError::Dead(_) => JobError::Fail(error.to_string()),
        CallError::RateLimited(_) | CallError::Unreachable(_) | CallError::Ambiguous(_) => {
            JobError::Retry(error.to_string())
        }
    }
}
