//! `callboard workflows new NAME`: the beginning of a workflow, a copy of a template, or what a run did as a file.

use super::{
    fail::{self, Fail},
    harvest,
    lists::only,
    out::Out,
    render::{Line, Tone},
    setting::Setting,
    wire::{Wire, ask},
    workflows,
};
use crate::{
    ids::{MessageId, RunId, is_name},
    protocol::{AgentView, MessagesParams, MessagesResult, Nothing, PlanParams, RunView, RunsParams, method},
    workflow::{self, plan::Plan, write::write},
};

/// The beginning of a new workflow. Invariant: the checker finds nothing in it.
pub const BEGINNING: &str = include_str!("workflows/beginning.yaml.in");

/// What leads from a template to the schema beside it, for those who edit templates.
const BESIDE: &str = "# yaml-language-server: $schema=./workflow.schema.json";

/// Writes a new workflow to stdout: the usual beginning, or a copy of the workflow `from`.
pub fn new(setting: &Setting, out: &mut Out, name: &str, from: Option<&str>) -> Result<i32, Fail> {
    good_name(name)?;
    let text = match from {
        None => BEGINNING.replace("NAME", name),
        Some(from) => {
            let source = workflows::find(setting, from)?;
            // A file is run by its own name; one that says another would be warned of.
            // And where the schema lies beside the templates it does not lie beside the copy: an editor would say so.
            let lines = source.text.lines().filter(|it| !it.starts_with("name:") && *it != BESIDE);
            lines.skip_while(|it| *it == "#").flat_map(|it| [it, "\n"]).collect()
        }
    };
    give(out, name, &text)
}

/// Writes what a run did as a workflow to stdout: its steps, prompts and gates, the roles as they were played, and what it was
/// told as the inputs' defaults.
pub async fn new_from_run(wire: &mut impl Wire, out: &mut Out, name: &str, run: RunId) -> Result<i32, Fail> {
    good_name(name)?;
    let view = only(ask::<Vec<RunView>>(wire, method::RUNS, &RunsParams { run: Some(run), live: false }).await?, run)?;
    let plan: Plan = ask(wire, method::PLAN, &PlanParams { run }).await?;
    let text = of_run(name, &view, plan);
    let problems = workflow::load(name, &text).problems;
    if let Some(problem) = problems.iter().find(|it| it.is_error()) {
        return Err(Fail::new("fault", format!("what {run} did can't be written as a workflow: {problem}"))
            .help("`callboard workflows new NAME --from WORKFLOW` copies the workflow itself"));
    }
    give(out, name, &text)
}

/// Writes what was done in a thread as a workflow to stdout: who was asked what in which order, with the names in it as inputs. A
/// thread that a run began is that run.
pub async fn new_from_thread(wire: &mut impl Wire, out: &mut Out, name: &str, message: MessageId) -> Result<i32, Fail> {
    good_name(name)?;
    let params = MessagesParams { thread: Some(message), limit: Some(1_000), ..MessagesParams::default() };
    let thread: MessagesResult = ask(wire, method::MESSAGES, &params).await?;
    let run = thread.messages.first().and_then(|it| it.about.as_ref()?.run);
    if let Some(run) = run {
        return new_from_run(wire, out, name, run).await;
    }
    let agents: Vec<AgentView> = ask(wire, method::AGENTS, &Nothing {}).await?;
    let agents: Vec<_> = agents.into_iter().map(|it| it.info).collect();
    let plan = harvest::plan(name, &thread.messages, &agents).map_err(|why| {
        Fail::new("invalid", format!("the thread of {message} can't be made a workflow: {why}"))
            .help("`callboard channel show --thread MESSAGE` shows a thread")
    })?;
    let about = format!(
        "What was done in the thread of {message}, as a workflow. Run it by: callboard run {name}\n\
         Its inputs' defaults are what the thread spoke of; each role prefers whoever played it there."
    );
    let text = write(&plan, &about);
    if let Some(problem) = workflow::load(name, &text).problems.iter().find(|it| it.is_error()) {
        return Err(Fail::new("fault", format!("the thread of {message} can't be written as a workflow: {problem}"))
            .help("report it with the thread; `callboard workflows new NAME` writes the usual beginning"));
    }
    give(out, name, &text)
}

