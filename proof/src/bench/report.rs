//! The figures of a benchmark: what was measured, the floor it is held against, and the bar it has to clear.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One line of the table, and one entry of `target/bench/NAME.json`.
#[derive(Debug, Serialize)]
pub struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What the bare means take, measured in the same run.
    floor: Option<f64>,
    ratio: Option<f64>,
    bar: Option<String>,
    /// `None` where there is no bar.
    holds: Option<bool>,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, floor: None, ratio: None, bar: None, holds: None }
    }

    pub fn floor(self, floor: f64) -> Self {
        let ratio = (floor > 0.0).then(|| self.value / floor);
        Self { floor: Some(floor), ratio, ..self }
    }

    pub fn at_most(self, bar: f64) -> Self {
        let holds = self.value <= bar;
        Self { bar: Some(format!("≤ {bar} {}", self.unit).trim_end().to_owned()), holds: Some(holds), ..self }
    }

    pub fn at_least(self, bar: f64) -> Self {
        let holds = self.value >= bar;
        Self { bar: Some(format!("≥ {bar} {}", self.unit).trim_end().to_owned()), holds: Some(holds), ..self }
    }

    pub fn ratio_at_most(self, bar: f64) -> Self {
        let holds = self.ratio.is_some_and(|ratio| ratio <= bar);
        Self { bar: Some(format!("ratio ≤ {bar}")), holds: Some(holds), ..self }
    }

    pub fn ratio_at_least(self, bar: f64) -> Self {
        let holds = self.ratio.is_some_and(|ratio| ratio >= bar);
        Self { bar: Some(format!("ratio ≥ {bar}")), holds: Some(holds), ..self }
    }

    fn cells(&self) -> [String; 6] {
        let number = |value: f64| match value.abs() {
            size if size >= 100.0 => format!("{value:.0}"),
            size if size >= 10.0 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        };
        let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
        let verdict = match self.holds {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "",
        };
        [
            self.name.clone(),
            format!("{} {}", number(self.value), self.unit).trim_end().to_owned(),
            optional(self.floor),
            optional(self.ratio),
            self.bar.clone().unwrap_or_default(),
            verdict.to_owned(),
        ]
    }
}

/// How one quantity goes with another; what charts are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The chart it belongs to.
    pub chart: String,
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Debug, Serialize)]
pub struct Report {
    name: &'static str,
    figures: Vec<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    series: Vec<Series>,
    /// How it was measured, and what the floor is.
    #[serde(skip)]
    notes: Vec<String>,
}

impl Report {
    pub fn new(name: &'static str) -> Self {
        Self { name, figures: Vec::new(), series: Vec::new(), notes: Vec::new() }
    }

    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub fn draw(&mut self, chart: &str, name: impl Into<String>, points: Vec<(f64, f64)>) {
        self.series.push(Series { chart: chart.to_owned(), name: name.into(), points });
    }

    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    pub fn missed(&self) -> usize {
        self.figures.iter().filter(|figure| figure.holds == Some(false)).count()
    }

    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub fn print(&self, took: Duration) {
        println!("\n{} ({:.0} s)", self.name, took.as_secs_f64());
        for line in table(&self.figures) {
            println!("  {line}");
        }
        for note in &self.notes {
            println!("  · {note}");
        }
    }

    /// Writes `NAME.json` into the folder and returns its path.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("{}.json", self.name));
        let text = serde_json::to_string_pretty(self)?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text + "\n"))
            .with_context(|| format!("{} can't be written", path.display()))?;
        Ok(path)
    }
}

fn table(figures: &[Figure]) -> Vec<String> {
    let head = ["figure", "value", "floor", "ratio", "bar", ""].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(figures.iter().map(Figure::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let cell = |(column, text): (usize, &String)| {
            let gap = " ".repeat(widths[column] - text.chars().count());
            // Numbers stand right, words left.
            if (1..4).contains(&column) { format!("{gap}{text}") } else { format!("{text}{gap}") }
        };
        row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_holds_against_its_floor() {
        let fast = Figure::new("fast", 60.0, "/s").floor(100.0).ratio_at_least(0.5);
        let slow = Figure::new("slow", 60.0, "ms").floor(10.0).ratio_at_most(4.0);
        assert_eq!((fast.holds, slow.holds), (Some(true), Some(false)));
        let report = Report { figures: vec![fast, slow], ..Report::new("speed") };
        assert_eq!(report.missed(), 1);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["figures"][1]["bar"], "ratio ≤ 4");
        assert_eq!(table(&report.figures)[2], "slow    60.0 ms   10.0   6.00  ratio ≤ 4    MISSED");
    }
}
