//! `callboard agents attach`: an agent's terminal on this one, until the person leaves it or its program ends.
//!
//! Frames are bytes for an emulator of the same size, so what is drawn is what the hub's own screen has; keys go back as they
//! are. Invariant: whichever way it ends, this terminal is left in the mode in which it was found.

use std::io::{self, IsTerminal as _, Read as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    args::agents::AttachArgs,
    connect::HubWire,
    fail::{self, Fail},
    lists::told,
    out::Out,
    render::Line,
    wire::{Wire, ask},
};
use crate::{
    agent::DriverKind,
    hub::event::RefusalCode,
    ids::AgentName,
    protocol::{
        AgentView, Changed, HandBackParams, Item, Nothing, SubscribeParams, TakeOverParams, TakenStage, TerminalForm,
        TerminalFrame, TerminalSize, TerminalState, WatchTerminalParams, WatchTerminalResult, method,
    },
};

/// The key that leaves: Ctrl-].
const LEAVE: u8 = 0x1d;

/// How much is read from the keyboard at once.
const CHUNK: usize = 4096;

/// What puts a terminal back that a program has drawn on.
const PLAIN: &str = "\x1b[0m\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How the terminal was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// By the key.
    ByKey,
    /// Its program ended.
    Ended,
}

/// Opens an agent's terminal here.
pub async fn attach(hub: &mut HubWire, out: &mut Out, args: &AttachArgs) -> Result<i32, Fail> {
    let agent = &args.agent;
    if out.json || !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(Fail::usage("attaching needs a terminal on both sides")
            .help("programs read a terminal by `callboard/watchTerminal` of the protocol"));
    }
    let view = find(hub, agent).await?;
    let mine = if args.look { false } else { take_over(hub, out, args, &view).await? };
    let left = on_screen(hub, out, args, mine).await?;
    let name = agent.as_str();
    let sentence = match (left, mine) {
        (Left::ByKey, true) => format!(
            "{agent} is still yours, and its messages wait. Go on with it: `callboard agents attach {name}`. Give it back: \
             `callboard agents hand-back {name}`."
        ),
        (Left::ByKey, false) => format!("Left {agent}'s terminal as it is."),
        (Left::Ended, true) => format!("Its screen has ended: {agent} is handed back."),
        (Left::Ended, false) => format!("{agent}'s program has ended."),
    };
    out.line(&Line::plain(sentence))?;
    Ok(fail::OK)
}

/// Hands an agent back.
pub async fn hand_back(wire: &mut impl Wire, out: &mut Out, agent: &AgentName) -> Result<i32, Fail> {
    let params = HandBackParams { agent: agent.clone() };
    let changed: Changed = ask(wire, method::HAND_BACK, &params).await?;
    told(out, &changed, &format!("{agent} is handed back: its messages go on when its screen has ended."))
}

async fn find(wire: &mut impl Wire, agent: &AgentName) -> Result<AgentView, Fail> {
    let agents: Vec<AgentView> = ask(wire, method::AGENTS, &Nothing {}).await?;
    agents.into_iter().find(|it| it.info.name == *agent).ok_or_else(|| {
        Fail::new("not_found", format!("there is no agent {agent} in this workspace"))
            .help("`callboard agents` lists them")
    })
}

