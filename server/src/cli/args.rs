//! The command line as clap reads it: every command with its arguments, its help and an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::agents::AgentsCommand;
use crate::{
    ask::Scope,
    client::target::Engine,
    ids::{AgentName, ChannelName, FindingId, MessageId, PauseId, RuleId, RunId, StepId, WorktreeId},
    protocol::Players,
};

pub mod agents;

/// Several coding agents at once, in channels, from your editor.
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    propagate_version = true,
    infer_subcommands = false,
    after_help = "Start here:\n  callboard demo                      the review-fix loop on a sample project: no key, no network\n  \
                  callboard doctor                    what is installed and what to do about what isn't\n  \
                  callboard trust                     let Callboard work in this folder\n  \
                  callboard run review-fix src/       review, approve, fix, test, until nothing is left"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Work in this folder's workspace instead of the current folder's
    #[arg(short = 'C', long = "workspace", value_name = "DIR", global = true)]
    pub workspace: Option<PathBuf>,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, value_enum, default_value_t, global = true)]
    pub color: ColorChoice,
    /// Where the hub runs: the workspace's own process, or inside this command
    #[arg(long, value_enum, default_value_t, global = true)]
    pub engine: Engine,
    /// Write one JSON object a line, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a workflow here and watch it; exit 0 approved or done, 1 failed or rejected, 3 left waiting
    #[command(
        after_help = "Examples:\n  callboard run review-fix src/lib.rs\n  callboard run build-test --input task=\"add a --quiet flag\" --agent builder=codex\n  \
                            callboard run review-fix --yes --json | jq -r .item"
    )]
    Run(RunArgs),
    /// List the runs, or change what is left to do of one
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  callboard runs --live\n  callboard runs edit r3 --dry-run --file plan.yaml"
    )]
    Runs {
        /// Only those that have not ended
        #[arg(long)]
        live: bool,
        /// Change one
        #[command(subcommand)]
        change: Option<RunsCommand>,
    },
    /// Show a run: its steps, rounds, results, pauses, findings and cost
    #[command(
        after_help = "Examples:\n  callboard show r3\n  callboard show r3 --follow\n  callboard show r3 --diff\n  callboard show r3 --by @codex\n  callboard show r3 --graph > r3.mmd"
    )]
    Show {
        /// The run, as `callboard runs` lists it
        run: RunId,
        /// Watch it until it ends, and answer its pauses
        #[arg(long, short, conflicts_with_all = ["diff", "step", "by"])]
        follow: bool,
        /// What its agents changed, as a diff
        #[arg(long)]
        diff: bool,
        /// What this step changed
        #[arg(long, value_name = "STEP")]
        step: Option<StepId>,
        /// What this agent changed
        #[arg(long, value_name = "AGENT")]
        by: Option<AgentName>,
        /// Draw its steps with their states as a Mermaid graph
        #[arg(long, conflicts_with_all = ["follow", "diff", "step", "by"])]
        graph: bool,
    },
    /// List what waits for a person
    #[command(
        after_help = "Examples:\n  callboard inbox\n  callboard inbox p1\n  callboard inbox p1 --document > p1.md"
    )]
    Inbox {
        /// Only this one, with its whole document
        pause: Option<PauseId>,
        /// Answered ones too
        #[arg(long)]
        all: bool,
        /// Write the pause's document as `decide … edit --file` takes it
        #[arg(long, requires = "pause", conflicts_with = "all")]
        document: bool,
    },
    /// Answer a pause point
    #[command(
        after_help = "Examples:\n  callboard decide p1 approve\n  callboard decide p1 edit\n  callboard decide p1 request-changes --text \"keep the public names\"\n  \
                            callboard decide p1 retry --agent claude\n  callboard decide p2 approve --scope run\n  callboard decide p3 approve --text \"use i64\""
    )]
    Decide(DecideArgs),
    /// The permissions that agents were given for longer than once
    #[command(subcommand, after_help = "Examples:\n  callboard permissions list\n  callboard permissions revoke a1")]
    Permissions(PermissionsCommand),
    /// Pause now: at the turn's end, or at once with --interrupt
    #[command(after_help = "Examples:\n  callboard pause r3\n  callboard pause --interrupt")]
    Pause {
        /// The run; everything in the workspace where absent
        run: Option<RunId>,
        /// Interrupt turns that are going on
        #[arg(long)]
        interrupt: bool,
    },
    /// Go on after `callboard pause`
    #[command(after_help = "Example:\n  callboard resume r3")]
    Resume {
        /// The run; the whole workspace's hold where absent
        run: Option<RunId>,
    },
    /// End a run
    #[command(after_help = "Example:\n  callboard cancel r3")]
    Cancel {
        /// The run
        run: RunId,
    },
    /// Put back what a run, or a step of it, changed; exit 1 where a file had to be left as it is
    #[command(
        after_help = "Examples:\n  callboard undo r3\n  callboard undo r3 --step fix\n  callboard undo r3 --force"
    )]
    Undo {
        /// The run
        run: RunId,
        /// Only what this step changed
        #[arg(long, value_name = "STEP")]
        step: Option<StepId>,
        /// Files that were changed since by somebody else too
        #[arg(long)]
        force: bool,
    },
    /// Worktrees: list those in which steps work apart from your files, or let a kept one go
    #[command(after_help = "Examples:\n  callboard worktrees\n  callboard worktrees remove w2")]
    Worktrees {
        /// What to do; they are listed where nothing is said
        #[command(subcommand)]
        command: Option<WorktreesCommand>,
    },
    /// Channels: list, make, read, post, follow, take back
    #[command(
        subcommand,
        after_help = "Examples:\n  callboard channel post \"@claude why does the retry loop never end?\"\n  callboard channel tail main"
    )]
    Channel(ChannelCommand),
    /// Findings: list them, or settle one
    #[command(
        after_help = "Examples:\n  callboard findings\n  callboard findings dismiss f3 --reason \"a test double\"\n  callboard findings accept f4"
    )]
    Findings(FindingsArgs),
    /// List the agents, what they do and why that is believed; take one over
    #[command(
        after_help = "Examples:\n  callboard agents --json\n  callboard agents attach claude\n  callboard agents hand-back claude"
    )]
    Agents {
        /// Do something with one
        #[command(subcommand)]
        command: Option<AgentsCommand>,
    },
    /// Workflows: list, show, check, begin one
    #[command(
        subcommand,
        after_help = "Examples:\n  callboard workflows list\n  callboard workflows dry-run review-fix src\n  callboard workflows check .callboard/workflows/*.yaml\n  callboard workflows new ship-it > .callboard/workflows/ship-it.yaml"
    )]
    Workflows(WorkflowsCommand),
    /// Say what is installed, what is missing, and what to do about it
    #[command(after_help = "Example:\n  callboard doctor --json")]
    Doctor,
    /// Let Callboard work in this folder, or take that back
    #[command(after_help = "Examples:\n  callboard trust --show\n  callboard trust --yes\n  callboard trust --revoke")]
    Trust(TrustArgs),
    /// The workspace's hub
    #[command(subcommand, after_help = "Examples:\n  callboard hub status\n  callboard hub stop")]
    Hub(HubCommand),
    /// The language server on stdio, for editors
    #[command(
        after_help = "Example (Helix):\n  [language-server.callboard]\n  command = \"callboard\"\n  args = [\"lsp\"]"
    )]
    Lsp,
    /// Callboard's tools for an agent, on stdio; started by the agents that Callboard runs
    #[command(hide = true)]
    Mcp,
    /// The tool agents' program
    #[command(hide = true)]
    Tool(ToolArgs),
    /// Write a completion script
    #[command(
        after_help = "Example:\n  callboard completions bash > ~/.local/share/bash-completion/completions/callboard"
    )]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Run the review-fix loop on a sample project in a temporary folder: no key, no network
    #[command(after_help = "Examples:\n  callboard demo\n  callboard demo --yes --keep /tmp/callboard-demo")]
    Demo(DemoArgs),
}

