//! A tenant's time: its zone, its business hours, and when something that repeats is next. The only file that knows what
//! clocks of places do; everything it gives out is a moment.
//!
//! What repeats is told in the five fields of cron. Where the clocks are put forward, what falls into the gap happens once,
//! right after it; where they are put back, it happens the first time only.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Timelike,
};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

pub const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Stretches of one day in which somebody is there.
const STRETCHES_MAX: usize = 4;
pub const CLOSED_MAX: usize = 100;
const SCHEDULE_CHARS_MAX: usize = 100;
/// What repeats may not repeat more often.
pub const APART_MIN_MINUTES: i64 = 15;
/// Times that are looked at for one that fits.
const TIMES_MAX: usize = 500;
const MINUTES_OF_DAY: u16 = 24 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    pub const UTC: Self = Self(Tz::UTC);

    /// By its name in the tz database, such as `Europe/Berlin`.
    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// `Friday, 2026-12-04 09:00`.
    pub fn written(self, at: OffsetDateTime) -> String {
        self.local(at).map(|at| at.format("%A, %Y-%m-%d %H:%M").to_string()).unwrap_or_default()
    }

    /// The moment of `2026-12-04 09:00` there. Of two the first; in a gap, the moment after it.
    pub fn moment(self, text: &str) -> Option<OffsetDateTime> {
        let text = text.trim().replacen('T', " ", 1);
        let there = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M").ok()?;
        self.first(there).and_then(|at| OffsetDateTime::from_unix_timestamp(at.timestamp()).ok())
    }

    fn first(self, there: NaiveDateTime) -> Option<DateTime<Tz>> {
        match self.0.from_local_datetime(&there) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
            LocalResult::None => self.0.from_local_datetime(&(there + TimeDelta::hours(1))).earliest(),
        }
    }

    fn local(self, at: OffsetDateTime) -> Option<DateTime<Tz>> {
        self.0.timestamp_opt(at.unix_timestamp(), 0).single()
    }
}

/// When somebody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    pub zone: Zone,
    /// From minute to minute of the day, Monday first.
    week: [Vec<(u16, u16)>; 7],
    closed: Vec<NaiveDate>,
}

impl Hours {
    /// Nothing is said about when somebody is there.
    pub fn unknown() -> Self {
        Self { zone: Zone::UTC, week: Default::default(), closed: Vec::new() }
    }

    /// `week`: `{"monday": ["09:00-17:00"]}`; `closed`: days such as `2026-12-25`. The error is a sentence for whoever wrote it.
    pub fn parse(zone: &str, week: &Value, closed: &[String]) -> Result<Self, String> {
        let zone =
            Zone::parse(zone).ok_or("`time_zone` must be a name of the tz database, such as `Europe/Berlin`.")?;
        let given = match week {
            Value::Null => &Map::new(),
            week => week.as_object().ok_or("`week` must be an object of days.")?,
        };
        let mut hours = Self { zone, week: Default::default(), closed: Vec::new() };
        for (name, stretches) in given {
            let day = DAYS.iter().position(|day| day == name).ok_or(
                "`week` may have `monday`, `tuesday`, `wednesday`, `thursday`, `friday`, `saturday` and `sunday`.",
            )?;
            hours.week[day] = stretches_of(stretches)?;
        }
        if closed.len() > CLOSED_MAX {
            return Err(format!("There may be {CLOSED_MAX} closed days at most."));
        }
        for day in closed {
            let day = NaiveDate::parse_from_str(day, "%Y-%m-%d")
                .map_err(|_| "`closed_days` must be days such as `2026-12-25`.")?;
            hours.closed.push(day);
        }
        hours.closed.sort_unstable();
        hours.closed.dedup();
        Ok(hours)
    }

    pub fn week(&self) -> Value {
        let minute = |at: u16| format!("{:02}:{:02}", at / 60, at % 60);
        let day = |(name, stretches): (&&str, &Vec<(u16, u16)>)| {
            let written: Vec<String> =
                stretches.iter().map(|(from, to)| format!("{}-{}", minute(*from), minute(*to))).collect();
            ((*name).to_owned(), json!(written))
        };
        let days = DAYS.iter().zip(&self.week).filter(|(_, stretches)| !stretches.is_empty());
        Value::Object(days.map(day).collect())
    }

