//! The two buttons of an approval. Who presses decides whether it counts: a full member of the workspace who is not who asked.
//! A second click, or a second person's, finds it decided.

use shared::{
    db::{
        approvals::{self, Approval, State as Stage},
        audit::Actor,
        interactions::{Detail, State},
        people::{self, Standing},
    },
    ids::{ApprovalId, PersonId},
    jobs::{ApprovalRefusal, Job, Notice},
    queue,
};

use super::{Act, Answer, Refusal};

pub async fn decide(act: &Act<'_>, approve: bool) -> Result<Answer, Refusal> {
    let action = act.payload.action();
    let Some(id) = action.and_then(|action| action.reference().parse::<ApprovalId>().ok()) else {
        return act.set_aside(State::Refused("not a button of ours")).await;
    };
    let mut tx = act.db.begin().await?;
    let found = approvals::find(&mut tx, id).await?.filter(|found| is_there(act, found));
    let Some(approval) = found else {
        tx.close().await?;
        return act.set_aside(State::Refused("no approval that can be seen there")).await;
    };
    let person = people::meet(&mut tx, act.route.connection, act.user()).await?;
    let (standing, name) = people::standing(&mut tx, person).await?;
    let why = refusal(&approval, person, standing);
    let state = why.map_or(State::Done, |why| State::Refused(reason(why)));
    if act.store(&mut tx, &Detail::default(), state).await?.is_none() {
        tx.close().await?;
        return Ok(Answer::Taken);
    }
    let why = match why {
        None if approvals::decide(&mut tx, id, approve, &Actor::Person(person), &name).await? => None,
        None => Some(ApprovalRefusal::Over),
        refused => refused,
    };
    if let Some(why) = why {
        if standing == Standing::Unknown {
            queue::enqueue(&mut tx, &Job::FetchPersonProfile { person }).await?;
        }
        let notice = Notice::ApprovalRefused { conversation: approval.conversation, why };
        queue::enqueue(&mut tx, &Job::TellPerson { person, notice }).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

/// The button was pressed where the approval is asked for.
fn is_there(act: &Act<'_>, approval: &Approval) -> bool {
    approval.place.connection == act.route.connection && approval.place.channel == act.payload.channel()
}

/// Fails closed: whom the platform has not told us about is nobody yet.
fn refusal(approval: &Approval, person: PersonId, standing: Standing) -> Option<ApprovalRefusal> {
    if approval.person == person {
        Some(ApprovalRefusal::Own)
    } else if standing != Standing::Member {
        Some(ApprovalRefusal::NoMember)
    } else if approval.state != Stage::Waiting {
        Some(ApprovalRefusal::Over)
    } else {
        None
    }
}

fn reason(why: ApprovalRefusal) -> &'static str {
    match why {
        ApprovalRefusal::Own => "who asked may not approve it",
        ApprovalRefusal::NoMember => "not known to be a full member",
        ApprovalRefusal::Over => "decided already, or too late",
    }
}
