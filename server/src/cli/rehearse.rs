//! `callboard workflows dry-run NAME`: what a run would do here, with every prompt, and no agent started.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use super::{
    args::{DryRunArgs, RunArgs},
    fail::{self, Fail},
    out::Out,
    render::{Line, Tone, time},
    run,
    setting::Setting,
    workflows,
};
use crate::{
    agent::{
        AgentInfo,
        catalog::{Catalog, Folder, profile::Origin},
        terminal::plain::plain,
    },
    ids::{AgentName, RoleId},
    workflow::{
        cast,
        plan::{InputKind, Limits, Plan},
        rehearsal::{Does, Rehearsed, rehearse},
    },
};

/// Who would play a role, or why nobody can.
type Cast = Vec<(RoleId, Result<Vec<AgentName>, String>)>;

/// Says what a run of a workflow would do. Exit 1 where a role has nobody here.
pub fn dry_run(setting: &Setting, out: &mut Out, args: &DryRunArgs) -> Result<i32, Fail> {
    let (plan, origin) = workflows::checked(setting, out, &args.workflow)?;
    let inputs = inputs(setting, &plan, args)?;
    let programs = setting.programs();
    let folders = [Folder { path: setting.places.agents_dir(), origin: Origin::User }];
    let agents = Catalog::load(&folders, &programs).0.infos();
    let mut agents: Vec<&AgentInfo> = agents.iter().collect();
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let given = run::roles(Some(&plan), &as_run(args))?;
    let mut all: Cast = Vec::new();
    for role in &plan.roles {
        let who = match given.get(role.id.as_str()) {
            Some(players) => {
                let names = players.names();
                let all = names.iter().try_for_each(|it| known(&agents, it));
                all.and_then(|()| cast::check_count(role, names)).map(|()| names.to_vec())
            }
            None => cast::choose_all(&agents, role),
        };
        all.push((role.id.clone(), who));
    }
    let bound: BTreeMap<RoleId, Vec<AgentName>> =
        all.iter().filter_map(|(role, who)| Some((role.clone(), who.as_ref().ok()?.clone()))).collect();
    let steps = rehearse(&plan, &inputs, &bound, &agents);
    if out.json {
        out.object(&object(&plan, &inputs, &all, &steps))?;
    } else {
        out.lines(&head(&plan, &origin, &inputs, &all, out.view.width))?;
        for step in &steps {
            tell(out, step)?;
        }
        let said = "Nothing was started. What stands in ‹…› is only known once a step has run.";
        out.line(&Line::new().with(Tone::Faint, said))?;
    }
    Ok(if all.iter().any(|it| it.1.is_err()) { fail::FAILED } else { fail::OK })
}

fn known(agents: &[&AgentInfo], name: &AgentName) -> Result<(), String> {
    match agents.iter().find(|it| it.name == *name) {
        None => Err(format!("there is no agent {name}; `callboard agents` lists them")),
        Some(it) => it.missing.as_ref().map_or(Ok(()), |why| Err(format!("{name} can't be used: {why}"))),
    }
}

fn as_run(args: &DryRunArgs) -> RunArgs {
    RunArgs {
        workflow: args.workflow.clone(),
        path: args.path.clone(),
        inputs: args.inputs.clone(),
        agents: args.agents.clone(),
        ..RunArgs::default()
    }
}

/// Returns the inputs as given, defaults for the rest, and stand-ins for what a real run has to be told.
fn inputs(setting: &Setting, plan: &Plan, args: &DryRunArgs) -> Result<BTreeMap<String, Value>, Fail> {
    let mut given = as_run(args);
    let mut stand_ins: Vec<(String, String)> = Vec::new();
    for input in &plan.inputs {
        let is_given =
            given.inputs.iter().any(|it| it.0 == input.name) || (input.name == "path" && given.path.is_some());
        if input.default.is_none() && !is_given {
            let text = match input.kind {
                InputKind::Text => format!("‹{}›", input.name),
                InputKind::Path => ".".to_owned(),
                InputKind::Number => "1".to_owned(),
                InputKind::Flag => "yes".to_owned(),
                InputKind::List => format!("[\"‹{}›\"]", input.name),
            };
            stand_ins.push((input.name.clone(), text));
        }
    }
    // A stand-in for a path is the workspace itself, wherever the command is given.
    let (paths, others): (Vec<_>, Vec<_>) = stand_ins
        .into_iter()
        .partition(|it| plan.inputs.iter().any(|input| input.name == it.0 && input.kind == InputKind::Path));
    given.inputs.extend(others);
    let root: PathBuf = setting.workspace.root.clone();
    given.inputs.extend(paths.into_iter().map(|it| (it.0, root.to_string_lossy().into_owned())));
    let mut inputs = run::inputs(Some(plan), &setting.ground(), &given)?;
    for input in &plan.inputs {
        if let Some(default) = &input.default {
            inputs.entry(input.name.clone()).or_insert_with(|| default.clone());
        }
    }
    Ok(inputs)
}

fn object(plan: &Plan, inputs: &BTreeMap<String, Value>, cast: &Cast, steps: &[Rehearsed]) -> Value {
    let roles: Vec<Value> = cast
        .iter()
        .map(|(role, who)| match who {
            Ok(agents) if agents.len() == 1 => json!({ "role": role, "agent": agents[0] }),
            Ok(agents) => json!({ "role": role, "agent": agents.first(), "agents": agents }),
            Err(why) => json!({ "role": role, "why": why }),
        })
        .collect();
    json!({
        "workflow": plan.name, "title": plan.title, "hash": plan.hash, "inputs": inputs, "roles": roles,
        "limits": plan.limits, "steps": steps,
    })
}

