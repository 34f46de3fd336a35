//! `callboard run WORKFLOW [PATH]`: starts a workflow and watches it.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use super::{
    args::RunArgs,
    fail::{self, Fail},
    lists::told,
    out::Out,
    person::Person,
    watch::{Options, Watched, watch},
    wire::{Wire, ask},
};
use crate::{
    hub::event::RefusalCode,
    ids::Timestamp,
    protocol::{Players, RunParams, Started, method},
    workflow::plan::{Input, InputKind, Plan},
};

/// Where a command runs: the workspace's root and the folder that paths are given from. Both are real paths.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The workspace's root.
    pub root: PathBuf,
    /// The current folder, or `--workspace`.
    pub from: PathBuf,
}

/// Starts a workflow and, unless it is to be left to the hub, watches it until it ends. `plan` is the workflow as this
/// command reads it; with none, inputs are sent as they look.
pub async fn run(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    ground: &Ground,
    plan: Option<&Plan>,
    args: &RunArgs,
) -> Result<Watched, Fail> {
    let params = RunParams {
        workflow: args.workflow.clone(),
        inputs: inputs(plan, ground, args)?,
        roles: roles(plan, args)?,
        channel: args.channel.clone(),
        key: Some(fresh_key()),
    };
    let started = start(wire, &params).await?;
    if out.json {
        out.object(&serde_json::json!({ "item": "started", "run": started.run, "rev": started.rev }))?;
    }
    if args.detach {
        if !out.json {
            let run = started.run;
            told(out, &started, &format!("{run} goes on in the hub. To watch it: callboard show {run} --follow"))?;
        }
        return Ok(Watched { exit: fail::OK, run: None });
    }
    watch(wire, out, person, started.run, Options { yes: args.yes, accepts: args.accepts }).await
}

/// Starts the run. A hub that was lost meanwhile is asked again with the same key, so the run starts once (promise 1).
async fn start(wire: &mut impl Wire, params: &RunParams) -> Result<Started, Fail> {
    match ask(wire, method::RUN, params).await {
        Err(fail) if fail.is_lost() => {
            wire.reconnect().await?;
            ask(wire, method::RUN, params).await
        }
        Err(fail) => {
            let help = if fail.is(RefusalCode::Untrusted) {
                "`callboard trust --show` says what would be used and run here; `callboard trust` allows it"
            } else if fail.is(RefusalCode::NotFound) {
                "`callboard workflows list` lists the workflows"
            } else if fail.is(RefusalCode::NoAgent) {
                "`callboard doctor` says which agents are here and how to get the others"
            } else {
                return Err(fail);
            };
            // The hub's sentence may say it already.
            let fail = if fail.message.contains("`callboard ") { fail } else { fail.help(help) };
            // A name that is not there is a slip in the command, as one that this side finds is.
            Err(if fail.is(RefusalCode::NotFound) { Fail { exit: fail::USAGE, ..fail } } else { fail })
        }
        other => other,
    }
}

/// Returns a key that no other start or post has: the time, the process, a counter.
pub fn fresh_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("cli-{}-{}-{count}", Timestamp::now().0, std::process::id())
}

/// Returns the inputs as the workflow wants them.
pub(super) fn inputs(plan: Option<&Plan>, ground: &Ground, args: &RunArgs) -> Result<BTreeMap<String, Value>, Fail> {
    let mut inputs = BTreeMap::new();
    for (name, text) in &args.inputs {
        let value = match plan {
            Some(plan) => value_of(known(plan, name)?, text, ground)?,
            None => looks_like(text),
        };
        // A list is given a value at a time.
        if let (Some(Value::Array(so_far)), Value::Array(more)) = (inputs.get_mut(name), &value) {
            so_far.extend(more.iter().cloned());
            continue;
        }
        if inputs.insert(name.clone(), value).is_some() {
            return Err(Fail::usage(format!("the input {name} is given twice")));
        }
    }
    if let Some(path) = &args.path {
        if let Some(plan) = plan {
            known(plan, "path")?;
        }
        if inputs.insert("path".to_owned(), in_workspace(ground, path)?.into()).is_some() {
            return Err(Fail::usage("the input path is given twice: as PATH and as --input path=…"));
        }
    }
    if let Some(missing) =
        plan.and_then(|it| it.inputs.iter().find(|it| it.default.is_none() && !inputs.contains_key(&it.name)))
    {
        let what = if missing.description.is_empty() { String::new() } else { format!(" ({})", missing.description) };
        return Err(Fail::usage(format!("{} wants to be told {}{what}", args.workflow, missing.name))
            .help(format!("--input {}=…", missing.name)));
    }
    Ok(inputs)
}

