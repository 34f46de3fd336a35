//! `callboard show RUN --graph`: a run's plan as a Mermaid graph, each step with where it stands.
//!
//! Whatever the workflow and its agents wrote stands in quotes with its own marks taken out, so that no text of theirs can
//! add to the graph.

use std::fmt::Write as _;

use super::{
    fail::{self, Fail},
    lists::only,
    out::Out,
    render::{plan::over, step, time},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    ids::{RunId, StepId},
    protocol::{PlanParams, RunView, RunsParams, StepStatus, StepView, method},
    workflow::plan::{Action, Plan, Step, Who},
};

/// The longest label of a line, in characters.
const MOST_LABEL: usize = 80;

/// How a step is drawn that stands so.
const CLASSES: &str = "  classDef done fill:#d5f0d5,stroke:#3a7d3a,color:#111
  classDef going fill:#d5e4f7,stroke:#2a5a9a,color:#111
  classDef waits fill:#fbeec4,stroke:#9a7a1a,color:#111
  classDef bad fill:#f7d5d5,stroke:#9a2a2a,color:#111
  classDef left fill:#f2f2f2,stroke:#999,color:#555,stroke-dasharray:4 3
";

/// Writes a run's graph to stdout.
pub async fn graph(wire: &mut impl Wire, out: &mut Out, run: RunId) -> Result<i32, Fail> {
    let view = only(ask::<Vec<RunView>>(wire, method::RUNS, &RunsParams { run: Some(run), live: false }).await?, run)?;
    let plan: Plan = ask(wire, method::PLAN, &PlanParams { run }).await?;
    let text = mermaid(&plan, &view);
    if out.json {
        out.object(&serde_json::json!({ "run": run, "mermaid": text }))?;
    } else {
        out.raw(&text)?;
    }
    Ok(fail::OK)
}

/// Draws a plan with a run's states.
fn mermaid(plan: &Plan, run: &RunView) -> String {
    let mut text = String::from("flowchart TD\n");
    list(&mut text, &plan.steps, run, 1);
    edges(&mut text, &plan.steps, run);
    text.push_str(CLASSES);
    text
}

fn list(text: &mut String, steps: &[Step], run: &RunView, depth: usize) {
    let indent = "  ".repeat(depth);
    for step in steps {
        let view = run.steps.iter().find(|it| it.id == step.id);
        let id = node(&step.id);
        let name = if step.title.is_empty() { step.id.as_str() } else { &step.title };
        let mut lines = vec![label(name)];
        lines.extend(view.and_then(|it| it.item.as_deref()).map(label));
        match &step.action {
            Action::Repeat(repeat) => {
                let round = repeat.steps.iter().filter_map(|it| run.steps.iter().find(|view| view.id == it.id));
                let round = round.map(|it| it.round).max().unwrap_or(0);
                let head =
                    format!("↻ {} · round {round} of {} · until {}", lines[0], repeat.max, label(&repeat.ends()));
                let _ = writeln!(text, "{indent}subgraph {id} [\"{head}\"]");
                list(text, &repeat.steps, run, depth + 1);
                let _ = writeln!(text, "{indent}end");
            }
            Action::Each(_) | Action::Group(_) | Action::Nested(_) => {
                let head = match &step.action {
                    Action::Each(each) => format!("⋮ {} · {}", lines[0], label(&over(each))),
                    Action::Nested(nested) => format!("▾ {} · {}", lines[0], label(&nested.workflow)),
                    _ => lines[0].clone(),
                };
                let _ = writeln!(text, "{indent}subgraph {id} [\"{head}\"]");
                list(text, &shown(step, run), run, depth + 1);
                let _ = writeln!(text, "{indent}end");
            }
            Action::Turn(turn) => {
                let who = view.and_then(|it| it.agent.as_ref()).map(ToString::to_string);
                lines.push(who.unwrap_or_else(|| match &turn.who {
                    Who::Role(role) => label(role.as_str()),
                    Who::Agent(agent) => agent.to_string(),
                }));
                lines.extend(state(view));
                let (open, close) = if matches!(turn.who, Who::Agent(_)) { ("[[", "]]") } else { ("[", "]") };
                let _ = writeln!(text, "{indent}{id}{open}\"{}\"{close}:::{}", lines.join("<br>"), class(view));
            }
            Action::Pause(_) => {
                lines[0] = format!("⏸ {}", lines[0]);
                lines.extend(state(view));
                let _ = writeln!(text, "{indent}{id}{{{{\"{}\"}}}}:::{}", lines.join("<br>"), class(view));
            }
        }
    }
}

