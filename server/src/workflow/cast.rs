//! Who plays a role: the first of the preferred agents that is here and may do what it asks for, else one that is good for it.
//!
//! Pure. A run's start and its rehearsal ask the same, so what a dry run says is what a run does.

use super::plan::Role;
use crate::{
    agent::{Access, AgentInfo},
    ids::AgentName,
};

/// Returns who plays a role, or a sentence that says why nobody can. `agents` are in the order of their names.
pub fn choose(agents: &[&AgentInfo], role: &Role) -> Result<AgentName, String> {
    let known = |name: &AgentName| agents.iter().find(|it| it.name == *name);
    if let Some(name) = role.prefer.iter().find(|it| known(it).is_some_and(|it| fits(it, role))) {
        return Ok(name.clone());
    }
    let good =
        |it: &&&AgentInfo| fits(it, role) && role.good_for.as_ref().is_some_and(|word| it.good_for.contains(word));
    agents.iter().find(good).map(|it| it.name.clone()).ok_or_else(|| nobody(agents, role))
}

fn fits(info: &AgentInfo, role: &Role) -> bool {
    info.missing.is_none() && (role.access == Access::Read || info.access == Access::Write)
}

fn nobody(agents: &[&AgentInfo], role: &Role) -> String {
    let why = |name: &AgentName| {
        let known = agents.iter().find(|it| it.name == *name);
        known.map_or("is not known", |it| it.missing.as_deref().unwrap_or("may only read"))
    };
    let tried: Vec<String> = role.prefer.iter().map(|it| format!("{it}: {}", why(it))).collect();
    let id = role.id.as_str();
    format!(
        "nobody here can play the role {id}. Tried {}. Install one of them, or choose an agent with --agent {id}=NAME",
        if tried.is_empty() { "nobody".to_owned() } else { tried.join("; ") },
    )
}
