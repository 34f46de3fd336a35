//! What `callboard doctor` found: a line a thing, and below it what to do.

use serde::Serialize;

use super::{Line, Tone};
use crate::agent::terminal::plain::plain;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Good,
    /// Not there, and not needed unless it is wanted.
    Absent,
    /// Works, but not fully.
    Warn,
    /// In the way.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What kind of thing: `agents`, `programs`, `folders`, `workspace`.
    pub group: &'static str,
    /// Which.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub mend: String,
}

impl Check {
    /// Makes a check that came out well.
    pub fn good(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { group, name: name.into(), health: Health::Good, found: found.into(), mend: String::new() }
    }

    /// Makes a check that came out otherwise, with what to do.
    pub fn not(
        health: Health,
        group: &'static str,
        name: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { group, name: name.into(), health, found: found.into(), mend: mend.into() }
    }
}

/// Returns the checks by group, and a last line that sums up.
pub fn checks(checks: &[Check], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut group = "";
    let wide = checks.iter().map(|it| it.name.chars().count()).max().unwrap_or(0).min(24);
    for it in checks {
        if it.group != group {
            if !group.is_empty() {
                lines.push(Line::new());
            }
            group = it.group;
            lines.push(Line::new().with(Tone::Strong, group));
        }
        let (mark, tone) = match it.health {
            Health::Good => ("✓", Tone::Good),
            Health::Absent => ("–", Tone::Faint),
            Health::Warn => ("!", Tone::Warn),
            Health::Bad => ("✗", Tone::Bad),
        };
        let name = Line::plain("  ").with(tone, mark).with(Tone::Plain, format!(" {:<wide$}  ", it.name));
        let rest = Line::plain(" ".repeat(wide + 6));
        lines.extend(Line::plain(plain(&it.found)).wrap(width, &name, &rest));
        for part in plain(&it.mend).lines() {
            lines.extend(Line::new().with(Tone::Note, part).wrap(width, &rest, &rest));
        }
    }
    let bad = checks.iter().filter(|it| it.health == Health::Bad).count();
    lines.push(Line::new());
    lines.push(if bad == 0 {
        Line::new().with(Tone::Good, "Callboard can work here.")
    } else {
        Line::new().with(Tone::Bad, format!("{} in the way.", super::time::count(bad, "thing")))
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn each_thing_says_what_to_do() {
        let all = [
            Check::good("programs", "git", "2.39.5"),
            Check::not(Health::Absent, "agents", "@codex", "not on PATH", "npm install -g @openai/codex"),
            Check::not(Health::Bad, "folders", "state", "can't be written", "chmod u+w it"),
        ];
        insta::assert_snapshot!(text(&checks(&all, 80)), @r"
        programs
          ✓ git     2.39.5

        agents
          – @codex  not on PATH
                    npm install -g @openai/codex

        folders
          ✗ state   can't be written
                    chmod u+w it

        1 thing in the way.
        ");
    }
}