/// Takes an agent over and waits until it is open. Returns false where its terminal is only shared with its turn.
async fn take_over(wire: &mut impl Wire, out: &mut Out, args: &AttachArgs, view: &AgentView) -> Result<bool, Fail> {
    let agent = &args.agent;
    // What comes of it is in the feed: nothing of it may be missed.
    ask::<Changed>(wire, method::SUBSCRIBE, &SubscribeParams::default()).await?;
    let params = TakeOverParams { agent: agent.clone(), after_turn: args.after_turn };
    match ask::<Changed>(wire, method::TAKE_OVER, &params).await {
        Ok(_) => {}
        // Its own terminal can be typed into while it works.
        Err(why) if why.is(RefusalCode::Busy) && view.info.driver == DriverKind::Terminal => {
            out.line(&Line::plain(format!("{agent} is on a turn: you share its terminal, and it stays on its work.")))?;
            return Ok(false);
        }
        Err(why) if why.is(RefusalCode::Busy) || why.is(RefusalCode::Invalid) => {
            return Err(why.help(format!("to watch what it does: `callboard agents attach {} --look`", agent.as_str())));
        }
        Err(why) => return Err(why),
    }
    let mut seen = find(wire, agent).await?;
    let mut said = false;
    loop {
        match seen.taken.as_ref().map(|it| it.stage) {
            Some(TakenStage::Open) => {
                out.area(&[])?;
                return Ok(true);
            }
            Some(TakenStage::AfterTurn) if !std::mem::replace(&mut said, true) => {
                out.line(&Line::plain(format!(
                    "Waiting for the end of {agent}'s turn. Ctrl-C leaves it to be taken over then."
                )))?;
            }
            // Gemini's is opened in the minute after the one in which its session was begun.
            Some(TakenStage::Opening) => out.area(&[Line::plain(format!(
                "Opening {agent}'s own screen: some programs take up to a minute. Ctrl-C leaves it to be opened."
            ))])?,
            Some(_) => {}
            None => {
                return Err(Fail::new("not_open", format!("{agent} could not be taken over"))
                    .help("the channel says why: `callboard channel show`"));
            }
        }
        let Some(feed) = wire.feed().await else { return Err(Fail::lost("the hub was lost meanwhile")) };
        let of = |item| match item {
            Item::Agent(it) if it.info.name == *agent => Some(it),
            _ => None,
        };
        if let Some(it) = feed.items.into_iter().filter_map(of).next_back() {
            seen = it;
        }
    }
}

/// Shows the terminal here until it is left.
async fn on_screen(hub: &mut HubWire, out: &mut Out, args: &AttachArgs, mine: bool) -> Result<Left, Fail> {
    let agent = &args.agent;
    let mut frames = hub.frames();
    let watch = WatchTerminalParams { agent: agent.clone(), form: TerminalForm::Raw };
    let watched: WatchTerminalResult = ask(hub, method::WATCH_TERMINAL, &watch).await?;
    if watched.state == TerminalState::Absent {
        return Err(Fail::new("not_found", format!("{agent} has no terminal yet; it has one with its first turn")));
    }
    let mut sizes = signal(SignalKind::window_change())
        .map_err(|why| Fail::new("io", format!("the window's size can't be followed: {why}")))?;
    let mode = RawMode::enter().map_err(|why| Fail::new("io", format!("the terminal can't be read by keys: {why}")))?;
    let mut keys = keys();
    out.raw("\x1b[?1049h\x1b[2J\x1b[H")?;
    let left = follow(hub, out, args, mine, &mut frames, &mut sizes, &mut keys).await;
    // Whoever closed the window sees nothing of it.
    let _ = out.raw(PLAIN);
    drop(mode);
    left
}

