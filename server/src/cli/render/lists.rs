//! The short lists: agents, channels, the hub.

use super::{
    Line, Tone, View,
    table::{WIDEST, table},
    time,
};
use crate::{
    agent::terminal::plain::plain,
    agent::{Access, AgentState, DriverKind, Source},
    ids::Timestamp,
    protocol::{AgentView, ChannelView, HubStatus, LeaseView},
};

/// How many files that are being changed are listed.
const MOST_CHANGING: usize = 50;

/// The least room for why a state is believed.
const ROOM_FOR_WHY: usize = 30;

/// Returns the agents as a table. A state is a fact with a source (promise 3), so why it is believed is a column. Those
/// whose program is not here stand in one sentence below it: what to do about each is the doctor's to say.
pub fn agents(agents: &[AgentView], now: Timestamp, view: &View) -> Vec<Line> {
    let (missing, here): (Vec<_>, Vec<_>) = agents.iter().partition(|it| it.info.missing.is_some());
    let mut header = vec!["agent", "state", "driver", "access", "good for", "why"];
    let mut rows: Vec<Vec<Line>> = here
        .iter()
        .map(|it| {
            let (word, tone) = state(&it.claim.state);
            let why = believed(it, now);
            vec![
                Line::new().with(Tone::Name, it.info.name.to_string()),
                Line::new().with(tone, word),
                Line::plain(driver(it.info.driver)),
                Line::plain(match it.info.access {
                    Access::Read => "read",
                    Access::Write => "write",
                }),
                Line::plain(plain(&it.info.good_for.join(" "))),
                Line::new().with(Tone::Faint, plain(&why)),
            ]
        })
        .collect();
    let widest = |column: usize| rows.iter().map(|it| it[column].width()).chain([header[column].len()]).max();
    let front: usize = (0..header.len() - 1).filter_map(widest).map(|it| it.min(WIDEST) + 2).sum();
    if front + ROOM_FOR_WHY > view.width {
        // What it is good for is the same each day; why it is believed to be rate-limited is not.
        header.remove(4);
        for it in &mut rows {
            it.remove(4);
        }
    }
    let mut lines = table(&header, &rows, view.width);
    lines.extend(changing(agents, view));
    if !missing.is_empty() {
        let mut line = Line::new().with(Tone::Faint, "Not installed here:");
        for it in missing {
            line.push(Tone::Plain, " ");
            line.push(Tone::Name, it.info.name.to_string());
        }
        line.push(Tone::Faint, ". `callboard doctor` says how to get each.");
        lines.push(Line::new());
        lines.extend(line.wrap(view.width, &Line::new(), &Line::new()));
    }
    lines
}

/// Returns the files that agents are changing, those first that several are.
fn changing(agents: &[AgentView], view: &View) -> Vec<Line> {
    let mut files: Vec<(&AgentView, &LeaseView)> =
        agents.iter().flat_map(|agent| agent.files.iter().map(move |it| (agent, it))).collect();
    if files.is_empty() {
        return Vec::new();
    }
    files.sort_by(|a, b| (a.1.with.is_empty(), &a.1.path).cmp(&(b.1.with.is_empty(), &b.1.path)));
    let more = files.len().saturating_sub(MOST_CHANGING);
    let rows: Vec<_> = files
        .into_iter()
        .take(MOST_CHANGING)
        .map(|(agent, it)| {
            let with: Vec<String> = it.with.iter().map(ToString::to_string).collect();
            let with = if with.is_empty() { String::new() } else { format!("and {}", with.join(", ")) };
            let how = match it.sign.as_str() {
                "said" => "its program says so",
                "seen" => "seen on the disk",
                _ => "it may be another's change",
            };
            vec![
                Line::plain(plain(&it.path)),
                Line::new().with(Tone::Name, agent.info.name.to_string()),
                Line::new().with(Tone::Warn, with),
                Line::new().with(Tone::Faint, how),
            ]
        })
        .collect();
    let mut lines = vec![Line::new()];
    lines.extend(table(&["being changed", "by", "also by", "known by"], &rows, view.width));
    if more > 0 {
        lines.push(Line::new().with(Tone::Faint, format!("And {more} more.")));
    }
    lines
}

fn believed(agent: &AgentView, now: Timestamp) -> String {
    let source = match agent.claim.source {
        Source::Hub => "hub",
        Source::Protocol => "protocol",
        Source::Hook => "hook",
        Source::ExitStatus => "exit status",
        Source::Title => "title",
        Source::Screen => "screen: a guess",
    };
    let queued = if agent.queued > 0 { format!(", {} queued", agent.queued) } else { String::new() };
    let since = time::lasted(now.since(agent.since));
    format!("{} ({source}), for {since}{queued}", agent.claim.why)
}