/// `callboard runs …`.
#[derive(Debug, Clone, Subcommand)]
pub enum RunsCommand {
    /// Change what is left to do of a run: its plan opens in your editor; what has begun stays as it is
    #[command(
        after_help = "Examples:\n  callboard runs edit r3\n  callboard runs edit r3 --show > plan.yaml\n  callboard runs edit r3 --file plan.yaml --dry-run"
    )]
    Edit {
        /// The run
        run: RunId,
        /// The changed plan (`-` for stdin), instead of opening an editor
        #[arg(long, value_name = "FILE", conflicts_with = "show")]
        file: Option<PathBuf>,
        /// Only say what would change
        #[arg(long, conflicts_with = "show")]
        dry_run: bool,
        /// Only write the plan to stdout
        #[arg(long)]
        show: bool,
    },
}

/// `callboard run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// The workflow, as `callboard workflows list` lists it
    pub workflow: String,
    /// A file or folder: sets the input `path`
    pub path: Option<PathBuf>,
    /// Set an input
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = pair)]
    pub inputs: Vec<(String, String)>,
    /// Choose who plays a role; several with commas, where several may
    #[arg(long = "agent", short, value_name = "ROLE=AGENT", value_parser = role)]
    pub agents: Vec<(String, Players)>,
    /// Show it in this channel
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<ChannelName>,
    /// Approve what the workflow stops for; what failed, is stuck, in conflict, asked by an agent or steers programs (CI, hooks, builds) is left waiting
    #[arg(long, short)]
    pub yes: bool,
    /// Start it and leave it to the hub
    #[arg(long, short, conflicts_with = "yes")]
    pub detach: bool,
    /// Accept what a loop left declined; no flag, only the demo does.
    #[arg(skip)]
    pub accepts: bool,
}

