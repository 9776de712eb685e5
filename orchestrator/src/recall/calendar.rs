//! The days a question names: "on 14 March", "in May 2023", "last 3rd of June". Pure; without a year, those of any recent one.

use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Without a year: so many before this one, and the next.
const YEARS_BACK: i32 = 8;

const MONTHS: [(&str, Month); 12] = [
    ("january", Month::January),
    ("february", Month::February),
    ("march", Month::March),
    ("april", Month::April),
    ("may", Month::May),
    ("june", Month::June),
    ("july", Month::July),
    ("august", Month::August),
    ("september", Month::September),
    ("october", Month::October),
    ("november", Month::November),
    ("december", Month::December),
];
/// "May" and "march" are months after one of these, or beside a number.
const BEFORE_A_MONTH: [&str; 12] =
    ["in", "of", "on", "during", "since", "until", "by", "last", "next", "this", "early", "late"];

/// From the first moment of each window to the last, for the first month that is named. `words`: the question's, in small
/// letters.
pub fn windows(words: &[&str], now: OffsetDateTime) -> Vec<(OffsetDateTime, OffsetDateTime)> {
    let month_at = |at: usize| MONTHS.iter().find(|(name, _)| words[at] == *name).map(|(_, month)| *month);
    let named = (0..words.len()).find_map(|at| {
        let month = month_at(at)?;
        let day = day_beside(words, at);
        let led = at > 0 && BEFORE_A_MONTH.contains(&words[at - 1]);
        let plain = !matches!(month, Month::March | Month::May);
        (plain || led || day.is_some()).then_some((month, day))
    });
    let Some((month, day)) = named else { return Vec::new() };
    let year = words.iter().find_map(|word| word.parse().ok().filter(|year| (1990..2100).contains(year)));
    let years = year.map_or(now.year() - YEARS_BACK..=now.year() + 1, |year: i32| year..=year);
    years.filter_map(|year| window(year, month, day)).collect()
}

fn day_beside(words: &[&str], at: usize) -> Option<u8> {
    let day = |at: Option<usize>| {
        let word = words.get(at?)?;
        let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        digits.parse().ok().filter(|day: &u8| (1..=31).contains(day))
    };
    let before = at.checked_sub(1);
    let before_of = before.filter(|before| words[*before] == "of").and_then(|before| before.checked_sub(1));
    day(before).or_else(|| day(before_of)).or_else(|| day(Some(at + 1)))
}

fn window(year: i32, month: Month, day: Option<u8>) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let first = Date::from_calendar_date(year, month, day.unwrap_or(1)).ok()?;
    let days = if day.is_some() { 1 } else { month.length(year) };
    let begin = first.with_time(Time::MIDNIGHT).assume_utc();
    Some((begin, begin + Duration::days(i64::from(days))))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn of(question: &str) -> Vec<(OffsetDateTime, OffsetDateTime)> {
        windows(&question.split_whitespace().collect::<Vec<_>>(), datetime!(2026-11-27 12:00 UTC))
    }

    #[test]
    fn a_day_and_a_month_are_windows() {
        let day = [(datetime!(2023-03-14 0:00 UTC), datetime!(2023-03-15 0:00 UTC))];
        for question in ["what happened on 14 march 2023", "on march 14th 2023", "the 14th of march 2023"] {
            assert_eq!(of(question), day, "{question}");
        }
        assert_eq!(of("in february 2024"), [(datetime!(2024-02-01 0:00 UTC), datetime!(2024-03-01 0:00 UTC))]);
    }

    #[test]
    fn without_a_year_it_is_any_and_words_that_look_like_months_are_none() {
        let any = of("in may");
        assert_eq!(any.len(), 10);
        assert_eq!(any[8].0, datetime!(2026-05-01 0:00 UTC));
        assert_eq!(of("may i come in"), []);
        assert_eq!(of("who will march with us"), []);
        assert_eq!(of("on 31 february 2023"), []);
        assert_eq!(of("when is the launch"), []);
    }
}