/// Returns where a step stands, in a line of its label.
fn state(view: Option<&StepView>) -> Option<String> {
    let view = view?;
    let mut parts = vec![label(&step::outcome(view))];
    parts.retain(|it| !it.is_empty());
    if let (Some(from), Some(to)) = (view.started, view.ended) {
        parts.push(time::lasted(to.since(from)));
    }
    if view.attempt > 1 {
        parts.push(format!("try {}", view.attempt));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Returns the steps that are drawn in one that holds others: once for each item that the run has met, else as planned.
fn shown(step: &Step, run: &RunView) -> Vec<Step> {
    let Action::Each(each) = &step.action else { return step.planned().to_vec() };
    let is_there = |it: &Step| run.steps.iter().any(|view| view.id == it.id);
    let met: Vec<Step> = (1..=u32::MAX).map(|number| each.instance(number)).take_while(is_there).collect();
    if met.is_empty() { vec![each.instance(1)] } else { met }
}

fn edges(text: &mut String, steps: &[Step], run: &RunView) {
    for step in steps {
        // A step that is done only on a condition hangs on a dashed line.
        let arrow = if step.when.is_some() { "-.->" } else { "-->" };
        for need in &step.needs {
            let _ = writeln!(text, "  {} {arrow} {}", node(need), node(&step.id));
        }
        edges(text, &shown(step, run), run);
    }
}

fn class(view: Option<&StepView>) -> &'static str {
    match view.map(|it| it.status) {
        Some(StepStatus::Done) => "done",
        Some(StepStatus::Running | StepStatus::Queued) => "going",
        Some(StepStatus::Paused | StepStatus::Backoff) => "waits",
        Some(StepStatus::Failed) => "bad",
        Some(StepStatus::Skipped | StepStatus::Waiting) | None => "left",
    }
}

/// Returns a step's node: never one of Mermaid's own words, such as `end`.
fn node(id: &StepId) -> String {
    let safe: String = id.as_str().chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect();
    format!("s_{safe}")
}

/// Returns a text as a label may have it: one line, not too long, with no sign that means anything to Mermaid or to HTML.
fn label(text: &str) -> String {
    let text = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(MOST_LABEL).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    let mut safe = String::new();
    for it in short.chars() {
        match it {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '\\' | '[' | ']' | '{' | '}' | '|' => {
                let _ = write!(safe, "#{};", u32::from(it));
            }
            it => safe.push(it),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            out::Buffer,
            render::{run::tests::sample, step::tests::sample as step_view},
            wire::fake::Fake,
        },
        protocol::RunStatus,
        workflow,
    };

    const TEXT: &str = "title: T\nroles:\n  r: { prefer: [lint] }\nsteps:\n  - id: loop_it\n    repeat:\n      until: look.verdict == \
                        \"approved\"\n      max: 3\n      steps:\n        - { id: look, title: 'Say \"]; end', role: r, result: review, prompt: \
                        x }\n        - { id: tests, tool: tests }\n  - { id: end, needs: [loop_it], when: 'round == 1', pause: { message: ok } }\n";

    #[tokio::test]
    async fn a_run_is_drawn_with_its_states_and_no_text_breaks_out() {
        let plan = workflow::load("t", TEXT).plan.unwrap();
        let look = StepView { round: 2, ..step_view("look", StepStatus::Done) };
        let view = sample(3, RunStatus::Waiting, vec![look, step_view("end", StepStatus::Paused)]);
        let mut hub = Fake::default().on(method::RUNS, json!({ "run": "r3" }), json!([view])).on(
            method::PLAN,
            json!({ "run": "r3" }),
            json!(plan),
        );
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, false);
        graph(&mut hub, &mut out, RunId(3)).await.unwrap();
        hub.assert_played();
        let text = shown.text();
        let drawn = text.strip_suffix(CLASSES).unwrap();
        insta::assert_snapshot!(drawn, @r##"
        flowchart TD
          subgraph s_loop_it ["↻ loop_it · round 2 of 3 · until look.verdict == #34;approved#34;"]
            s_look["Say #34;#93;#59; end<br>@lint"]:::done
            s_tests[["tests<br>@tests"]]:::left
          end
          s_end{{"⏸ end<br>waits for you"}}:::waits
          s_loop_it -.-> s_end
        "##);
    }
}
