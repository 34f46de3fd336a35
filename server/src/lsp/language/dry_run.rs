//! `callboard.dryRun`: what a run would do, with every prompt, as a page. Nothing is started.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use crate::{
    agent::AgentInfo,
    hub::event::{Refusal, RefusalCode},
    ids::{AgentName, RoleId},
    lsp::{commands, editor::Editor, prompts},
    workflow::{
        cast,
        plan::{InputKind, Plan},
        prompt::fenced,
        rehearsal::{Does, Rehearsed, rehearse},
    },
};

/// What it takes: a workflow by its name, or a file that is open, as it is in the editor.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DryRun {
    workflow: Option<String>,
    uri: Option<Url>,
    inputs: BTreeMap<String, Value>,
}

/// Writes the page and opens it.
pub async fn dry_run(editor: &Arc<Editor>, params: DryRun) -> Result<Value, Refusal> {
    commands::people_only(editor, "rehearse a workflow")?;
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    let DryRun { workflow, uri, inputs } = params;
    let plan = match (uri, workflow) {
        (Some(uri), _) => {
            let open = editor.scripts.analysis(&uri);
            let open = open
                .ok_or_else(|| invalid(format!("{uri} is no workflow that is open here; open it, or give its name")))?;
            open.runnable.clone().ok_or_else(|| {
                let errors = open.problems().iter().filter(|it| it.is_error()).count();
                invalid(format!("{} has {errors} errors, so there is nothing to rehearse; mend them first", open.name))
            })?
        }
        (None, Some(workflow)) => editor.shared.off_thread(move |it| it.plan(&workflow)).await?,
        (None, None) => return Err(commands::wrong("callboard.dryRun", "`workflow` or `uri` is missing")),
    };
    let snapshot = editor.shared.hub.snapshot();
    let agents: Vec<AgentInfo> = snapshot.agents().into_iter().map(|it| it.info).collect();
    let text = page(&plan, inputs, &agents);
    let written = editor.shared.pages.write(&format!("dry-run-{}.md", plan.name), text).await;
    let uri = written.ok().and_then(|it| Url::from_file_path(it).ok());
    let uri = uri.ok_or_else(|| invalid("the page can't be written; use `callboard workflows dry-run`".to_owned()))?;
    prompts::show(editor, uri.clone());
    Ok(json!({ "workflow": plan.name, "uri": uri }))
}

/// Returns the page of a rehearsal.
fn page(plan: &Plan, given: BTreeMap<String, Value>, agents: &[AgentInfo]) -> String {
    let agents: Vec<&AgentInfo> = agents.iter().collect();
    let mut inputs = given;
    for input in &plan.inputs {
        inputs.entry(input.name.clone()).or_insert_with(|| match (&input.default, input.kind) {
            (Some(default), _) => default.clone(),
            (None, InputKind::Text) => format!("‹{}›", input.name).into(),
            (None, InputKind::Path) => ".".into(),
            (None, InputKind::Number) => 1.into(),
            (None, InputKind::Flag) => true.into(),
            (None, InputKind::List) => vec![Value::from(format!("‹{}›", input.name))].into(),
        });
    }
    let chosen: Vec<(RoleId, Result<Vec<AgentName>, String>)> =
        plan.roles.iter().map(|it| (it.id.clone(), cast::choose_all(&agents, it))).collect();
    let bound: BTreeMap<RoleId, Vec<AgentName>> =
        chosen.iter().filter_map(|(role, who)| Some((role.clone(), who.as_ref().ok()?.clone()))).collect();
    let mut page = format!(
        "# Dry run: {}\n\nNothing was started. What stands in ‹…› is only known once a step has run.\n",
        plan.title
    );
    if !inputs.is_empty() {
        page += "\n## Inputs\n\n";
        for (name, value) in &inputs {
            let _ = writeln!(page, "- {name}: `{value}`");
        }
    }
    if !chosen.is_empty() {
        page += "\n## Roles\n\n";
        for (role, who) in &chosen {
            let _ = match who {
                Ok(agents) => {
                    let names: Vec<String> = agents.iter().map(ToString::to_string).collect();
                    writeln!(page, "- {role}: {}", names.join(", "))
                }
                Err(why) => writeln!(page, "- {role}: nobody ({why})"),
            };
        }
    }
    page += "\n## Steps\n";
    for step in rehearse(plan, &inputs, &bound, &agents) {
        tell(&mut page, &step);
    }
    page
}

fn tell(page: &mut String, step: &Rehearsed) {
    let Rehearsed { id, title, depth, needs, when, runs, does } = step;
    let title = if title.is_empty() { String::new() } else { format!(": {title}") };
    let _ = write!(page, "\n{} {id}{title}\n\n", "#".repeat(3 + depth.min(&3)));
    if !needs.is_empty() {
        let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
        let _ = writeln!(page, "- needs {}", needs.join(", "));
    }
    if let Some(when) = when {
        let _ = writeln!(page, "- only when `{when}`{}", if *runs { "" } else { ", which is not so here" });
    }
    match does {
        Does::Turn { role, agent, result, prompt, paths, fault } => {
            let who = agent.as_ref().map_or("nobody".to_owned(), ToString::to_string);
            let role = role.as_ref().map_or(String::new(), |it| format!(" as {it}"));
            let _ = writeln!(page, "- {who}{role} gives {result}");
            if !paths.is_null() {
                let _ = writeln!(page, "- about `{paths}`");
            }
            if let Some(fault) = fault {
                let _ = writeln!(page, "- its prompt can't be written: {fault}");
            }
            if !prompt.is_empty() {
                let _ = write!(page, "\n{}\n", fenced(prompt, "text"));
            }
        }
        Does::Pause { show, message } => {
            let show = show.as_ref().map_or(String::new(), |it| format!(", and shows {it}"));
            let _ = writeln!(page, "- asks you{show}: {message}");
        }
        Does::Repeat { until, max } => {
            let _ = writeln!(page, "- again until `{until}`, at most {max} rounds before you are asked");
        }
        Does::Each { over, at_once, max, .. } => {
            let _ = writeln!(
                page,
                "- for each of `{over}`, {at_once} at once, at most {max} before you are asked; the first:"
            );
        }
        Does::Group => {}
        Does::Nested { workflow, inputs } => {
            let _ = writeln!(page, "- does the workflow {workflow}");
            for (name, value) in inputs {
                let _ = writeln!(page, "- its {name}: `{value}`");
            }
        }
    }
}