/// `callboard workflows dry-run`.
#[derive(Debug, Clone, Default, Args)]
pub struct DryRunArgs {
    /// The workflow, as `callboard workflows list` lists it
    pub workflow: String,
    /// A file or folder: sets the input `path`
    pub path: Option<PathBuf>,
    /// Set an input; what is left out stands there as ‹its name›
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = pair)]
    pub inputs: Vec<(String, String)>,
    /// Choose who plays a role; several with commas, where several may
    #[arg(long = "agent", short, value_name = "ROLE=AGENT", value_parser = role)]
    pub agents: Vec<(String, Players)>,
}

/// `callboard decide`.
#[derive(Debug, Clone, Args)]
pub struct DecideArgs {
    /// The pause, as `callboard inbox` lists it
    pub pause: PauseId,
    /// The answer
    #[arg(value_enum)]
    pub decision: DecisionName,
    /// What is to be changed, why it is rejected, or the answer to a question
    #[arg(long, short)]
    pub text: Option<String>,
    /// The edited document (`-` for stdin), instead of opening an editor
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The agent that tries again
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<AgentName>,
    /// The hash of the document that you were shown; without it, that of the one shown now
    #[arg(long)]
    pub hash: Option<String>,
    /// For how long a permission is given: `run` and `always` are for exactly what is shown
    #[arg(long, value_enum, value_name = "SCOPE")]
    pub scope: Option<ScopeName>,
}

/// The scopes of a permission, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeName {
    /// This once
    Once,
    /// Until the run ends
    Run,
    /// Until it is revoked
    Always,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Once => Self::Once,
            ScopeName::Run => Self::Run,
            ScopeName::Always => Self::Always,
        }
    }
}

/// `callboard permissions`.
#[derive(Debug, Clone, Subcommand)]
pub enum PermissionsCommand {
    /// List the permissions that are remembered
    #[command(after_help = "Example:\n  callboard permissions list --all")]
    List {
        /// Those that no longer hold too
        #[arg(long)]
        all: bool,
    },
    /// Take a remembered permission back: it is asked for again
    #[command(after_help = "Example:\n  callboard permissions revoke a1")]
    Revoke {
        /// The permission, as `callboard permissions list` lists it
        permission: RuleId,
    },
}

/// The decisions, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionName {
    /// Go on with what is shown
    Approve,
    /// Go on with your version of what is shown
    Edit,
    /// Send it back with a text
    RequestChanges,
    /// End the run as rejected
    Reject,
    /// Go on without the step
    Skip,
    /// The step again
    Retry,
    /// End the run
    Stop,
}

