//! `callboard agents …`: the words on the command line.

use clap::{Args, Subcommand};

use crate::ids::AgentName;

/// `callboard agents …`.
#[derive(Debug, Clone, Subcommand)]
pub enum AgentsCommand {
    /// Open an agent's terminal here: its session in its program's own screen, which is yours until you hand it back
    #[command(
        after_help = "Ctrl-] leaves it as it is: what runs there goes on. `callboard agents hand-back NAME` gives it back.\n\nExamples:\n  callboard agents attach claude\n  callboard agents attach codex --after-turn\n  callboard agents attach tests --look"
    )]
    Attach(AttachArgs),
    /// Hand an agent back that was taken over: its screen ends, and it goes on with its messages
    #[command(after_help = "Example:\n  callboard agents hand-back claude")]
    HandBack {
        /// The agent
        agent: AgentName,
    },
    /// Have another instance of an agent start from its conversation with its next turn
    #[command(after_help = "Examples:\n  callboard agents fork claude\n  callboard agents fork claude --to claude-2")]
    Fork {
        /// Whose conversation
        agent: AgentName,
        /// Which other instance; one that is free where it is left out
        #[arg(long)]
        to: Option<AgentName>,
    },
}

/// `callboard agents attach`.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// The agent
    pub agent: AgentName,
    /// Wait for the end of the turn that it is on
    #[arg(long, conflicts_with = "look")]
    pub after_turn: bool,
    /// Only look: take nothing over and type nothing
    #[arg(long)]
    pub look: bool,
}