/// Returns an agent's state in the words of the product, with its tone.
pub fn state(state: &AgentState) -> (String, Tone) {
    let (word, tone) = match state {
        AgentState::Starting => ("starting", Tone::Note),
        AgentState::Idle => ("idle", Tone::Good),
        AgentState::Working => ("working", Tone::Note),
        AgentState::WaitingForPermission => ("waiting for permission", Tone::Warn),
        AgentState::WaitingForAnswer => ("waiting for an answer", Tone::Warn),
        AgentState::TakenOver { .. } => ("taken over", Tone::Note),
        AgentState::RateLimited { .. } => ("rate-limited", Tone::Warn),
        AgentState::OutOfBudget => ("out of budget", Tone::Bad),
        AgentState::Crashed => ("crashed", Tone::Bad),
        AgentState::Stopped => ("stopped", Tone::Faint),
    };
    (word.to_owned(), tone)
}

/// Returns a driver's name.
pub fn driver(kind: DriverKind) -> &'static str {
    match kind {
        DriverKind::StreamJson => "stream-json",
        DriverKind::AppServer => "app-server",
        DriverKind::Acp => "acp",
        DriverKind::Terminal => "terminal",
        DriverKind::Tool => "tool",
    }
}

/// Returns the channels as a table.
pub fn channels(channels: &[ChannelView], view: &View) -> Vec<Line> {
    let rows: Vec<_> = channels
        .iter()
        .map(|it| {
            vec![
                Line::new().with(Tone::Strong, it.name.to_string()),
                Line::plain(it.messages.to_string()),
                Line::new().with(Tone::Name, it.default_agent.as_ref().map_or_else(|| "-".into(), ToString::to_string)),
            ]
        })
        .collect();
    table(&["channel", "messages", "a message with no mention wakes"], &rows, view.width)
}

/// Returns what hub this is.
pub fn hub(status: &HubStatus, now: Timestamp, view: &View) -> Vec<Line> {
    let running = if status.in_process {
        "in this process; it ends with it".to_owned()
    } else {
        format!("pid {}, up for {}", status.pid, time::lasted(now.since(status.started)))
    };
    let facts = [
        ("hub", running),
        ("workspace", status.workspace.clone()),
        ("version", format!("{} (protocol {})", status.version, status.protocol)),
        ("started", time::day(status.started, &view.zone)),
        ("journal", format!("at record {}", status.rev)),
        ("clients", status.clients.to_string()),
        ("live runs", status.live_runs.to_string()),
        ("trusted", if status.trusted { "yes".to_owned() } else { "no: run `callboard trust`".to_owned() }),
    ];
    facts
        .iter()
        .map(|(name, text)| Line::new().with(Tone::Faint, format!("{name:<10} ")).with(Tone::Plain, plain(text)))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        agent::{AgentClaim, AgentInfo, TurnTimes},
        cli::render::text,
    };

    pub(crate) fn sample(name: &str, state: AgentState, source: Source) -> AgentView {
        AgentView {
            info: AgentInfo {
                name: name.parse().unwrap(),
                profile: name.to_owned(),
                title: name.to_owned(),
                driver: DriverKind::Tool,
                access: Access::Read,
                good_for: vec!["review".to_owned()],
                missing: None,
                times: TurnTimes::default(),
                take_over: true,
                needs_session: false,
                fork: false,
            },
            claim: AgentClaim { state, source, why: "clippy runs".to_owned() },
            since: Timestamp(0),
            turn: None,
            taken: None,
            queued: 1,
            usage: crate::outcome::Usage::default(),
            files: Vec::new(),
            rev: 1,
        }
    }

    #[test]
    fn promise_3_why_a_state_is_believed_has_room_before_what_never_changes() {
        let mut all =
            [sample("claude", AgentState::Working, Source::Protocol), sample("codex", AgentState::Idle, Source::Hub)];
        all[0].info.good_for = ["review", "fix", "build", "plan", "test", "explain"].map(str::to_owned).to_vec();
        all[1].claim.state = AgentState::WaitingForPermission;
        insta::assert_snapshot!(text(&agents(&all, Timestamp(4_000), &View { width: 90, ..View::plain() })), @r"
        agent    state                   driver  access  why
        @claude  working                 tool    read    clippy runs (protocol), for 4.0 s, 1
                                                         queued
        @codex   waiting for permission  tool    read    clippy runs (hub), for 4.0 s, 1 queued
        ");
    }

    #[test]
    fn promise_3_a_state_is_shown_with_its_source() {
        let guess = sample("amp", AgentState::WaitingForPermission, Source::Screen);
        let mut gone = sample("codex", AgentState::Stopped, Source::Hub);
        gone.info.missing = Some("codex is not on PATH".to_owned());
        let all = [sample("lint", AgentState::Working, Source::Protocol), guess, gone];
        insta::assert_snapshot!(text(&agents(&all, Timestamp(4_000), &View { width: 120, ..View::plain() })), @r"
        agent  state                   driver  access  good for  why
        @lint  working                 tool    read    review    clippy runs (protocol), for 4.0 s, 1 queued
        @amp   waiting for permission  tool    read    review    clippy runs (screen: a guess), for 4.0 s, 1 queued

        Not installed here: @codex. `callboard doctor` says how to get each.
        ");
    }
}
