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

/// Returns who play a role, in the order of its seats: one where it has none, and of several those that are here, each once.
pub fn choose_all(agents: &[&AgentInfo], role: &Role) -> Result<Vec<AgentName>, String> {
    if !role.is_shared() {
        return choose(agents, role).map(|it| vec![it]);
    }
    let mut chosen: Vec<AgentName> = Vec::new();
    for seat in &role.seats {
        let free: Vec<&AgentInfo> = agents.iter().filter(|it| !chosen.contains(&it.name)).copied().collect();
        let wants = if seat.is_empty() { role.clone() } else { Role { prefer: seat.clone(), ..role.clone() } };
        chosen.extend(choose(&free, &wants).ok());
    }
    // With nobody for any seat the sentence is that of the role as a whole.
    if chosen.is_empty() {
        let all = if role.prefer.is_empty() { role.seats.concat() } else { role.prefer.clone() };
        return choose(agents, &Role { prefer: all, ..role.clone() }).map(|it| vec![it]);
    }
    Ok(chosen)
}

/// Refuses more agents than a role has seats, and one that sits twice.
pub fn check_count(role: &Role, given: &[AgentName]) -> Result<(), String> {
    let (id, seats) = (role.id.as_str(), role.seats.len().max(1));
    if given.is_empty() {
        return Err(format!("the role {id} needs somebody; name an agent"));
    }
    if given.len() > seats {
        let mend =
            if role.is_shared() { "name fewer" } else { "name one, or give the role `agents: 2` in the workflow" };
        return Err(format!("the role {id} is for {seats}, and {} are named; {mend}", given.len()));
    }
    match given.iter().enumerate().find(|(index, it)| given[..*index].contains(it)) {
        Some((_, twice)) => Err(format!("{twice} is named twice for the role {id}; name each agent once")),
        None => Ok(()),
    }
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
            take_over: true,
            needs_session: false,
            fork: false,
        }
    }

    fn role(prefer: &[&str], good_for: Option<&str>, access: Access) -> Role {
        Role {
            unanswered: None,
            sandbox: false,
            id: "r".parse().unwrap(),
            description: String::new(),
            prefer: prefer.iter().map(|it| it.parse().unwrap()).collect(),
            good_for: good_for.map(ToOwned::to_owned),
            access,
            seats: Vec::new(),
        }
    }

    #[test]
    fn several_seats_are_filled_as_far_as_there_are_agents_each_once() {
        let all: Vec<AgentInfo> =
            ["amp", "claude", "codex"].map(|it| agent(it, DriverKind::Terminal, Access::Read)).to_vec();
        let all: Vec<&AgentInfo> = all.iter().collect();
        let names = |seats: &[&[&str]], prefer: &[&str]| {
            let seats = seats.iter().map(|it| it.iter().map(|it| it.parse().unwrap()).collect()).collect();
            let who = choose_all(&all, &Role { seats, ..role(prefer, None, Access::Read) });
            who.map(|it| it.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names(&[&[], &[]], &["codex", "claude", "amp"]).unwrap(), "@codex @claude");
        assert_eq!(names(&[&[], &[], &[]], &["codex", "gone"]).unwrap(), "@codex", "fewer play where fewer are here");
        assert_eq!(names(&[&["codex", "amp"], &["codex", "claude"]], &[]).unwrap(), "@codex @claude");
        assert!(names(&[&["gone"], &["lost"]], &[]).unwrap_err().contains("@gone: is not known; @lost"));
        let shared = Role { seats: vec![Vec::new(); 2], ..role(&["amp"], None, Access::Read) };
        let given = |names: &[&str]| names.iter().map(|it| it.parse().unwrap()).collect::<Vec<AgentName>>();
        assert_eq!(check_count(&shared, &given(&["amp"])), Ok(()));
        assert!(check_count(&shared, &given(&["amp", "amp"])).unwrap_err().contains("named twice"));
        assert!(check_count(&shared, &given(&["amp", "a", "b"])).unwrap_err().contains("for 2, and 3"));
        assert!(
            check_count(&role(&["amp"], None, Access::Read), &given(&["a", "b"])).unwrap_err().contains("agents: 2")
        );
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
