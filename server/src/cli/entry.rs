//! From the process's arguments to its exit code: reads the command line, connects where a command needs a hub, runs it,
//! and says how it failed.

use std::{io::IsTerminal as _, path::Path};

use clap::Parser as _;

#[cfg(unix)]
use super::attach;
use super::{
    alter,
    args::{
        Cli, Command, HubCommand, RunsCommand, ToolArgs, WorkflowsCommand, WorktreesCommand, agents::AgentsCommand,
    },
    begin, changes, channel,
    connect::{HubWire, failed},
    decide, demo, doctor,
    fail::{self, Fail},
    findings, graph, hub,
    lists::{self, told},
    lsp,
    out::Out,
    permissions,
    person::Person,
    render, run,
    setting::Setting,
    trust,
    watch::{Options, watch},
    wire::ask,
    workflows, worktrees,
};
use crate::{
    client::target::Engine,
    config::Places,
    ids::Timestamp,
    protocol::{HubStatus, Nothing, ReloadResult, RunView, RunsParams, method},
    tool::{self, ToolKind},
};

/// Runs the program and returns its exit code.
pub fn main() -> i32 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let mut out = Out::of_process(cli.global.color, cli.global.json);
    match start(cli, &mut out) {
        Ok(code) => code,
        Err(fail) => {
            out.fail(&fail);
            fail.exit
        }
    }
}

fn start(cli: Cli, out: &mut Out) -> Result<i32, Fail> {
    let mut builder = match &cli.command {
        // A tool is one program at a time and needs no runtime.
        Command::Tool(args) => return tool_main(args),
        Command::Mcp => return Ok(mcp()),
        Command::Completions { shell } => return completions(*shell, out),
        // A hub serves many; the others wait for one thing at a time, and start faster with less.
        Command::Hub(HubCommand::Run { .. }) | Command::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ if cli.global.engine == Engine::InProc => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|why| Fail::new("io", format!("the system refused what a command needs to run: {why}")))?;
    let done = runtime.block_on(command(cli, out));
    // A read of standard input can't be given up, and must not hold the process.
    runtime.shutdown_background();
    done
}

async fn command(cli: Cli, out: &mut Out) -> Result<i32, Fail> {
    let folder = cli.global.workspace.as_deref();
    let engine = cli.global.engine;
    let mut person = Person::of_process();
    match cli.command {
        Command::Lsp => return Ok(lsp::run(&places()?, folder, engine).await),
        Command::Hub(HubCommand::Run { root }) => return Ok(hub::serve(&places()?, &root).await),
        Command::Demo(args) => return demo::demo(out, &mut person, &args).await,
        command => {
            let setting = Setting::find(folder)?;
            local(command, &setting, engine, out, &mut person).await
        }
    }
}

/// Runs the commands that need no hub; the rest go on with one.
async fn local(
    command: Command,
    setting: &Setting,
    engine: Engine,
    out: &mut Out,
    person: &mut Person,
) -> Result<i32, Fail> {
    match command {
        // What a run did is known to the hub alone.
        Command::Workflows(command) if !command.is_of_a_run() => workflows::workflows(setting, out, &command),
        Command::Doctor => {
            let status = match hub::status(&setting.places, &setting.workspace).await {
                // Where there is no folder for its socket there is no hub; the folder's own check says so.
                Err(crate::client::target::ConnectError::Runtime(_)) => Ok(None),
                other => other.map_err(|why| failed(&why)),
            };
            doctor::doctor(setting, out, &status)
        }
        Command::Trust(args) => {
            let (exit, changed) = trust::trust(setting, out, person, &args).await?;
            if changed && let Some(mut hub) = HubWire::to_living(setting).await? {
                ask::<ReloadResult>(&mut hub, method::RELOAD, &Nothing {}).await?;
                hub.close().await;
            }
            Ok(exit)
        }
        Command::Hub(HubCommand::Status) => status(setting, out).await,
        Command::Hub(HubCommand::Stop { kill }) => stop(setting, out, kill).await,
        command => {
            let mut hub = HubWire::connect(setting, engine).await?;
            let done = with_hub(command, setting, engine, &mut hub, out, person).await;
            hub.close().await;
            done
        }
    }
}

