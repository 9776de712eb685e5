//! Line charts as plain SVG, drawn from the JSON of a run: a logarithmic axis to the right, a linear one from 0 upwards.
//!
//! A picture brings its own background and follows the reader's light or dark setting, so it can be shown anywhere. The lines
//! differ in dashes and markers, too, not in colour alone.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use anyhow::Context;
use serde::Deserialize;

use super::report::Series;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
/// Room for the lines' names.
const RIGHT: f64 = 190.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 58.0;
const LABEL_GAP: f64 = 17.0;
const GRID_LINES: f64 = 5.0;

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #57606a }
  .paper { fill: #ffffff }
  .grid { stroke: #d8dee4; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.2 }
  .c0 { stroke: #0550ae } .c1 { stroke: #bc4c00 } .c2 { stroke: #1a7f37 } .c3 { stroke: #8250df } .c4 { stroke: #57606a }
  .f0 { fill: #0550ae } .f1 { fill: #bc4c00 } .f2 { fill: #1a7f37 } .f3 { fill: #8250df } .f4 { fill: #57606a }
  .d1 { stroke-dasharray: 7 3 } .d2 { stroke-dasharray: 2 3 } .d3 { stroke-dasharray: 9 3 2 3 } .d4 { stroke-dasharray: 4 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .paper { fill: #0d1117 } .grid { stroke: #30363d }
    .c0 { stroke: #79c0ff } .c1 { stroke: #ffa657 } .c2 { stroke: #7ee787 } .c3 { stroke: #d2a8ff } .c4 { stroke: #9198a1 }
    .f0 { fill: #79c0ff } .f1 { fill: #ffa657 } .f2 { fill: #7ee787 } .f3 { fill: #d2a8ff } .f4 { fill: #9198a1 }
  }
";
const STYLES: usize = 5;

/// What a chart says besides its lines.
pub struct Chart {
    /// Also the name of its file.
    pub name: &'static str,
    pub title: &'static str,
    pub across: &'static str,
    pub unit: &'static str,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    series: Vec<Series>,
}

/// Draws the charts of the run written at `json` into `folder`; those it has no lines for are left as they are.
pub fn draw_all(charts: &[Chart], json: &Path, folder: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(json).with_context(|| format!("{} can't be read", json.display()))?;
    let run: Run = serde_json::from_str(&text)?;
    fs::create_dir_all(folder)?;
    for chart in charts {
        let lines: Vec<&Series> =
            run.series.iter().filter(|series| series.chart == chart.name && !series.points.is_empty()).collect();
        if !lines.is_empty() {
            fs::write(folder.join(format!("{}.svg", chart.name)), svg(chart, &lines))?;
        }
    }
    Ok(())
}

/// Where values lie on the picture.
struct Scale {
    from: f64,
    decades: f64,
    top: f64,
}

impl Scale {
    fn of(lines: &[&Series]) -> Self {
        let points = || lines.iter().flat_map(|line| &line.points);
        let from = points().map(|(x, _)| x.max(1.0).log10()).fold(f64::INFINITY, f64::min);
        let to = points().map(|(x, _)| x.max(1.0).log10()).fold(from, f64::max);
        let highest = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);
        Self { from, decades: (to - from).max(0.1), top: round_up(highest / GRID_LINES) * GRID_LINES }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value.max(1.0).log10() - self.from) / self.decades * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn round_up(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let fits = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= step * 0.999);
    fits.unwrap_or(10.0) * power
}

fn svg(chart: &Chart, lines: &[&Series]) -> String {
    let scale = Scale::of(lines);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"28\">{title}</text>\n\
         <text class=\"quiet\" x=\"{LEFT}\" y=\"50\">{unit}</text>\n",
        title = escaped(chart.title),
        unit = escaped(chart.unit),
    );
    axes(&mut out, chart, &scale, lines);
    let places = label_places(&scale, lines);
    for (index, (line, label)) in lines.iter().zip(places).enumerate() {
        one_line(&mut out, &scale, line, index % STYLES, label);
    }
    out.push_str("</svg>\n");
    out
}

fn axes(out: &mut String, chart: &Chart, scale: &Scale, lines: &[&Series]) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for n in 0..=GRID_LINES as usize {
        let value = scale.top / GRID_LINES * n as f64;
        let y = scale.y(value);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
             <text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.5,
            short(value),
        );
    }
    let ticks: BTreeSet<u64> = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x as u64).collect();
    for tick in ticks {
        let _ = writeln!(
            out,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            scale.x(tick as f64),
            bottom + 20.0,
            grouped(tick),
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        bottom + 42.0,
        escaped(chart.across),
    );
}

/// Heights of the lines' names: beside their ends, but never on each other.
fn label_places(scale: &Scale, lines: &[&Series]) -> Vec<f64> {
    let end = |line: &Series| line.points.last().map_or(0.0, |(_, y)| scale.y(*y));
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|one, other| end(lines[*one]).total_cmp(&end(lines[*other])));
    let (mut places, mut free) = (vec![0.0; lines.len()], TOP - LABEL_GAP);
    for index in order {
        free = end(lines[index]).max(free + LABEL_GAP);
        places[index] = free;
    }
    // Pushed up again if the last ones fell out of the picture.
    let overflow = (free - (HEIGHT - BOTTOM)).max(0.0);
    places.into_iter().map(|place| place - overflow).collect()
}

fn one_line(out: &mut String, scale: &Scale, line: &Series, style: usize, label: f64) {
    let at = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y));
    let path: Vec<String> = line.points.iter().map(at).collect();
    let _ = writeln!(out, "<polyline class=\"line c{style} d{style}\" points=\"{}\"/>", path.join(" "));
    for (x, y) in &line.points {
        let (x, y) = (scale.x(*x), scale.y(*y));
        let _ = writeln!(out, "<circle class=\"f{style}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.4\"/>");
    }
    let last = line.points.last().map_or(0.0, |(_, y)| *y);
    let _ = writeln!(
        out,
        "<text class=\"f{style}\" x=\"{:.1}\" y=\"{:.1}\">{}, {}</text>",
        WIDTH - RIGHT + 10.0,
        label + 4.5,
        escaped(&line.name),
        short(last),
    );
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => grouped(value.round() as u64),
        size if size >= 10.0 || size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { chart: "cost".into(), name: name.into(), points: points.to_vec() }
    }

    #[test]
    fn names_never_stand_on_each_other_nor_outside() {
        let lines: Vec<Series> =
            (0..5).map(|n| series(&format!("line {n}"), &[(1.0, 1.0), (10_000.0, f64::from(n) * 0.01)])).collect();
        let lines: Vec<&Series> = lines.iter().collect();
        let mut places = label_places(&Scale::of(&lines), &lines);
        places.sort_by(f64::total_cmp);
        assert!(places.windows(2).all(|two| two[1] - two[0] >= LABEL_GAP - 0.01), "{places:?}");
        assert!(places.iter().all(|place| (TOP..=HEIGHT - BOTTOM).contains(place)), "{places:?}");
    }

    #[test]
    fn a_run_becomes_a_picture() {
        let folder = std::env::temp_dir().join(format!("konstruct-chart-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let run = serde_json::json!({ "name": "growth", "figures": [],
                                      "series": [series("a < b", &[(1.0, 3.0), (100.0, 4.0), (10_000.0, 3.5)])] });
        fs::write(folder.join("growth.json"), run.to_string()).unwrap();
        let chart = Chart { name: "cost", title: "Cost", across: "tenants", unit: "ms" };
        draw_all(&[chart], &folder.join("growth.json"), &folder).unwrap();
        let picture = fs::read_to_string(folder.join("cost.svg")).unwrap();
        assert!(picture.contains("a &lt; b, 3.5") && picture.contains(">10,000<"), "{picture}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.0007, 0.9, 1.0, 2.1, 2.6, 70.0].map(round_up), [0.001, 1.0, 1.0, 2.5, 5.0, 100.0]);
    }
}