fn head(plan: &Plan, origin: &str, inputs: &BTreeMap<String, Value>, cast: &Cast, width: usize) -> Vec<Line> {
    let mut lines = vec![
        Line::new()
            .with(Tone::Strong, format!("Dry run of {}", plain(&plan.name)))
            .with(Tone::Plain, format!("  {}", plain(&plan.title)))
            .with(Tone::Faint, format!("  ({})", plain(origin))),
        Line::new(),
    ];
    for (name, value) in inputs {
        let lead = Line::new().with(Tone::Faint, format!("{name} = "));
        lines.extend(Line::plain(plain(&value.to_string())).wrap(width, &lead, &"    ".into()));
    }
    for (role, who) in cast {
        let lead = Line::new().with(Tone::Code, role.to_string()).with(Tone::Plain, " → ");
        match who {
            Ok(agents) => {
                let names: Vec<String> = agents.iter().map(ToString::to_string).collect();
                lines.push(lead.with(Tone::Name, names.join(", ")));
            }
            Err(why) => lines.extend(Line::new().with(Tone::Bad, plain(why)).wrap(width, &lead, &"    ".into())),
        }
    }
    lines.push(Line::new().with(Tone::Faint, limits(&plan.limits)));
    lines.push(Line::new());
    lines
}

fn limits(it: &Limits) -> String {
    let cents = it.micro_dollars / 10_000;
    let (dollars, cents) = (cents / 100, cents % 100);
    let time = time::lasted(it.time);
    format!("It stops and asks after {} turns, {time}, {} tokens or {dollars}.{cents:02} dollars.", it.turns, it.tokens)
}

/// Begins the line of a step that holds others and is no loop.
fn tell_holder(line: &mut Line, step: &Rehearsed) {
    let (mark, text) = match &step.does {
        Does::Each { over, items, at_once, max } if step.runs => {
            let known = if items.len() > 1 { format!("{} of them, ", items.len()) } else { String::new() };
            ("⋮ ", format!("  for each of {} ({known}{at_once} at once; asks above {max}); the first:", plain(over)))
        }
        Does::Each { over, .. } => ("⋮ ", format!("  for each of {}", plain(over))),
        Does::Group => ("▾ ", String::new()),
        Does::Nested { workflow, .. } => ("▾ ", format!("  does {}", plain(workflow))),
        Does::Turn { .. } | Does::Pause { .. } | Does::Repeat { .. } => return,
    };
    line.push(Tone::Note, mark);
    line.push(Tone::Strong, step.id.to_string());
    line.push(Tone::Plain, text);
}

fn tell(out: &mut Out, step: &Rehearsed) -> Result<(), Fail> {
    let indent = "  ".repeat(step.depth);
    let mut line = Line::plain(&indent);
    match &step.does {
        Does::Turn { role, agent, result, .. } => {
            line.push(Tone::Note, "▸ ");
            line.push(Tone::Strong, step.id.to_string());
            match agent {
                Some(agent) => line.push(Tone::Name, format!("  {agent}")),
                None => line.push(Tone::Bad, "  nobody"),
            }
            if let Some(role) = role {
                line.push(Tone::Faint, format!(" as {role}"));
            }
            line.push(Tone::Faint, format!("  → {result}"));
        }
        Does::Pause { .. } => {
            line.push(Tone::Warn, "⏸ ");
            line.push(Tone::Strong, step.id.to_string());
            line.push(Tone::Warn, "  waits for a person");
        }
        Does::Each { .. } | Does::Group | Does::Nested { .. } => {}
        Does::Repeat { until, max } => {
            line.push(Tone::Note, "↻ ");
            line.push(Tone::Strong, step.id.to_string());
            line.push(
                Tone::Plain,
                format!("  until {} (asks after {})", plain(until), time::count(*max as usize, "round")),
            );
        }
    }
    tell_holder(&mut line, step);
    if !step.needs.is_empty() {
        let needs: Vec<_> = step.needs.iter().map(ToString::to_string).collect();
        line.push(Tone::Faint, format!("  after {}", needs.join(", ")));
    }
    if let Some(when) = &step.when {
        let likely = if step.runs { "" } else { " (not in the first round, as it looks)" };
        line.push(Tone::Faint, format!("  when {}{likely}", plain(when)));
    }
    out.line(&line)?;
    let margin = Line::plain(&indent).with(Tone::Faint, "  │ ");
    let mut body = |text: &str| -> Result<(), Fail> {
        for it in text.trim_end().lines() {
            out.line(&margin.clone().joined(&Line::plain(plain(it))))?;
        }
        Ok(())
    };
    match &step.does {
        Does::Turn { prompt, paths, fault, agent, .. } => {
            if !paths.is_null() {
                body(&format!("paths: {paths}"))?;
            }
            if let Some(why) = fault {
                body(&format!("The prompt can't be written: {why}"))?;
            } else if !prompt.is_empty() {
                body(prompt)?;
            } else if agent.is_some() {
                body("(a tool: it is told its paths and findings)")?;
            }
        }
        Does::Pause { show, message } => {
            body(message)?;
            if let Some(show) = show {
                body(&format!("Shows the result of {show}."))?;
            }
        }
        Does::Nested { inputs, .. } => {
            for (name, value) in inputs {
                body(&format!("{name} = {value}"))?;
            }
        }
        Does::Repeat { .. } | Does::Each { .. } | Does::Group => return Ok(()),
    }
    out.line(&Line::new())
}