/// Runs a command on a connected hub.
async fn with_hub(
    command: Command,
    setting: &Setting,
    engine: Engine,
    hub: &mut HubWire,
    out: &mut Out,
    person: &mut Person,
) -> Result<i32, Fail> {
    match command {
        Command::Run(args) => {
            if args.detach && engine == Engine::InProc {
                return Err(Fail::usage("a run can't be left to a hub that ends with this command")
                    .help("leave out --detach, or --engine inproc"));
            }
            let plan = workflows::plan(setting, &args.workflow);
            run::run(hub, out, person, &setting.ground(), plan.as_ref(), &args).await.map(|it| it.exit)
        }
        Command::Runs { live, change: None } => lists::runs(hub, out, live).await,
        Command::Runs { change: Some(RunsCommand::Edit { run, file, dry_run, show }), .. } => {
            alter::edit(hub, out, person, run, &alter::How { file, dry_run, show }).await
        }
        Command::Workflows(WorkflowsCommand::New { name, from: Some(from) }) => match from.parse() {
            Ok(run) => begin::new_from_run(hub, out, &name, run).await,
            Err(_) => match from.parse() {
                Ok(message) => begin::new_from_thread(hub, out, &name, message).await,
                Err(_) => begin::new(setting, out, &name, Some(&from)),
            },
        },
        Command::Show { run, graph: true, .. } => graph::graph(hub, out, run).await,
        Command::Show { run, follow: false, diff: false, step: None, by: None, .. } => lists::show(hub, out, run).await,
        Command::Show { run, follow: false, step, by, .. } => changes::diff(hub, out, run, step, by).await,
        Command::Show { run, follow: true, .. } => {
            // A run that is not there would be watched for ever.
            let runs: Vec<RunView> = ask(hub, method::RUNS, &RunsParams { run: Some(run), live: false }).await?;
            if runs.is_empty() {
                return lists::show(hub, out, run).await;
            }
            watch(hub, out, person, run, Options::default()).await.map(|it| it.exit)
        }
        Command::Inbox { pause: Some(pause), document: true, .. } => lists::document(hub, out, pause).await,
        Command::Inbox { pause, all, .. } => lists::inbox(hub, out, pause, all).await,
        Command::Decide(args) => decide::decide(hub, out, person, &args).await,
        Command::Permissions(command) => permissions::permissions(hub, out, &command).await,
        Command::Pause { run, interrupt } => lists::hold(hub, out, run, interrupt).await,
        Command::Resume { run } => lists::release(hub, out, run).await,
        Command::Cancel { run } => lists::cancel(hub, out, run).await,
        Command::Undo { run, step, force } => changes::undo(hub, out, run, step, force).await,
        Command::Worktrees { command: None | Some(WorktreesCommand::List) } => worktrees::list(hub, out).await,
        Command::Worktrees { command: Some(WorktreesCommand::Remove { worktree }) } => {
            worktrees::remove(hub, out, worktree).await
        }
        Command::Channel(command) => channel::channel(hub, out, person, &command).await,
        Command::Findings(args) => findings::findings(hub, out, &args).await,
        Command::Agents { command: None } => lists::agents(hub, out).await,
        #[cfg(unix)]
        Command::Agents { command: Some(AgentsCommand::Attach(args)) } => {
            if engine == Engine::InProc {
                return Err(Fail::usage("an agent can't be left to a hub that ends with this command")
                    .help("leave out --engine inproc"));
            }
            attach::attach(hub, out, &args).await
        }
        Command::Agents { command: Some(AgentsCommand::Fork { agent, to }) } => lists::fork(hub, out, agent, to).await,
        #[cfg(unix)]
        Command::Agents { command: Some(AgentsCommand::HandBack { agent }) } => {
            attach::hand_back(hub, out, &agent).await
        }
        // The others were dealt with before a hub was asked for.
        _ => Ok(fail::OK),
    }
}

async fn status(setting: &Setting, out: &mut Out) -> Result<i32, Fail> {
    let found: Option<HubStatus> =
        hub::status(&setting.places, &setting.workspace).await.map_err(|why| failed(&why))?;
    match found {
        Some(status) if out.json => out.object(&status)?,
        Some(status) => out.lines(&render::lists::hub(&status, Timestamp::now(), &out.view))?,
        None if out.json => out.object(&serde_json::json!({ "hub": "none" }))?,
        None => out.line(&"No hub runs for this workspace; one is started when it is needed.".into())?,
    }
    Ok(fail::OK)
}

async fn stop(setting: &Setting, out: &mut Out, kill: bool) -> Result<i32, Fail> {
    let stopped = hub::stop(&setting.places, &setting.workspace, kill).await.map_err(|why| failed(&why))?;
    let (word, sentence) = match stopped {
        hub::Stopped::NoneLived => ("none", "No hub runs for this workspace.".to_owned()),
        hub::Stopped::InOrder => ("stopped", "The hub ended; its runs go on when the next one starts.".to_owned()),
        hub::Stopped::Killed(pid) => (
            "killed",
            format!("The hub (pid {pid}) did not answer and was killed; what it had answered is in the journal."),
        ),
    };
    told(out, &serde_json::json!({ "hub": word }), &sentence)
}

