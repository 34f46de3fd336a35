//! A workflow for people: what it is told, who plays, what is done in which order, where it stops.

use super::{Line, Tone, time};
use crate::{
    agent::terminal::plain::plain,
    workflow::plan::{Action, EachAction, Over, Plan, Step, Who},
};

/// Returns a checked workflow. `origin` says where it comes from.
pub fn plan(plan: &Plan, origin: &str, width: usize) -> Vec<Line> {
    let mut lines = vec![
        Line::new()
            .with(Tone::Strong, plain(&plan.name))
            .with(Tone::Plain, format!("  {}", plain(&plan.title)))
            .with(Tone::Faint, format!("  ({})", plain(origin))),
    ];
    lines.extend(Line::plain(plain(&plan.description).replace('\n', " ")).wrap(width, &Line::new(), &Line::new()));
    section(&mut lines, "inputs");
    for it in &plan.inputs {
        let default = it.default.as_ref().map_or_else(|| "required".to_owned(), |it| format!("default {it}"));
        let text = format!("{} ({default})", plain(&it.description));
        let lead = Line::plain("  ").with(Tone::Code, &it.name).with(Tone::Plain, "  ");
        lines.extend(Line::plain(text.trim_start()).wrap(width, &lead, &"    ".into()));
    }
    section(&mut lines, "roles");
    for it in &plan.roles {
        let prefer: Vec<_> = it.prefer.iter().map(ToString::to_string).collect();
        let access = format!("{:?}", it.access).to_lowercase();
        let seats = if it.is_shared() { format!(", {} side by side", it.seats.len()) } else { String::new() };
        let text = format!("{access}{seats}; {}", if prefer.is_empty() { "any".to_owned() } else { prefer.join(", ") });
        let lead = Line::plain("  ").with(Tone::Code, it.id.to_string()).with(Tone::Plain, "  ");
        lines.extend(Line::plain(text).wrap(width, &lead, &"    ".into()));
    }
    section(&mut lines, "steps");
    steps(&plan.steps, 1, &mut lines);
    lines.push(Line::new());
    let limits = &plan.limits;
    lines.push(Line::new().with(
        Tone::Faint,
        format!("It stops and asks after {} turns or {}.", limits.turns, time::lasted(limits.time)),
    ));
    lines
}

fn section(lines: &mut Vec<Line>, name: &str) {
    lines.extend([Line::new(), Line::new().with(Tone::Strong, name)]);
}

fn steps(of: &[Step], depth: usize, lines: &mut Vec<Line>) {
    for step in of {
        let mut line = Line::plain("  ".repeat(depth));
        match &step.action {
            Action::Turn(_) => line.push(Tone::Note, "▸ "),
            Action::Pause(_) => line.push(Tone::Warn, "⏸ "),
            Action::Repeat(_) => line.push(Tone::Note, "↻ "),
            Action::Each(_) => line.push(Tone::Note, "⋮ "),
            Action::Group(_) | Action::Nested(_) => line.push(Tone::Note, "▾ "),
        }
        line.push(Tone::Plain, step.id.to_string());
        match &step.action {
            Action::Turn(turn) => {
                match &turn.who {
                    Who::Role(role) => line.push(Tone::Name, format!("  {role}")),
                    Who::Agent(agent) => line.push(Tone::Name, format!("  {agent}")),
                }
                line.push(Tone::Faint, format!("  → {}", turn.result.name()));
            }
            Action::Pause(_) => line.push(Tone::Warn, "  waits for a person"),
            Action::Repeat(repeat) => {
                let (ends, counts) = (plain(&repeat.ends()), repeat.counts());
                line.push(Tone::Plain, format!("  until {ends} (at most {} {counts})", repeat.max));
            }
            Action::Each(each) => line.push(Tone::Plain, format!("  {}", over(each))),
            Action::Group(_) => {}
            Action::Nested(nested) => line.push(Tone::Name, format!("  does {}", plain(&nested.workflow))),
        }
        if !step.needs.is_empty() {
            let needs: Vec<_> = step.needs.iter().map(ToString::to_string).collect();
            line.push(Tone::Faint, format!("  after {}", needs.join(", ")));
        }
        if let Some(when) = &step.when {
            line.push(Tone::Faint, format!("  when {}", plain(when)));
        }
        lines.push(line);
        steps(step.planned(), depth + 1, lines);
    }
}

/// Says for what a step is done several times.
pub fn over(each: &EachAction) -> String {
    match &each.over {
        Over::List(list) => {
            format!("for each {} of {} (at most {}, {} at once)", each.item, plain(list), each.most, each.at_once)
        }
        Over::Role(role) => format!("by all who play {role}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn a_workflow_is_shown_in_its_order() {
        let source = "title: Try\nroles:\n  r: {prefer: [lint]}\nsteps:\n  - id: a\n    role: r\n    result: review\n    \
                      prompt: look\n  - id: b\n    needs: [a]\n    when: a.verdict != \"approved\"\n    pause: {show: a, message: ok}\n";
        let loaded = crate::workflow::load("try", source);
        let it = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.problems));
        let shown = text(&plan(&it, "built in", 100));
        assert!(shown.contains("  ▸ a  r  → review\n  ⏸ b  waits for a person  after a  when a.verdict"), "{shown}");
    }
}