/// Returns who was chosen for which role.
pub(super) fn roles(plan: Option<&Plan>, args: &RunArgs) -> Result<BTreeMap<String, Players>, Fail> {
    let mut roles = BTreeMap::new();
    for (role, agents) in &args.agents {
        if let Some(plan) = plan
            && !plan.roles.iter().any(|it| it.id.as_str() == role)
        {
            let known: Vec<_> = plan.roles.iter().map(|it| it.id.to_string()).collect();
            return Err(Fail::usage(format!("{} has no role {role}", plan.name))
                .help(format!("its roles are: {}", listed(&known))));
        }
        if roles.insert(role.clone(), agents.clone()).is_some() {
            return Err(Fail::usage(format!("the role {role} is given twice")));
        }
    }
    Ok(roles)
}

fn known<'a>(plan: &'a Plan, name: &str) -> Result<&'a Input, Fail> {
    plan.inputs.iter().find(|it| it.name == name).ok_or_else(|| {
        let known: Vec<_> = plan.inputs.iter().map(|it| it.name.clone()).collect();
        let fail = Fail::usage(format!("{} has no input {name}", plan.name));
        if known.is_empty() {
            fail.help("it takes none")
        } else {
            fail.help(format!("its inputs are: {}; each is given by --input NAME=VALUE", listed(&known)))
        }
    })
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn value_of(input: &Input, text: &str, ground: &Ground) -> Result<Value, Fail> {
    let wrong = |what: &str| Err(Fail::usage(format!("the input {} is {what}, not {text:?}", input.name)));
    match input.kind {
        InputKind::Text => Ok(text.into()),
        InputKind::Path => in_workspace(ground, Path::new(text)).map(Value::from),
        InputKind::Number => text.parse::<i64>().map_or_else(|_| wrong("a whole number"), |it| Ok(it.into())),
        InputKind::Flag => match text {
            "true" | "yes" | "on" => Ok(true.into()),
            "false" | "no" | "off" => Ok(false.into()),
            _ => wrong("yes or no"),
        },
        InputKind::List if text.trim_start().starts_with('[') => {
            let list: Option<Vec<Value>> = serde_json::from_str(text).ok();
            list.map_or_else(|| wrong("a list: JSON such as [\"a\", \"b\"]"), |it| Ok(it.into()))
        }
        InputKind::List => Ok(vec![Value::from(text)].into()),
    }
}

/// Returns a value as its text looks, for a workflow that this command cannot read.
fn looks_like(text: &str) -> Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

