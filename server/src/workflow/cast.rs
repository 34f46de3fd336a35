//! Who plays a role: the first of the preferred agents that is here and may do what it asks for, else one that reads prompts
//! and is good for it.
//!
//! Pure. A run's start and its rehearsal ask the same, so what a dry run says is what a run does.

use super::plan::Role;
use crate::{
    agent::{Access, AgentInfo, DriverKind},
    ids::AgentName,
};

/// Returns who plays a role, or a sentence that says why nobody can. `agents` are in the order of their names.
pub fn choose(agents: &[&AgentInfo], role: &Role) -> Result<AgentName, String> {
    let known = |name: &AgentName| agents.iter().find(|it| it.name == *name);
    if let Some(name) = role.prefer.iter().find(|it| known(it).is_some_and(|it| fits(it, role))) {
        return Ok(name.clone());
    }
    // A tool reads no prompt: it plays where a file names it, which knows that it can.
    let reads = |it: &AgentInfo| it.driver != DriverKind::Tool;
    let good = |it: &&&AgentInfo| {
        reads(it) && fits(it, role) && role.good_for.as_ref().is_some_and(|word| it.good_for.contains(word))
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::TurnTimes;

    fn agent(name: &str, driver: DriverKind, access: Access) -> AgentInfo {
        AgentInfo {
            name: name.parse().unwrap(),
            profile: name.to_owned(),
            title: name.to_owned(),
            driver,
            access,
            good_for: vec!["review".to_owned()],
            missing: None,
            times: TurnTimes::default(),
        }
    }

    fn role(prefer: &[&str], good_for: Option<&str>, access: Access) -> Role {
        Role {
            unanswered: None,
            id: "r".parse().unwrap(),
            description: String::new(),
            prefer: prefer.iter().map(|it| it.parse().unwrap()).collect(),
            good_for: good_for.map(ToOwned::to_owned),
            access,
        }
    }

    #[test]
    fn the_first_preferred_that_is_here_and_may_plays() {
        let gone =
            AgentInfo { missing: Some("install it".to_owned()), ..agent("amp", DriverKind::Terminal, Access::Write) };
        let (lint, pi) =
            (agent("lint", DriverKind::Tool, Access::Read), agent("pi", DriverKind::Terminal, Access::Read));
        let all = [&gone, &lint, &pi];
        let who = |prefer: &[&str], word, access| choose(&all, &role(prefer, word, access)).map(|it| it.to_string());
        assert_eq!(who(&["amp", "lint", "pi"], None, Access::Read).unwrap(), "@lint");
        assert_eq!(who(&["amp"], Some("review"), Access::Read).unwrap(), "@pi", "a tool plays only where it is named");
        let why = who(&["amp", "lint"], Some("review"), Access::Write).unwrap_err();
        assert!(why.contains("@amp: install it") && why.contains("@lint: may only read"), "{why}");
    }
}
