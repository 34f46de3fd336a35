//! The `callboard` program.

use std::path::PathBuf;

use callboard::{cli, client::target::Engine, config::Places};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "callboard", version)]
struct Cli {
    #[arg(short = 'C', long = "workspace", global = true)]
    workspace: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t, global = true)]
    engine: Engine,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The language server on stdio.
    Lsp,
    /// The hub.
    #[command(subcommand)]
    Hub(HubCommand),
}

#[derive(Subcommand)]
enum HubCommand {
    /// Be the hub.
    Run { root: PathBuf },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let places = Places::from_env()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let code = runtime.block_on(async {
        match &cli.command {
            Command::Lsp => cli::lsp::run(&places, cli.workspace.as_deref(), cli.engine).await,
            Command::Hub(HubCommand::Run { root }) => cli::hub::serve(&places, root).await,
        }
    });
    std::process::exit(code)
}