/// `callboard channel`.
#[derive(Debug, Clone, Subcommand)]
pub enum ChannelCommand {
    /// List the channels
    #[command(after_help = "Example:\n  callboard channel list")]
    List,
    /// Make a channel
    #[command(after_help = "Example:\n  callboard channel new reviews --agent claude")]
    New {
        /// Its name
        name: ChannelName,
        /// The agent that a message with no mention wakes
        #[arg(long, value_name = "AGENT")]
        agent: Option<AgentName>,
    },
    /// Show the last messages
    #[command(after_help = "Examples:\n  callboard channel show main -n 20\n  callboard channel show --thread m12")]
    Show {
        /// The channel; the default one where absent
        channel: Option<ChannelName>,
        /// Only this thread
        #[arg(long, value_name = "MESSAGE")]
        thread: Option<MessageId>,
        /// Only what came before this message
        #[arg(long, value_name = "MESSAGE")]
        before: Option<MessageId>,
        /// At most so many
        #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Post a message; @name wakes that agent
    #[command(
        after_help = "Examples:\n  callboard channel post \"@claude @lint look at src/retry.rs\" --wait\n  git diff | callboard channel post -"
    )]
    Post {
        /// The text; `-` or nothing reads it from stdin
        text: Option<String>,
        /// The channel; the default one where absent
        #[arg(long, short)]
        channel: Option<ChannelName>,
        /// The message that it answers
        #[arg(long, value_name = "MESSAGE")]
        thread: Option<MessageId>,
        /// Wait for the answers of those whom it wakes
        #[arg(long, short)]
        wait: bool,
    },
    /// Show messages as they come
    #[command(after_help = "Example:\n  callboard channel tail main -n 0")]
    Tail {
        /// The channel; the default one where absent
        channel: Option<ChannelName>,
        /// Begin with so many of the last
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
        limit: u32,
    },
    /// Take a message back from an agent that has not begun on it
    #[command(after_help = "Example:\n  callboard channel withdraw m12 @claude")]
    Withdraw {
        /// The message
        message: MessageId,
        /// The agent
        agent: AgentName,
    },
    /// Show what an agent was sent for a message, or before an answer
    #[command(after_help = "Example:\n  callboard channel sent m12")]
    Sent {
        /// The message
        message: MessageId,
    },
}

/// `callboard findings`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct FindingsArgs {
    /// Settled ones too
    #[arg(long)]
    pub all: bool,
    /// Only those of this run
    #[arg(long)]
    pub run: Option<RunId>,
    /// Settle one
    #[command(subcommand)]
    pub settle: Option<SettleCommand>,
}

/// How a finding is settled.
#[derive(Debug, Clone, Subcommand)]
pub enum SettleCommand {
    /// It is none; reviewers are told why
    #[command(after_help = "Example:\n  callboard findings dismiss f3 --reason \"a test double\"")]
    Dismiss {
        /// The finding
        finding: FindingId,
        /// Why
        #[arg(long, short)]
        reason: String,
    },
    /// Known, and lived with
    #[command(after_help = "Example:\n  callboard findings accept f4")]
    Accept {
        /// The finding
        finding: FindingId,
    },
    /// To be dealt with after all
    #[command(after_help = "Example:\n  callboard findings reopen f3")]
    Reopen {
        /// The finding
        finding: FindingId,
    },
}

/// `callboard worktrees`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorktreesCommand {
    /// List those that are needed or kept
    #[command(after_help = "Example:\n  callboard worktrees list --json")]
    List,
    /// Let a kept one go, with all that is in it
    #[command(after_help = "Example:\n  callboard worktrees remove w2")]
    Remove {
        /// The worktree
        worktree: WorktreeId,
    },
}

/// `callboard workflows`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkflowsCommand {
    /// List the workflows that can be run here
    #[command(after_help = "Example:\n  callboard workflows list")]
    List,
    /// Show a workflow: its inputs, roles and steps
    #[command(after_help = "Example:\n  callboard workflows show review-fix --source")]
    Show {
        /// The workflow
        name: String,
        /// Its file as it is
        #[arg(long)]
        source: bool,
    },
    /// Check files; exit 1 where one has an error
    #[command(after_help = "Example:\n  callboard workflows check .callboard/workflows/*.yaml")]
    Check {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the beginning of a new workflow to stdout, or one made from another, a run or a thread
    #[command(
        after_help = "Examples:\n  callboard workflows new ship-it > .callboard/workflows/ship-it.yaml\n  callboard workflows new ship-it --from r3\n  callboard workflows new ship-it --from m12"
    )]
    New {
        /// Its name
        name: String,
        /// A workflow to copy; or a run such as r3, or a message such as m12: what was done in it, or in its thread, becomes a workflow
        #[arg(long, value_name = "WORKFLOW|RUN|MESSAGE")]
        from: Option<String>,
    },
    /// Show what a run would do here, with every prompt; nothing is started
    #[command(after_help = "Example:\n  callboard workflows dry-run review-fix src/")]
    DryRun(DryRunArgs),
    /// Write the JSON Schema of the language to stdout
    #[command(after_help = "Example:\n  callboard workflows schema > workflow.schema.json")]
    Schema,
}