fn places() -> Result<Places, Fail> {
    Places::from_env().map_err(|why| Fail::new("places", why.to_string()))
}

fn tool_main(args: &ToolArgs) -> Result<i32, Fail> {
    let names = || ToolKind::ALL.map(ToolKind::name).join(", ");
    let kind = ToolKind::named(&args.kind)
        .ok_or_else(|| Fail::usage(format!("{:?} is not a tool; the tools are: {}", args.kind, names())))?;
    Ok(tool::main(kind, Path::new(&args.request), Path::new(&args.result), &mut std::io::stdout()))
}

/// Carries an agent's tools between its program and the hub, and returns the exit code.
#[cfg(unix)]
pub fn mcp() -> i32 {
    crate::mcp::bridge::run()
}

/// Says that there are no tools here.
#[cfg(not(unix))]
pub fn mcp() -> i32 {
    tracing::error!("There is no hub's process on this system, so agents have no tools here.");
    fail::FAILED
}

fn completions(shell: clap_complete::Shell, out: &mut Out) -> Result<i32, Fail> {
    use clap::CommandFactory as _;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "callboard", &mut script);
    out.raw(&String::from_utf8_lossy(&script))?;
    Ok(fail::OK)
}

/// Says what is wrong with a command line, or gives the help that was asked for.
fn misread(error: &clap::Error) -> i32 {
    let code = if error.use_stderr() { fail::USAGE } else { fail::OK };
    let wants_json = std::env::args_os().take_while(|it| it != "--").any(|it| it == "--json");
    if wants_json && error.use_stderr() {
        let mut out = Out::of_process(super::args::ColorChoice::Never, true);
        out.fail(&misread_for_programs(&error.to_string()));
        return code;
    }
    // A reader that went away needs no help.
    let _ = error.print();
    code
}

/// Returns what clap says, as a sentence and what to do: its first paragraph, whose lines belong together, and its tips.
fn misread_for_programs(text: &str) -> Fail {
    let mut paragraphs = text.split("\n\n");
    let first: Vec<_> = paragraphs.next().unwrap_or("").lines().map(str::trim).collect();
    let fail = Fail::usage(first.join(" ").trim_start_matches("error: "));
    let tips = paragraphs.map(str::trim).filter_map(|it| it.strip_prefix("tip: "));
    tips.fold(fail, Fail::help).help("`callboard --help`, and --help behind each command, say what there is")
}

/// Sends the log to stderr, or to the file of `CALLBOARD_LOG_FILE`, as far as `CALLBOARD_LOG` asks (`info`, `debug`,
/// `callboard::hub=trace`). A hub logs at `info` where nothing is asked; other commands log nothing.
pub fn start_logging() {
    use tracing_subscriber::{EnvFilter, fmt};
    let is_hub = std::env::args_os().nth(1).is_some_and(|it| it == "hub")
        && std::env::args_os().nth(2).is_some_and(|it| it == "run");
    let asked = std::env::var("CALLBOARD_LOG").ok().filter(|it| !it.is_empty());
    let filter = match (asked, is_hub) {
        (Some(asked), _) => EnvFilter::new(asked),
        (None, true) => EnvFilter::new("info,rmcp=warn"),
        (None, false) => return,
    };
    let file = std::env::var_os("CALLBOARD_LOG_FILE").and_then(|it| open_log(Path::new(&it)));
    let is_color = file.is_none() && std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_ansi(is_color);
    // A second start of logging can only be a test's; the first one stays.
    let _ = match file {
        Some(file) => builder.with_writer(std::sync::Mutex::new(file)).try_init(),
        None => builder.with_writer(std::io::stderr).try_init(),
    };
}

/// Opens the log for its owner alone: it may say what agents were asked.
fn open_log(path: &Path) -> Option<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).ok()
}

/// Makes a panic a sentence for people. What was recorded is in the journal, so nothing is lost with this process.
pub fn explain_panics() {
    std::panic::set_hook(Box::new(|info| {
        use std::io::Write as _;
        let place = info.location().map_or_else(String::new, |it| format!(" ({}:{})", it.file(), it.line()));
        let payload = info.payload();
        let what =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let what = what.unwrap_or("no message");
        let what: String = what.chars().take(400).collect();
        tracing::error!("A fault{place}: {what}.");
        let _ = writeln!(
            std::io::stderr(),
            "error: Callboard has a fault of its own{place}: {what}\n\
             help: nothing that was recorded is lost; run the command again, and report this line"
        );
    }));
}