    pub fn closed_days(&self) -> Vec<String> {
        self.closed.iter().map(NaiveDate::to_string).collect()
    }

    /// `None`: nobody said when somebody is there.
    pub fn is_open(&self, at: OffsetDateTime) -> Option<bool> {
        if self.week.iter().all(Vec::is_empty) {
            return None;
        }
        let there = self.zone.local(at)?;
        Some(self.covers(&there))
    }

    fn covers(&self, there: &DateTime<Tz>) -> bool {
        let minute = there.hour() * 60 + there.minute();
        let day = there.weekday().num_days_from_monday() as usize;
        let within = |(from, to): &(u16, u16)| (u32::from(*from)..u32::from(*to)).contains(&minute);
        self.week[day].iter().any(within) && !self.closed.contains(&there.date_naive())
    }
}

/// `["09:00-12:00", "13:00-17:00"]`.
fn stretches_of(given: &Value) -> Result<Vec<(u16, u16)>, String> {
    let wrong =
        || "A day must be a list of one to four stretches such as `09:00-17:00`, one after the other.".to_owned();
    let minute = |text: &str| -> Option<u16> {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let (hours, minutes): (u16, u16) =
            (hours.parse().ok().filter(|_| digits(hours))?, minutes.parse().ok().filter(|minutes| *minutes < 60)?);
        Some(hours * 60 + minutes).filter(|at| *at <= MINUTES_OF_DAY && text.len() == 5)
    };
    let given = given.as_array().filter(|list| list.len() <= STRETCHES_MAX).ok_or_else(wrong)?;
    let mut stretches: Vec<(u16, u16)> = Vec::new();
    for stretch in given {
        let (from, to) = stretch.as_str().and_then(|text| text.split_once('-')).ok_or_else(wrong)?;
        let (from, to) = minute(from).zip(minute(to)).ok_or_else(wrong)?;
        if from >= to || stretches.last().is_some_and(|(_, end)| from < *end) {
            return Err(wrong());
        }
        stretches.push((from, to));
    }
    Ok(stretches)
}

/// What repeats: `0 9 * * 1`, Mondays at nine.
#[derive(Clone, Debug)]
pub struct Schedule(Cron);

