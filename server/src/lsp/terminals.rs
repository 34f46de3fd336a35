//! The agents' terminals as one client watches them: frames out, keys and sizes in.
//!
//! Each watch is a task that looks at the screen itself, beside the hub. State first: it looks when the client has read the
//! last frame and never more often than 30 times a second, so a slow client is given the newest screen and nobody waits.
//! Invariant (promise 2): only a person types. What asks for a permission on a screen is answered by keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use crate::{
    agent::terminal::{Form, Head, InputError, Look, Screens, Seen, Size, Terminal},
    hub::event::{Refusal, RefusalCode},
    ids::AgentName,
    lsp::{editor::lock, frame::frame, outbox::Outbox, shared::Shared},
    protocol::{
        Nothing, TerminalCursor, TerminalForm, TerminalFrame, TerminalInputParams, TerminalResizeParams,
        TerminalScrollback, TerminalScrollbackParams, TerminalSize, TerminalState, UnwatchTerminalParams,
        WatchTerminalParams, WatchTerminalResult, method,
    },
};

/// How many terminals one client watches at once.
const MOST: usize = 64;

/// The least time between two frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);

/// How small and how large a terminal may be made. Programs that draw fail on less than the least.
const ROWS: (u16, u16) = (4, 500);
const COLUMNS: (u16, u16) = (20, 1_000);

/// How many lines of scrollback one request gets, and gets at most.
const LINES: u32 = 200;
const MOST_LINES: u32 = 1_000;

/// The terminals that one client watches. Dropping it ends its watches.
pub struct Terminals {
    shared: Arc<Shared>,
    screens: Arc<Screens>,
    outbox: Outbox,
    watched: Mutex<HashMap<AgentName, AbortHandle>>,
}

impl Terminals {
    /// Makes it for a client with this outbox.
    pub fn new(shared: Arc<Shared>, outbox: Outbox) -> Self {
        let screens = shared.surroundings.screens();
        Self { shared, screens, outbox, watched: Mutex::default() }
    }

    /// Begins to send frames of an agent's terminal. The first is the whole screen.
    pub fn watch(&self, params: WatchTerminalParams) -> Result<WatchTerminalResult, Refusal> {
        let WatchTerminalParams { agent, form } = params;
        self.known(&agent)?;
        let form = match form {
            TerminalForm::Rows => Form::Rows,
            TerminalForm::Raw => Form::Raw,
        };
        let mut watched = lock(&self.watched);
        if watched.len() >= MOST && !watched.contains_key(&agent) {
            let message = format!("{MOST} terminals are watched already; end a watch with `callboard/unwatchTerminal`");
            return Err(Refusal::new(RefusalCode::Busy, message));
        }
        let viewer = Viewer { agent: agent.clone(), form, screens: Arc::clone(&self.screens), frame: 0 };
        let task = tokio::spawn(viewer.run(self.outbox.clone()));
        if let Some(before) = watched.insert(agent.clone(), task.abort_handle()) {
            before.abort();
        }
        let terminal = self.screens.get(&agent);
        Ok(WatchTerminalResult {
            state: terminal.as_ref().map_or(TerminalState::Absent, |it| state(it.has_ended())),
            size: wire_size(terminal.map_or_else(Size::default, |it| it.size())),
        })
    }

    /// Ends a watch; one that there is not has ended.
    pub fn unwatch(&self, params: &UnwatchTerminalParams) -> Nothing {
        if let Some(task) = lock(&self.watched).remove(&params.agent) {
            task.abort();
        }
        Nothing {}
    }

    /// Types what a person typed.
    pub fn input(&self, params: &TerminalInputParams) -> Result<Nothing, Refusal> {
        let terminal = self.terminal(&params.agent)?;
        let typed = if params.paste { terminal.paste(&params.text) } else { terminal.type_text(&params.text) };
        typed.map(|()| Nothing {}).map_err(|why| {
            let code = match why {
                InputError::Locked | InputError::Full => RefusalCode::Busy,
                InputError::Ended => RefusalCode::NotFound,
                InputError::LineTooLong { .. } | InputError::WouldSubmit | InputError::NoKeys => RefusalCode::Invalid,
            };
            Refusal::new(code, format!("{}: {why}", params.agent))
        })
    }

    /// Gives a terminal the size that a person's window has, held within what programs can draw in.
    pub fn resize(&self, params: &TerminalResizeParams) -> Result<TerminalSize, Refusal> {
        let terminal = self.terminal(&params.agent)?;
        let size = Size { rows: params.rows.clamp(ROWS.0, ROWS.1), cols: params.columns.clamp(COLUMNS.0, COLUMNS.1) };
        terminal.resize(size);
        Ok(wire_size(size))
    }