fn of_run(name: &str, run: &RunView, mut plan: Plan) -> String {
    for input in &mut plan.inputs {
        if let Some(value) = run.inputs.get(&input.name) {
            input.default = Some(value.clone());
        }
    }
    for role in &mut plan.roles {
        // Who played comes first; those who could have follow.
        if let Some(agent) = run.roles.get(role.id.as_str()) {
            role.prefer.retain(|it| it != agent);
            role.prefer.insert(0, agent.clone());
        }
    }
    let id = run.id;
    let about = format!(
        "What {id} of {} did, as a workflow. Run it by: callboard run {name}\n\
         The inputs' defaults are what {id} was told, and each role prefers whoever played it.",
        plan.name
    );
    name.clone_into(&mut plan.name);
    write(&plan, &about)
}

fn good_name(name: &str) -> Result<(), Fail> {
    if is_name(name) {
        return Ok(());
    }
    Err(Fail::usage(format!("{name:?} can't be a workflow's name"))
        .help("use 1 to 64 of a-z, 0-9, '-' and '_', with a letter or digit first"))
}

fn give(out: &mut Out, name: &str, text: &str) -> Result<i32, Fail> {
    out.raw(text)?;
    if out.is_terminal {
        let how = format!("# To keep it, put `> .callboard/workflows/{name}.yaml` behind this command.");
        out.remark(&Line::new().with(Tone::Faint, how))?;
    }
    Ok(fail::OK)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{out::Buffer, render::run::tests::sample, trust::tests::setting, wire::fake::Fake},
        protocol::RunStatus,
        workflow::library::BUILT_IN,
    };

    fn plan(name: &str) -> Plan {
        let (name, text) = BUILT_IN.iter().find(|it| it.0 == name).unwrap();
        workflow::load(name, text).plan.unwrap()
    }

    fn out() -> (Out, Buffer) {
        let shown = Buffer::default();
        (Out::into_buffers(shown.clone(), Buffer::default(), false, false), shown)
    }

    #[test]
    fn a_copy_of_every_template_is_free_of_problems() {
        let (_folder, setting) = setting();
        for (name, _) in BUILT_IN {
            let (mut out, shown) = out();
            new(&setting, &mut out, "mine", Some(name)).unwrap();
            assert_eq!(workflow::load("mine", &shown.text()).problems, [], "{name}");
            assert!(shown.text().starts_with("# "), "{name}: the comments teach");
            assert!(!shown.text().contains("$schema"), "{name}: no schema lies beside the copy");
        }
        assert_eq!(new(&setting, &mut out().0, "Ship It", None).unwrap_err().exit, fail::USAGE);
        assert!(new(&setting, &mut out().0, "mine", Some("reviewfix")).unwrap_err().message.contains("review-fix"));
    }

    #[tokio::test]
    async fn a_run_becomes_a_workflow_with_its_cast_and_what_it_was_told() {
        let mut view = sample(3, RunStatus::Approved, vec![]);
        view.inputs = [("path".to_owned(), json!("src")), ("focus".to_owned(), json!("races"))].into();
        let mut hub = Fake::default().on(method::RUNS, json!({ "run": "r3" }), json!([view])).on(
            method::PLAN,
            json!({ "run": "r3" }),
            json!(plan("review-fix")),
        );
        let (mut out, shown) = out();
        new_from_run(&mut hub, &mut out, "mine", RunId(3)).await.unwrap();
        hub.assert_played();
        let loaded = workflow::load("mine", &shown.text());
        assert_eq!(loaded.problems, []);
        let (mine, was) = (loaded.plan.unwrap(), plan("review-fix"));
        assert_eq!(mine.inputs[1].default, Some(json!("races")));
        assert_eq!(mine.roles[0].prefer[0].as_str(), "lint");
        assert_eq!(mine.roles[0].prefer.len(), was.roles[0].prefer.len());
        assert_eq!(mine.steps, was.steps);
    }
}