impl Schedule {
    /// The error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || " *,-/#".contains(letter);
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let schedule =
            (text.len() <= SCHEDULE_CHARS_MAX && text.chars().all(plain) && text.split(' ').count() == 5)
                .then(|| parser.parse(text).ok())
                .flatten()
                .map(Self)
                .ok_or("`schedule` must be the five fields of cron, such as `0 9 * * 1` for Mondays at nine.")?;
        // Any day will do for the comparison: how far apart the times of one are is the same on all of them.
        let Some(begin) = Tz::UTC.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).single() else { return Ok(schedule) };
        let mut last: Option<DateTime<Tz>> = None;
        for at in schedule.0.iter_from(begin, croner::Direction::Forward).take(TIMES_MAX) {
            if last.is_some_and(|last| at.signed_duration_since(last).num_minutes() < APART_MIN_MINUTES) {
                return Err(format!(
                    "`schedule` may name times that are {APART_MIN_MINUTES} minutes apart or more."
                ));
            }
            last = Some(at);
        }
        if last.is_none() {
            return Err("`schedule` names no time that ever comes.".into());
        }
        Ok(schedule)
    }

    /// The first time after this moment. `open`: only while somebody is there.
    pub fn after(&self, hours: &Hours, at: OffsetDateTime, open: bool) -> Option<OffsetDateTime> {
        let mut there = hours.zone.local(at)?;
        // Nothing is planned further ahead: a year of closed days is no plan.
        let end = there.checked_add_days(Days::new(5 * 366))?;
        let known = hours.week.iter().any(|day| !day.is_empty());
        for _ in 0..TIMES_MAX {
            there = self.0.find_next_occurrence(&there, false).ok()?;
            if there > end {
                return None;
            }
            if !open || !known || hours.covers(&there) {
                return OffsetDateTime::from_unix_timestamp(there.timestamp()).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn berlin(week: Value, closed: &[&str]) -> Hours {
        let closed: Vec<String> = closed.iter().map(|day| (*day).to_owned()).collect();
        Hours::parse("Europe/Berlin", &week, &closed).expect("hours")
    }

    fn times(schedule: &str, hours: &Hours, from: OffsetDateTime, open: bool, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).expect("a schedule");
        let mut at = from;
        (0..count)
            .map_while(|_| {
                at = schedule.after(hours, at, open)?;
                Some(hours.zone.written(at))
            })
            .collect()
    }

    #[test]
    fn what_repeats_follows_the_clocks_of_the_place() {
        let hours = berlin(json!({}), &[]);
        assert_eq!(
            times("0 9 * * 1", &hours, datetime!(2027-03-20 00:00 UTC), false, 2),
            ["Monday, 2027-03-22 09:00", "Monday, 2027-03-29 09:00"]
        );
        // 28 March: 02:30 does not exist. 31 October: it exists twice.
        let gap = times("30 2 * * *", &hours, datetime!(2027-03-27 12:00 UTC), false, 2);
        assert_eq!(gap, ["Sunday, 2027-03-28 03:00", "Monday, 2027-03-29 02:30"]);
        let twice = times("30 2 * * *", &hours, datetime!(2027-10-30 12:00 UTC), false, 2);
        assert_eq!(twice, ["Sunday, 2027-10-31 02:30", "Monday, 2027-11-01 02:30"]);
    }

    #[test]
    fn outside_of_business_hours_and_on_closed_days_nothing_is_due() {
        let week = json!({ "monday": ["09:00-12:00", "13:00-17:00"], "tuesday": ["09:00-17:00"] });
        let hours = berlin(week.clone(), &["2027-03-29"]);
        assert_eq!(
            times("0 12 * * *", &hours, datetime!(2027-03-22 00:00 UTC), true, 2),
            ["Tuesday, 2027-03-23 12:00", "Tuesday, 2027-03-30 12:00"]
        );
        assert_eq!(hours.is_open(datetime!(2027-03-22 08:30 UTC)), Some(true), "half past nine there");
        assert_eq!(hours.is_open(datetime!(2027-03-22 11:30 UTC)), Some(false));
        assert_eq!(hours.is_open(datetime!(2027-03-29 08:30 UTC)), Some(false), "closed");
        assert_eq!(Hours::unknown().is_open(datetime!(2027-03-29 08:30 UTC)), None);
        assert_eq!((hours.week(), hours.closed_days()), (week, vec!["2027-03-29".to_owned()]));
    }

    #[test]
    fn what_is_no_schedule_and_what_comes_too_often_is_refused() {
        for bad in [
            "",
            "* * * * *",
            "*/5 * * * *",
            "0,10 9 * * *",
            "0 9 * * 8",
            "0 0 9 * * 1",
            "0 0 31 2 *",
            "@daily",
            "0 25 * * *",
        ] {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
        for good in ["0 9 * * 1", "*/15 * * * *", "30 8 1 * *", "0 9 * * MON-FRI", "0 9 * * 1#1"] {
            assert!(Schedule::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn hours_that_are_none_are_refused_with_a_sentence() {
        for (zone, week) in [
            ("Mars/Base", json!({})),
            ("UTC", json!([])),
            ("UTC", json!({ "mon": [] })),
            ("UTC", json!({ "monday": "09:00-17:00" })),
            ("UTC", json!({ "monday": ["9-17"] })),
            ("UTC", json!({ "monday": ["17:00-09:00"] })),
            ("UTC", json!({ "monday": ["09:00-24:30"] })),
            ("UTC", json!({ "monday": ["09:00-12:00", "11:00-13:00"] })),
        ] {
            assert!(Hours::parse(zone, &week, &[]).is_err(), "{zone} {week}");
        }
        assert!(Hours::parse("UTC", &json!({ "monday": ["00:00-24:00"] }), &["25.12.".to_owned()]).is_err());
    }

    #[test]
    fn a_local_time_is_one_moment() {
        let berlin = Zone::parse("Europe/Berlin").expect("a zone");
        assert_eq!(berlin.moment("2026-12-04 09:00"), Some(datetime!(2026-12-04 08:00 UTC)));
        assert_eq!(berlin.moment("2027-03-28T02:30"), Some(datetime!(2027-03-28 01:30 UTC)), "after the gap");
        assert_eq!(berlin.moment("2027-10-31 02:30"), Some(datetime!(2027-10-31 00:30 UTC)), "the first of two");
        assert_eq!(berlin.moment("tomorrow"), None);
    }
}