impl WorkflowsCommand {
    /// Returns whether it is about a run or a thread, which only the hub knows.
    pub fn is_of_a_run(&self) -> bool {
        let is_known = |it: &str| it.parse::<RunId>().is_ok() || it.parse::<MessageId>().is_ok();
        matches!(self, Self::New { from: Some(from), .. } if is_known(from))
    }
}

/// `callboard trust`.
#[derive(Debug, Clone, Args)]
pub struct TrustArgs {
    /// Trust it without asking
    #[arg(long, short, conflicts_with_all = ["revoke", "show"])]
    pub yes: bool,
    /// Take the trust back
    #[arg(long, conflicts_with = "show")]
    pub revoke: bool,
    /// Only show what would be used and run
    #[arg(long)]
    pub show: bool,
}

/// `callboard hub`.
#[derive(Debug, Clone, Subcommand)]
pub enum HubCommand {
    /// Say what hub this workspace has
    #[command(after_help = "Example:\n  callboard hub status")]
    Status,
    /// End the hub; runs go on when the next one starts
    #[command(after_help = "Example:\n  callboard hub stop --kill")]
    Stop {
        /// End it by force where it does not answer
        #[arg(long)]
        kill: bool,
    },
    /// Be the hub
    #[command(hide = true)]
    Run {
        /// The workspace's root
        root: PathBuf,
    },
}

/// `callboard tool`.
#[derive(Debug, Clone, Args)]
pub struct ToolArgs {
    /// Which tool
    pub kind: String,
    /// The request
    #[arg(long)]
    pub request: PathBuf,
    /// Where the result goes
    #[arg(long)]
    pub result: PathBuf,
}

/// `callboard demo`.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// Approve the pauses without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Write the project here and keep it
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Use the plain-text project even where there is a Rust toolchain
    #[arg(long)]
    pub plain: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as --input task=\"add a flag\"".to_owned()),
    }
}

fn role(text: &str) -> Result<(String, Players), String> {
    let (role, agent) = pair(text).map_err(|_| "write ROLE=AGENT, such as --agent reviewer=claude".to_owned())?;
    let names = agent.split(',').map(str::trim).map(str::parse).collect::<Result<Vec<AgentName>, _>>();
    let mut names = names.map_err(|it: crate::ids::BadName| it.to_string())?;
    let players = if names.len() == 1 { Players::One(names.remove(0)) } else { Players::Several(names) };
    Ok((role, players))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_command_has_an_example() {
        use clap::CommandFactory as _;
        let all = Cli::command();
        let outer = all.get_subcommands();
        for command in outer.flat_map(|it| std::iter::once(it).chain(it.get_subcommands())) {
            if command.is_hide_set() {
                continue;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has none", command.get_name());
        }
    }

    #[test]
    fn runs_take_inputs_and_roles() {
        let cli = Cli::try_parse_from([
            "callboard",
            "run",
            "review-fix",
            "src",
            "--input",
            "a=b=c",
            "--agent",
            "fixer=@codex",
            "--json",
            "-C",
            "/",
        ])
        .unwrap();
        let Command::Run(run) = cli.command else { panic!("not a run") };
        assert_eq!(run.inputs, [("a".to_owned(), "b=c".to_owned())]);
        assert_eq!(run.agents, [("fixer".to_owned(), Players::One("codex".parse().unwrap()))]);
        assert!(cli.global.json);
        let cli =
            Cli::try_parse_from(["callboard", "run", "review-panel", "--agent", "reviewer=claude,@codex"]).unwrap();
        let Command::Run(run) = cli.command else { panic!("not a run") };
        assert_eq!(run.agents[0].1.names().len(), 2);
    }

    #[test]
    fn bad_ids_and_pairs_say_what_to_write() {
        for (args, wants) in [
            (&["callboard", "show", "3"][..], "callboard runs"),
            (&["callboard", "decide", "r1", "approve"], "callboard inbox"),
            (&["callboard", "decide", "p1", "aprove"], "approve"),
            (&["callboard", "run", "x", "--input", "task"], "NAME=VALUE"),
            (&["callboard", "run", "x", "--agent", "a=B c"], "a-z"),
        ] {
            let error = Cli::try_parse_from(args).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(wants), "{error}");
        }
    }
}
