//! `follow_up`: coming back to something in this conversation. What is set is a row and a job; nothing waits in memory.

use serde_json::{Map, Value};
use shared::{
    db::{
        DbError,
        audit::Actor,
        follow_ups::{self, HORIZON_DAYS, New},
        office_hours,
        tool_calls::State,
    },
    hours::{Hours, Zone},
    ids::FollowUpId,
    message::clean_text,
};
use time::{Duration, OffsetDateTime, macros::format_description};

use super::{
    Work,
    act::{At, count},
    registry::Admitted,
};

impl Work<'_> {
    /// The time where the tenant is, and in UTC.
    pub(super) async fn current_time(&self) -> Result<String, DbError> {
        let mut tx = self.db.begin().await?;
        let zone = office_hours::get(&mut tx).await?.zone;
        tx.close().await?;
        let now = self.orchestrator.clock.now();
        let form = format_description!("[weekday], [year]-[month]-[day] [hour]:[minute] UTC");
        let utc = now.format(form).unwrap_or_default();
        Ok(if zone == Zone::UTC { utc } else { format!("{} {} ({utc})", zone.written(now), zone.name()) })
    }

    /// The row, its job and the entry of the ledger are one transaction: it is there once.
    pub(super) async fn follow_up(&self, at: &At<'_>, admitted: &Admitted<'_>) -> Result<String, DbError> {
        let mut tx = self.db.begin().await?;
        let hours = office_hours::get(&mut tx).await?;
        let arguments = &admitted.arguments;
        let (state, said) = match arguments.get("act").and_then(Value::as_str) {
            Some("set") => match due(arguments, &hours, self.orchestrator.clock.now()) {
                Ok((about, due_at)) => {
                    let new = New {
                        conversation: self.lease.conversation,
                        run: self.turn.run,
                        person: self.asker,
                        about: &about,
                        due_at,
                        now: self.orchestrator.clock.now(),
                    };
                    match follow_ups::set(&mut tx, &new).await? {
                        Some(id) => (
                            State::Done,
                            format!("You will come back to it on {} (id {id}).", when(&hours, due_at)),
                        ),
                        None => (State::Failed, "There are as many follow-ups here as there may be.".to_owned()),
                    }
                }
                Err(sentence) => (State::Failed, sentence.to_owned()),
            },
            Some("list") => {
                let waiting = follow_ups::waiting_in(&mut tx, self.lease.conversation).await?;
                let line = |found: &follow_ups::FollowUp| {
                    format!("- {}: {} (id {})", when(&hours, found.due_at), found.about, found.id)
                };
                let lines: Vec<String> = waiting.iter().map(line).collect();
                let said = if lines.is_empty() { "Nothing waits here.".to_owned() } else { lines.join("\n") };
                (State::Done, said)
            }
            _ => {
                let only = arguments.get("id").and_then(Value::as_str).map(str::parse::<FollowUpId>);
                let mut cancelled = 0;
                for found in follow_ups::waiting_in(&mut tx, self.lease.conversation).await? {
                    if only.as_ref().is_none_or(|only| only.as_ref() == Ok(&found.id)) {
                        cancelled +=
                            u32::from(follow_ups::cancel(&mut tx, found.id, &Actor::Person(self.asker)).await?);
                    }
                }
                match cancelled {
                    0 => (State::Failed, "Nothing like that waits here.".to_owned()),
                    count => (State::Done, format!("{count} cancelled.")),
                }
            }
        };
        self.write(&mut tx, at, admitted, state, Some(&said)).await?;
        tx.commit().await?;
        count(state.as_str());
        Ok(said)
    }
}

fn when(hours: &Hours, at: OffsetDateTime) -> String {
    format!("{} {}", hours.zone.written(at), hours.zone.name())
}

/// What about, and when. The error is a sentence for the model.
fn due(
    arguments: &Map<String, Value>,
    hours: &Hours,
    now: OffsetDateTime,
) -> Result<(String, OffsetDateTime), &'static str> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::trim);
    let about = text("about").map(clean_text).filter(|about| !about.is_empty());
    let about = about.ok_or("`about` is missing: say in one sentence what to come back to.")?;
    let due_at = match (text("at"), arguments.get("in_minutes").and_then(Value::as_i64)) {
        (Some(at), None) => hours.zone.moment(at).ok_or("`at` must be such as 2026-12-04 09:00.")?,
        (None, Some(minutes)) => now + Duration::minutes(minutes),
        _ => return Err("Give either `at` or `in_minutes`."),
    };
    if due_at <= now {
        return Err("That is in the past. Ask current_time what time it is, if you have it.");
    }
    if due_at > now + Duration::days(HORIZON_DAYS) {
        return Err("That is more than 90 days ahead.");
    }
    Ok((about, due_at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_read_by_the_tenants_clock_and_must_be_ahead_but_not_far() {
        let hours = Hours::parse("Europe/Berlin", &json!({}), &[]).expect("hours");
        let now = datetime!(2026-11-27 16:00 UTC);
        let read = |given: Value| due(given.as_object().expect("arguments"), &hours, now).map(|(_, at)| at);
        assert_eq!(read(json!({ "about": "x", "at": "2026-12-04 09:00" })), Ok(datetime!(2026-12-04 08:00 UTC)));
        assert_eq!(read(json!({ "about": "x", "in_minutes": 90 })), Ok(datetime!(2026-11-27 17:30 UTC)));
        for bad in [
            json!({ "at": "2026-12-04 09:00" }),
            json!({ "about": " ", "in_minutes": 1 }),
            json!({ "about": "x" }),
            json!({ "about": "x", "at": "2026-12-04 09:00", "in_minutes": 1 }),
            json!({ "about": "x", "at": "Friday" }),
            json!({ "about": "x", "at": "2026-11-27 16:59" }),
            json!({ "about": "x", "at": "2027-03-27 09:00" }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