async fn follow(
    hub: &mut HubWire,
    out: &mut Out,
    args: &AttachArgs,
    mine: bool,
    frames: &mut mpsc::Receiver<TerminalFrame>,
    sizes: &mut Signal,
    keys: &mut mpsc::Receiver<Vec<u8>>,
) -> Result<Left, Fail> {
    let agent = &args.agent;
    let types = !args.look;
    let mut text = Text::default();
    let mut terminal = None;
    if types {
        resize(hub, agent).await?;
    }
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { return Err(Fail::lost("the hub was lost; what runs there went with it")) };
                if frame.state == TerminalState::Absent {
                    continue;
                }
                // What was taken over is one terminal; another is the agent's driver's again.
                if mine && *terminal.get_or_insert(frame.terminal) != frame.terminal {
                    return Ok(Left::Ended);
                }
                if frame.full {
                    out.raw("\x1b[0m\x1b[2J\x1b[H")?;
                }
                out.raw(&frame.raw)?;
                if frame.state == TerminalState::Ended {
                    return Ok(Left::Ended);
                }
            }
            Some(()) = sizes.recv(), if types => resize(hub, agent).await?,
            bytes = keys.recv() => {
                let Some(bytes) = bytes else { return Ok(Left::ByKey) };
                let leave = bytes.iter().position(|it| *it == LEAVE);
                let typed = text.take(&bytes[..leave.unwrap_or(bytes.len())]);
                if types && !typed.is_empty() {
                    let params = json!({ "agent": agent, "text": typed });
                    match hub.call(method::TERMINAL_INPUT, params).await {
                        // It is locked for the moment that Callboard types in it, or has just ended: the frame says so.
                        Err(why) if !why.is_lost() => out.raw("\x07")?,
                        other => drop(other?),
                    }
                }
                if leave.is_some() {
                    return Ok(Left::ByKey);
                }
            }
        }
    }
}

/// Gives the agent's terminal the size of this one.
async fn resize(hub: &mut HubWire, agent: &AgentName) -> Result<(), Fail> {
    let Ok(size) = tcgetwinsize(io::stdout()) else { return Ok(()) };
    if size.ws_row == 0 || size.ws_col == 0 {
        return Ok(());
    }
    let params = json!({ "agent": agent, "rows": size.ws_row, "columns": size.ws_col });
    match ask::<TerminalSize>(hub, method::TERMINAL_RESIZE, &params).await {
        Err(why) if why.is_lost() => Err(why),
        _ => Ok(()),
    }
}

/// Reads keys on a thread of their own: a read of a terminal can't be given up, and must not hold the runtime's end.
fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut chunk = [0; CHUNK];
        loop {
            match io::stdin().read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if sender.blocking_send(chunk[..length].to_vec()).is_err() {
                        return;
                    }
                }
            }
        }
    });
    receiver
}

/// Puts text together of bytes that may be cut anywhere.
#[derive(Default)]
struct Text {
    rest: Vec<u8>,
}

impl Text {
    fn take(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let good = match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.len(),
            // What is only cut waits for its end; what is no text is passed over by the replacement.
            Err(why) if why.error_len().is_none() => why.valid_up_to(),
            Err(_) => self.rest.len(),
        };
        String::from_utf8_lossy(&self.rest.drain(..good).collect::<Vec<_>>()).into_owned()
    }
}

/// This terminal with each key as it is pressed; dropped, it is as it was.
struct RawMode {
    before: Termios,
}

impl RawMode {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentState, Source};
    use crate::cli::{
        out::Buffer,
        render::lists::tests::sample,
        wire::fake::{Fake, changed},
    };

    #[test]
    fn a_character_that_is_cut_waits_for_its_end() {
        let mut text = Text::default();
        let bytes = "größer 漢".as_bytes();
        let whole: String = bytes.chunks(1).map(|it| text.take(it)).collect();
        assert_eq!(whole, "größer 漢");
        assert_eq!(text.take(&[b'a', 0xff, b'b']), "a\u{fffd}b");
    }

    #[tokio::test]
    async fn a_busy_agent_says_how_to_wait_and_how_to_look() {
        let refused = Fail::refused(RefusalCode::Busy, "@lint is on a turn");
        let mut hub = Fake::default().on(method::SUBSCRIBE, json!({ "since": null }), changed()).refuses(
            method::TAKE_OVER,
            json!({ "agent": "lint", "afterTurn": false }),
            refused,
        );
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, true);
        let view = sample("lint", AgentState::Working, Source::Hub);
        let args = AttachArgs { agent: view.info.name.clone(), after_turn: false, look: false };
        let fail = take_over(&mut hub, &mut out, &args, &view).await.unwrap_err();
        assert!(fail.help[0].contains("callboard agents attach lint --look"), "{fail:?}");
    }
}
