//! What happened as tables for spreadsheets, of any length: pages are read while they are sent, each by itself and where the one
//! before ended, so that one of them is in memory and no transaction waits for a reader.
//!
//! What happens after the first page was read is in none of them. A conversation in which something is said meanwhile goes to
//! the head of the list, and with it out of what is still to be read: it is in the next table.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use futures::{future::BoxFuture, stream};
use shared::db::TenantDb;

use super::{
    happenings::{
        AnalyticsEventBody, EventsAsked, JourneyBody, JourneysAsked, after_event, after_journey, events_of,
        journeys_of,
    },
    usage::day,
};
use crate::{
    Gateway,
    auth::Operator,
    csv::Csv,
    error::{ApiError, Problem},
    paging,
};

/// Rows that are read at once.
const PAGE: i64 = 1_000;
const EVENT_COLUMNS: &str = "at kind about conversation agent person channel spent_ms cost_micro_usd model";
const JOURNEY_COLUMNS: &str = "conversation channel began_at last_message_at agent first_answer_ms messages answers escalations \
                               taken_over released closed good bad cost_micro_usd channel_cost_micro_usd";

/// Writes the page that is asked for, and asks for the one behind it: its cursor is `None` after the last.
type Write<A> =
    for<'a> fn(&'a Gateway, &'a TenantDb, &'a mut A, &'a mut Csv) -> BoxFuture<'a, Result<(), ApiError>>;

/// What a table is asked for with.
trait Asked: Send + 'static {
    fn days(&self) -> (&str, &str);
    fn is_read(&self) -> bool;
}

impl Asked for EventsAsked {
    fn days(&self) -> (&str, &str) {
        (self.from.as_deref().unwrap_or_default(), self.to.as_deref().unwrap_or_default())
    }

    fn is_read(&self) -> bool {
        self.cursor.is_none()
    }
}

impl Asked for JourneysAsked {
    fn days(&self) -> (&str, &str) {
        (self.from.as_deref().unwrap_or_default(), self.to.as_deref().unwrap_or_default())
    }

    fn is_read(&self) -> bool {
        self.cursor.is_none()
    }
}

/// The same as a table for spreadsheets, with all rows. One that breaks off in the middle is not whole: ask again.
#[utoipa::path(get, tag = "analytics", path = "/api/v1/analytics/events/export", params(EventsAsked),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem),
              (status = 401, body = Problem)))]
pub async fn export_events(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<EventsAsked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    whole(asked.cursor.as_deref(), asked.limit)?;
    table("events", EVENT_COLUMNS, gateway, operator.db, asked, |gateway, db, asked, csv| {
        Box::pin(write_events(gateway, db, asked, csv))
    })
    .await
}

/// The same as a table for spreadsheets, with all rows. What goes on while it is read may be in the next table only.
#[utoipa::path(get, tag = "analytics", path = "/api/v1/analytics/journeys/export", params(JourneysAsked),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem),
              (status = 401, body = Problem)))]
pub async fn export_journeys(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<JourneysAsked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    whole(asked.cursor.as_deref(), asked.limit)?;
    table("journeys", JOURNEY_COLUMNS, gateway, operator.db, asked, |gateway, db, asked, csv| {
        Box::pin(write_journeys(gateway, db, asked, csv))
    })
    .await
}

/// The first page is read before anything is answered: what is wrong with the question is a problem document.
async fn table<A: Asked>(
    name: &str,
    columns: &str,
    gateway: Gateway,
    db: TenantDb,
    mut asked: A,
    write: Write<A>,
) -> Result<Response, ApiError> {
    let mut csv = Csv::default();
    for column in columns.split(' ') {
        csv.text(column);
    }
    csv.end_row();
    write(&gateway, &db, &mut asked, &mut csv).await?;
    let (from, to) = asked.days();
    let name = format!("{name}-{from}-{to}.csv");
    if asked.is_read() {
        return Ok(csv.download(&name));
    }
    let rest = stream::try_unfold((gateway, db, asked), move |(gateway, db, mut asked)| async move {
        if asked.is_read() {
            return Ok(None);
        }
        let mut csv = Csv::default();
        write(&gateway, &db, &mut asked, &mut csv).await?;
        Ok(Some((csv, (gateway, db, asked))))
    });
    Ok(csv.download_with(&name, rest))
}

async fn write_events(
    gateway: &Gateway,
    db: &TenantDb,
    asked: &mut EventsAsked,
    csv: &mut Csv,
) -> Result<(), ApiError> {
    let mut tx = db.begin().await?;
    let (span, mut found) = events_of(gateway, &mut tx, asked, PAGE + 1).await?;
    tx.close().await?;
    asked.cursor = paging::next(&mut found, PAGE, after_event);
    // The days stay those of the first page, whatever day it becomes.
    (asked.from, asked.to) = (Some(day(span.from)), Some(day(span.to)));
    for event in found.into_iter().map(AnalyticsEventBody::from) {
        csv.text(&event.at).text(&event.kind);
        for id in [&event.about, &event.conversation, &event.agent, &event.person, &event.channel] {
            csv.text(id.as_deref().unwrap_or_default());
        }
        csv.maybe(event.spent_ms.map(i64::unsigned_abs)).maybe(event.cost_micro_usd.map(i64::unsigned_abs));
        csv.text(event.model.as_deref().unwrap_or_default()).end_row();
    }
    Ok(())
}

async fn write_journeys(
    gateway: &Gateway,
    db: &TenantDb,
    asked: &mut JourneysAsked,
    csv: &mut Csv,
) -> Result<(), ApiError> {
    let mut tx = db.begin().await?;
    let (span, mut found) = journeys_of(gateway, &mut tx, asked, PAGE + 1).await?;
    tx.close().await?;
    asked.cursor = paging::next(&mut found, PAGE, after_journey);
    (asked.from, asked.to) = (Some(day(span.from)), Some(day(span.to)));
    for one in found.into_iter().map(JourneyBody::from) {
        csv.text(&one.conversation).text(&one.channel).text(&one.began_at).text(&one.last_message_at);
        csv.text(one.agent.as_deref().unwrap_or_default()).maybe(one.first_answer_ms.map(i64::unsigned_abs));
        for count in [one.messages, one.answers, one.escalations] {
            csv.number(count.unsigned_abs());
        }
        for holds in [one.taken_over, one.released, one.closed] {
            csv.text(if holds { "yes" } else { "no" });
        }
        for count in [one.good, one.bad, one.cost_micro_usd, one.channel_cost_micro_usd] {
            csv.number(count.unsigned_abs());
        }
        csv.end_row();
    }
    Ok(())
}

/// A table is no page.
fn whole(cursor: Option<&str>, limit: Option<i64>) -> Result<(), ApiError> {
    if cursor.is_some() || limit.is_some() {
        return Err(ApiError::invalid("A table has neither `cursor` nor `limit`."));
    }
    Ok(())
}
