//! The thread that keeps a terminal's screen: it takes what the reader has put aside, parses it, and tells what
//! happened.
//!
//! Invariants: every event comes from this thread, in order, and `Exited` is the last. It wakes for bytes and for
//! deadlines that are set, and sleeps otherwise.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use super::{Exit, Shared, Size, TerminalEvent, pty::pty_size};

/// The most that the reader puts aside before it waits for the screen.
const MOST_PENDING: usize = 4 * 1024 * 1024;
/// From this much at once the output is a flood, and is taken in larger and rarer pieces: skimming needs long ones.
const FLOOD: usize = 64 * 1024;
/// How much of a flood is collected.
const FLOOD_BATCH: usize = 3 * 1024 * 1024;
/// And for how long at most.
const FLOOD_WAIT: Duration = Duration::from_millis(60);
/// A screen that was not touched for this long is drawn to its end.
pub const SETTLED: Duration = Duration::from_millis(16);
/// A screen that is touched all the time is shown this often.
const FRAME: Duration = Duration::from_millis(33);
/// How long a program may say that it is drawing (mode 2026) before the screen is shown all the same.
const LONGEST_DRAWING: Duration = Duration::from_millis(150);
/// What the system prints when a program's file turns out not to be one: its start looked like a success.
const FAILED_START: &str = "fatal runtime error: assertion failed: output.write(&bytes).is_ok()";
/// A start that failed ends at once; a loaded machine is given some time.
const FAILED_START_WITHIN: Duration = Duration::from_secs(5);

/// What the other threads leave for this one.
#[derive(Default)]
pub struct Inbox {
    pending: Vec<u8>,
    /// From how many bytes on this thread wants to be woken.
    wanted: usize,
    resize: Option<Size>,
    nudged: bool,
    lines: bool,
    reader_done: bool,
    end: Option<End>,
    failure: Option<String>,
}

/// The program's end.
pub struct End {
    pub exit: Exit,
    pub begun: Instant,
}

impl Shared {
    /// Takes output from the reader, into the transcript first. Waits while the screen is far behind. Returns whether
    /// the reader is to go on.
    pub(super) fn take_output(&self, bytes: &[u8]) -> bool {
        let written = match self.transcript.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(transcript) => transcript.write_all(bytes),
            // The session is over and its transcript closed.
            None => return false,
        };
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written {
            *self.transcript.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(std::io::sink()));
            inbox.failure = Some(error.to_string());
        }
        if inbox.pending.len() + bytes.len() > MOST_PENDING {
            inbox = self
                .taken
                .wait_while(inbox, |it| it.pending.len() + bytes.len() > MOST_PENDING && it.end.is_none())
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inbox.end.is_some() {
            return false;
        }
        inbox.pending.extend_from_slice(bytes);
        if inbox.pending.len() >= inbox.wanted || inbox.failure.is_some() {
            self.given.notify_one();
        }
        true
    }

    /// Says that there is nothing more to read.
    pub(super) fn reader_done(&self) {
        self.tell(|it| it.reader_done = true);
    }

    /// Waits for the reader to come to the end of what there is.
    pub(super) fn wait_for_reader(&self, most: Duration) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.taken.wait_timeout_while(inbox, most, |it| !it.reader_done));
    }

    /// Says that the program and its session have ended: closes the transcript and the input.
    pub(super) fn over(&self, end: End) {
        if let Some(mut transcript) = self.transcript.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = transcript.flush();
        }
        self.input.end();
        #[cfg(unix)]
        if let Some(lines) = &self.lines {
            lines.end();
        }
        self.tell(|it| it.end = Some(end));
    }

    pub(super) fn want_size(&self, size: Size) {
        self.tell(|it| it.resize = Some(size));
    }

    /// Gives the program and the screen the size that is wanted, where one is, and returns whether there was one.
    ///
    /// Invariant: both are told under the lock of the program's side, by whichever thread comes first, so they agree on the
    /// size, and keys that are typed after a size was wanted find a program that has it.
    pub(super) fn settle_size(&self) -> bool {
        let master = self.master.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner));
        let wanted = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).resize.take();
        let Some(size) = wanted else { return false };
        if let Some(master) = &master {
            let _ = master.resize(pty_size(size));
        }
        self.display().emulator.resize(size);
        true
    }

    /// Makes this thread tell that the screen changed though no byte came.
    pub(super) fn nudge(&self) {
        self.tell(|it| it.nudged = true);
    }

    /// Says that there are lines to take.
    #[cfg(unix)]
    pub(super) fn tell_lines(&self) {
        self.tell(|it| it.lines = true);
    }

    fn tell(&self, what: impl FnOnce(&mut Inbox)) {
        what(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        self.given.notify_one();
        self.taken.notify_all();
    }
}