/// Returns a path as the workspace names it: from its root, with `/` between the parts. It must be there and inside.
fn in_workspace(ground: &Ground, path: &Path) -> Result<String, Fail> {
    let full = ground.from.join(path);
    let real = full.canonicalize().map_err(|why| {
        Fail::usage(format!("{} can't be used: {why}", path.display()))
            .help("PATH is a file or folder of this workspace")
    })?;
    let inside = real.strip_prefix(&ground.root).map_err(|_| {
        Fail::usage(format!("{} is outside the workspace {}", path.display(), ground.root.display()))
            .help("`--workspace DIR` works in another one")
    })?;
    let parts: Option<Vec<_>> =
        inside.components().map(|it| if let Component::Normal(name) = it { name.to_str() } else { None }).collect();
    match parts {
        Some(parts) if parts.is_empty() => Ok(".".to_owned()),
        Some(parts) => Ok(parts.join("/")),
        None => Err(Fail::usage(format!("{} has a name that is not text", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            out::Buffer,
            render::run::tests::sample,
            wire::fake::{Fake, changed},
        },
        protocol::{Item, RunStatus},
        workflow::plan::{Category, Limits, Role},
    };

    fn plan() -> Plan {
        let input = |name: &str, kind, default: Option<Value>| Input {
            name: name.to_owned(),
            kind,
            description: "what to do".to_owned(),
            default,
        };
        Plan {
            name: "ship".to_owned(),
            title: "Ship".to_owned(),
            description: String::new(),
            category: Category::Ops,
            hash: String::new(),
            channel: None,
            inputs: vec![
                input("task", InputKind::Text, None),
                input("path", InputKind::Path, Some(json!("."))),
                input("laps", InputKind::Number, Some(json!(1))),
                input("strict", InputKind::Flag, Some(json!(false))),
            ],
            roles: vec![Role {
                unanswered: None,
                sandbox: false,
                id: "fixer".parse().unwrap(),
                description: String::new(),
                prefer: Vec::new(),
                good_for: None,
                access: crate::agent::Access::Write,
                seats: Vec::new(),
            }],
            steps: Vec::new(),
            limits: Limits::default(),
            result: None,
        }
    }

    fn ground() -> (tempfile::TempDir, Ground) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("src/deep")).unwrap();
        std::fs::write(root.join("src/lib.rs"), "").unwrap();
        (folder, Ground { from: root.join("src"), root })
    }

    fn args(inputs: &[(&str, &str)], path: Option<&str>) -> RunArgs {
        RunArgs {
            workflow: "ship".to_owned(),
            path: path.map(PathBuf::from),
            inputs: inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..RunArgs::default()
        }
    }

    #[test]
    fn inputs_have_the_kinds_that_the_workflow_wants() {
        let (_folder, ground) = ground();
        let given = args(&[("task", "42"), ("laps", "3"), ("strict", "yes")], Some("lib.rs"));
        let sent = inputs(Some(&plan()), &ground, &given).unwrap();
        assert_eq!(json!(sent), json!({ "task": "42", "laps": 3, "strict": true, "path": "src/lib.rs" }));
        let sent = inputs(None, &ground, &args(&[("laps", "3"), ("task", "a b")], Some(".."))).unwrap();
        assert_eq!(json!(sent), json!({ "laps": 3, "task": "a b", "path": "." }));
    }

    #[test]
    fn bad_inputs_are_usage_errors_that_say_what_to_do() {
        let (_folder, ground) = ground();
        for (given, wants) in [
            (args(&[], None), "wants to be told task (what to do)"),
            (args(&[("tsk", "x")], None), "has no input tsk"),
            (args(&[("task", "x"), ("laps", "many")], None), "a whole number"),
            (args(&[("task", "x"), ("strict", "maybe")], None), "yes or no"),
            (args(&[("task", "x")], Some("nowhere.rs")), "nowhere.rs can't be used"),
            (args(&[("task", "x")], Some("../..")), "outside the workspace"),
            (args(&[("task", "x"), ("path", ".")], Some(".")), "given twice"),
        ] {
            let fail = inputs(Some(&plan()), &ground, &given).unwrap_err();
            assert_eq!(fail.exit, fail::USAGE);
            assert!(fail.message.contains(wants), "{fail:?} does not say {wants:?}");
        }
        let given =
            RunArgs { agents: vec![("boss".to_owned(), Players::One("claude".parse().unwrap()))], ..args(&[], None) };
        assert_eq!(roles(Some(&plan()), &given).unwrap_err().help, ["its roles are: fixer"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_workspace_is_outside_of_it() {
        let (_folder, ground) = ground();
        std::os::unix::fs::symlink("/", ground.root.join("src/out")).unwrap();
        assert!(in_workspace(&ground, Path::new("out")).unwrap_err().message.contains("outside"));
    }

    #[tokio::test]
    async fn promise_1_a_start_that_lost_its_hub_is_repeated_with_the_same_key() {
        let (_folder, ground) = ground();
        let mut hub = Fake::default()
            .refuses(method::RUN, json!({ "workflow": "ship" }), Fail::lost("gone"))
            .on(method::RUN, json!({ "workflow": "ship" }), json!({ "run": "r3", "rev": 4 }))
            .on(method::SUBSCRIBE, json!({ "run": "r3", "since": 0 }), changed())
            .feeds(vec![Item::Run(Box::new(sample(3, RunStatus::Done, vec![])))]);
        let mut out = Out::into_buffers(Buffer::default(), Buffer::default(), false, false);
        let given = args(&[("task", "x")], None);
        let done = run(&mut hub, &mut out, &mut Person::nobody(), &ground, Some(&plan()), &given).await.unwrap();
        hub.assert_played();
        assert_eq!((done.exit, hub.reconnects), (fail::OK, 1));
        let keys: Vec<_> = hub.calls.iter().filter(|it| it.0 == method::RUN).map(|it| it.1["key"].clone()).collect();
        assert!(keys[0].is_string() && keys[0] == keys[1], "{keys:?}");
    }

    #[tokio::test]
    async fn an_untrusted_workspace_says_how_to_trust_it() {
        let (_folder, ground) = ground();
        let refusal = Fail::refused(RefusalCode::Untrusted, "this workspace is not trusted");
        let mut hub = Fake::default().refuses(method::RUN, json!({}), refusal);
        let mut out = Out::into_buffers(Buffer::default(), Buffer::default(), false, false);
        let given = RunArgs { detach: true, ..args(&[], None) };
        let fail = run(&mut hub, &mut out, &mut Person::nobody(), &ground, None, &given).await.unwrap_err();
        assert!(fail.help[0].contains("callboard trust"));
    }

    #[tokio::test]
    async fn a_detached_run_is_left_to_the_hub() {
        let (_folder, ground) = ground();
        let mut hub = Fake::default().on(method::RUN, json!({}), json!({ "run": "r3", "rev": 4 }));
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, false);
        let given = RunArgs { detach: true, ..args(&[], None) };
        let done = run(&mut hub, &mut out, &mut Person::nobody(), &ground, None, &given).await.unwrap();
        assert_eq!(done.exit, fail::OK);
        assert_eq!(shown.text(), "r3 goes on in the hub. To watch it: callboard show r3 --follow\n");
    }
}