    /// Returns lines that left the top of the screen.
    pub fn scrollback(&self, params: &TerminalScrollbackParams) -> Result<TerminalScrollback, Refusal> {
        self.known(&params.agent)?;
        let Some(terminal) = self.screens.get(&params.agent) else { return Ok(TerminalScrollback::default()) };
        let count = params.count.unwrap_or(LINES).min(MOST_LINES);
        let (first, lines, total) = terminal.scrolled(params.from, usize::try_from(count).unwrap_or(usize::MAX));
        Ok(TerminalScrollback { terminal: terminal.number(), first, lines, total })
    }

    fn known(&self, agent: &AgentName) -> Result<(), Refusal> {
        if self.shared.hub.snapshot().state().agents.contains_key(agent) || self.screens.get(agent).is_some() {
            return Ok(());
        }
        let message = format!("there is no agent {agent} in this workspace; `callboard agents` lists them");
        Err(Refusal::new(RefusalCode::NotFound, message))
    }

    fn terminal(&self, agent: &AgentName) -> Result<Arc<Terminal>, Refusal> {
        self.known(agent)?;
        self.screens.get(agent).ok_or_else(|| {
            let message =
                format!("{agent} has no terminal yet; it has one when its program starts, with its first turn");
            Refusal::new(RefusalCode::NotFound, message)
        })
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        for (_, task) in lock(&self.watched).drain() {
            task.abort();
        }
    }
}

/// One watch.
struct Viewer {
    agent: AgentName,
    form: Form,
    screens: Arc<Screens>,
    frame: u64,
}

impl Viewer {
    /// Sends frames until it is aborted.
    async fn run(mut self, outbox: Outbox) {
        let mut places = self.screens.watch();
        loop {
            places.borrow_and_update();
            if let Some(terminal) = self.screens.get(&self.agent) {
                let (changes, number) = (terminal.watch(), terminal.number());
                // A handle would keep the program alive; a viewer only looks.
                let terminal = Arc::downgrade(&{ terminal });
                self.follow(&terminal, number, changes, &mut places, &outbox).await;
            } else {
                self.send(&outbox, 0, None);
                if places.changed().await.is_err() {
                    return;
                }
            }
        }
    }

    /// Sends frames of one terminal until the agent has another.
    async fn follow(
        &mut self,
        terminal: &Weak<Terminal>,
        number: u64,
        mut changes: tokio::sync::watch::Receiver<u64>,
        places: &mut tokio::sync::watch::Receiver<u64>,
        outbox: &Outbox,
    ) {
        let mut seen = Seen::default();
        loop {
            changes.borrow_and_update();
            let Some(look) = terminal.upgrade().map(|it| it.look(&mut seen, self.form)) else { return };
            if let Some(look) = look {
                let next = Instant::now() + FRAME;
                self.send(outbox, number, Some(look));
                outbox.drained().await;
                tokio::time::sleep_until(next).await;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                changed = places.changed() => {
                    let is_same = self.screens.get(&self.agent).is_some_and(|it| it.number() == number);
                    if changed.is_err() || !is_same {
                        return;
                    }
                }
            }
        }
    }

    fn send(&mut self, outbox: &Outbox, terminal: u64, look: Option<Look>) {
        self.frame += 1;
        let absent = || Look {
            full: true,
            head: Head {
                size: Size::default(),
                cursor: (0, 0),
                cursor_visible: false,
                title: String::new(),
                locked: false,
                ended: false,
                scrolled: 0,
            },
            rows: Vec::new(),
            raw: String::new(),
        };
        let is_there = look.is_some();
        let Look { full, head, rows, raw } = look.unwrap_or_else(absent);
        let params = TerminalFrame {
            agent: self.agent.clone(),
            frame: self.frame,
            terminal,
            full,
            state: if is_there { state(head.ended) } else { TerminalState::Absent },
            size: wire_size(head.size),
            cursor: TerminalCursor { row: head.cursor.0, column: head.cursor.1, visible: head.cursor_visible },
            title: head.title,
            locked: head.locked,
            scrolled: head.scrolled,
            rows,
            raw,
        };
        let message = serde_json::json!({ "jsonrpc": "2.0", "method": method::TERMINAL_FRAME, "params": params });
        outbox.push(Arc::new(frame(message.to_string().as_bytes())));
    }
}

fn state(ended: bool) -> TerminalState {
    if ended { TerminalState::Ended } else { TerminalState::Live }
}

fn wire_size(size: Size) -> TerminalSize {
    TerminalSize { rows: size.rows, columns: size.cols }
}

#[cfg(all(test, unix))]
mod tests;
