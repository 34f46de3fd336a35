//! Rows and tables: what is shown on the terminal and what stands in `docs/performance.md`. Pure but for the one write.

use std::{fmt::Write as _, path::Path};

use super::measure::Measured;

/// A line of the report.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured, with its conditions.
    pub what: String,
    /// What came out, or why it wasn't taken.
    pub outcome: Result<Measured, String>,
    /// The physical limit taken in the same run, by name.
    pub floor: Option<(String, Measured)>,
    /// What is to be reached, in words.
    pub reach: &'static str,
}

impl Row {
    /// A physical limit.
    pub fn floor(what: &str, outcome: Result<Measured, String>) -> Self {
        Self { what: what.to_owned(), outcome, floor: None, reach: "" }
    }

    /// A figure of Callboard's.
    pub fn figure(what: impl Into<String>, outcome: Result<Measured, String>, reach: &'static str) -> Self {
        Self { what: what.into(), outcome, floor: None, reach }
    }

    /// With the floor that it stands on, where that was taken.
    #[must_use]
    pub fn on(mut self, name: &str, floor: Option<Measured>) -> Self {
        self.floor = floor.map(|floor| (name.to_owned(), floor));
        self
    }

    /// Returns the row's cells.
    fn cells(&self) -> [String; 6] {
        let times = match (&self.outcome, &self.floor) {
            (Ok(it), Some((_, floor))) if it.unit == floor.unit => format!("{:.2}", it.over(floor)),
            _ => String::new(),
        };
        let floor = self.floor.as_ref().map_or(String::new(), |(name, floor)| {
            let value = floor.unit.show(floor.median);
            if name.is_empty() { value } else { format!("{value} ({name})") }
        });
        match &self.outcome {
            Ok(it) => {
                [self.what.clone(), it.unit.show(it.median), it.unit.show(it.bad), it.n.to_string(), floor, times]
            }
            Err(why) => [
                self.what.clone(),
                format!("not taken: {}", in_a_cell(why)),
                String::new(),
                String::new(),
                floor,
                times,
            ],
        }
    }
}

/// A sentence that fits in a table: one line, no column marks, and no folder of this machine.
fn in_a_cell(text: &str) -> String {
    let text = text.replace(env!("CARGO_MANIFEST_DIR"), ".").replace('|', "/");
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// Returns a Markdown table of figures.
pub fn figures(rows: &[Row]) -> String {
    let mut text =
        "| what | median | worst 5 % | n | floor, same run | × floor | to reach |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let _ = writeln!(text, "| {} | {} |", row.cells().join(" | "), row.reach);
    }
    text
}

/// Returns a Markdown table of floors.
pub fn floors(rows: &[Row]) -> String {
    let mut text = "| physical limit | median | worst 5 % | n |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let [what, median, bad, n, ..] = row.cells();
        let _ = writeln!(text, "| {what} | {median} | {bad} | {n} |");
    }
    text
}

/// Returns a Markdown table set in columns, for a terminal.
pub fn aligned(table: &str) -> String {
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.starts_with("not taken"));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.iter().all(|cell| cell.starts_with("---"))) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The marks between which the document belongs to the benchmarks.
const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// Puts a report between the document's marks.
pub fn replace(document: &str, report: &str) -> Result<String, String> {
    let missing = || format!("the document has no lines `{BEGIN}` and `{END}`; put them where the figures belong");
    let begin = document.find(BEGIN).ok_or_else(missing)? + BEGIN.len();
    let end = begin + document[begin..].find(END).ok_or_else(missing)?;
    Ok(format!("{}\n\n{}\n{}", &document[..begin], report.trim_end(), &document[end..]))
}

/// Writes a report into the document.
pub fn write(path: &Path, report: &str) -> Result<(), String> {
    let document = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    let document = replace(&document, report)?;
    std::fs::write(path, document).map_err(|error| format!("writing {}: {error}", path.display()))
}