/// Runs until the program's end has been told.
pub fn watch(shared: &Shared) {
    let mut watch =
        Watch { last_byte: Instant::now(), quiet_told: false, dirty: None, drawing: None, held_long: false };
    let mut chunk = Vec::new();
    let mut flooded = false;
    loop {
        let found = collect(shared, &mut chunk, flooded, watch.deadline(shared.quiet));
        flooded = chunk.len() >= FLOOD;
        if let Some(error) = found.failure {
            shared.tell_all(TerminalEvent::TranscriptFailed(error));
        }
        if shared.settle_size() || found.nudged {
            watch.dirty.get_or_insert_with(Instant::now);
        }
        if found.lines {
            shared.tell_all(TerminalEvent::Lines);
        }
        watch.feed(shared, &chunk);
        watch.tell_what_is_due(shared);
        if !flooded && chunk.capacity() > FLOOD {
            chunk = Vec::new();
        }
        chunk.clear();
        if let Some(End { mut exit, begun }) = found.end {
            if watch.dirty.is_some() {
                shared.tell_all(TerminalEvent::Changed);
            }
            exit.cannot_execute = exit.signal == Some(ABORTED)
                && begun.elapsed() < FAILED_START_WITHIN
                && shared.display().emulator.joined().contains(FAILED_START);
            shared.ended.store(true, std::sync::atomic::Ordering::SeqCst);
            shared.tell_all(TerminalEvent::Exited(exit));
            return;
        }
    }
}

/// The number of the signal by which a process ends itself.
const ABORTED: i32 = 6;

struct Found {
    nudged: bool,
    lines: bool,
    end: Option<End>,
    failure: Option<String>,
}

/// Waits for something to do, or for the deadline, and takes it. Of a flood it waits for a large piece.
fn collect(shared: &Shared, chunk: &mut Vec<u8>, flooded: bool, deadline: Option<Instant>) -> Found {
    let mut inbox = shared.inbox.lock().unwrap_or_else(PoisonError::into_inner);
    inbox.wanted = if flooded { FLOOD_BATCH } else { 1 };
    let deadline = if flooded {
        let flood = Instant::now() + FLOOD_WAIT;
        Some(deadline.map_or(flood, |it| it.max(flood)))
    } else {
        deadline
    };
    let idle = |it: &mut Inbox| {
        it.pending.len() < it.wanted
            && it.resize.is_none()
            && !(it.nudged || it.lines)
            && it.end.is_none()
            && it.failure.is_none()
    };
    let mut inbox = match deadline {
        None => shared.given.wait_while(inbox, idle).unwrap_or_else(PoisonError::into_inner),
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            shared.given.wait_timeout_while(inbox, left, idle).unwrap_or_else(PoisonError::into_inner).0
        }
    };
    std::mem::swap(&mut inbox.pending, chunk);
    shared.taken.notify_all();
    Found {
        nudged: std::mem::take(&mut inbox.nudged),
        lines: std::mem::take(&mut inbox.lines),
        end: inbox.end.take(),
        failure: inbox.failure.take(),
    }
}

struct Watch {
    last_byte: Instant,
    quiet_told: bool,
    /// Since when the screen has changed without that having been told.
    dirty: Option<Instant>,
    /// Since when the program has been drawing.
    drawing: Option<Instant>,
    /// Whether it has been at it for too long.
    held_long: bool,
}

impl Watch {
    fn feed(&mut self, shared: &Shared, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = Instant::now();
        self.last_byte = now;
        self.quiet_told = false;
        self.dirty.get_or_insert(now);
        while !bytes.is_empty() {
            let (taken, answers, titles, drawing) = {
                let mut display = shared.display();
                let taken = display.emulator.feed(bytes);
                display.touched = now;
                let screen = &mut display.emulator;
                (taken, screen.take_answers(), screen.take_titles(), screen.drawing())
            };
            bytes = &bytes[taken..];
            if !answers.is_empty() {
                // A program that asks without reading loses answers, not memory.
                let _ = shared.input.push(answers);
            }
            for it in titles {
                shared.tell_all(TerminalEvent::Title(it));
            }
            if !drawing {
                self.drawing = None;
                self.held_long = false;
            } else if self.drawing.is_none() {
                self.drawing = Some(now);
            }
        }
        shared.display().held = self.drawing.is_some() && !self.held_long;
    }

    fn change_due(&self) -> Option<Instant> {
        let dirty = self.dirty?;
        match self.drawing {
            Some(since) if !self.held_long => Some(since + LONGEST_DRAWING),
            _ => Some((self.last_byte + SETTLED).min(dirty + FRAME)),
        }
    }

    fn deadline(&self, quiet: Duration) -> Option<Instant> {
        let quiet = (!self.quiet_told).then(|| self.last_byte + quiet);
        self.change_due().into_iter().chain(quiet).min()
    }

    fn tell_what_is_due(&mut self, shared: &Shared) {
        let now = Instant::now();
        if self.change_due().is_some_and(|it| it <= now) {
            if self.drawing.is_some() {
                self.held_long = true;
                shared.display().held = false;
            }
            self.dirty = None;
            shared.tell_all(TerminalEvent::Changed);
        }
        if !self.quiet_told && self.last_byte + shared.quiet <= now {
            self.quiet_told = true;
            shared.tell_all(TerminalEvent::Quiet);
        }
    }
}
