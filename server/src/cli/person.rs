//! The person at the terminal: lines that they type, and Ctrl-C.
//!
//! Invariant: stdin is read only when a line was asked for, one line at a time. So an editor that is started right after a
//! line came in has the keyboard for itself.

use std::io::{self, BufRead as _, IsTerminal as _};

use tokio::sync::mpsc;

/// Who is at the other end.
pub struct Person {
    /// Their keyboard.
    pub keys: Keys,
    /// Their Ctrl-C.
    pub signals: Signals,
    /// Whether there is a person: stdin and stdout are terminals.
    pub is_there: bool,
}

/// Lines from stdin, each read when it is asked for.
pub struct Keys {
    wants: Option<std::sync::mpsc::Sender<()>>,
    lines: Option<mpsc::UnboundedReceiver<Option<String>>>,
    is_asked: bool,
}

/// Interrupts by Ctrl-C.
pub struct Signals {
    interrupts: Option<mpsc::Receiver<()>>,
}

impl Person {
    /// Makes the person of this process.
    pub fn of_process() -> Self {
        Self {
            keys: Keys { wants: None, lines: None, is_asked: false },
            signals: Signals { interrupts: None },
            is_there: io::stdin().is_terminal() && io::stdout().is_terminal(),
        }
    }

    /// Makes a person that types these lines and then hangs up.
    #[cfg(test)]
    pub(crate) fn scripted(lines: &[&str]) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        for line in lines {
            sender.send(Some((*line).to_owned())).unwrap();
        }
        let (_, interrupts) = mpsc::channel(1);
        Self {
            keys: Keys { wants: None, lines: Some(receiver), is_asked: false },
            signals: Signals { interrupts: Some(interrupts) },
            is_there: true,
        }
    }

    /// Makes nobody: output is piped.
    #[cfg(test)]
    pub(crate) fn nobody() -> Self {
        Self { is_there: false, ..Self::scripted(&[]) }
    }

    /// Makes a person who presses Ctrl-C so many times.
    #[cfg(test)]
    pub(crate) fn who_interrupts(times: usize) -> Self {
        let (sender, interrupts) = mpsc::channel(times);
        for _ in 0..times {
            sender.try_send(()).unwrap();
        }
        Self { signals: Signals { interrupts: Some(interrupts) }, ..Self::scripted(&[]) }
    }
}

impl Keys {
    /// Waits for a line; `None` at the end of input. Given up, the wait loses nothing: the line comes to the next one.
    pub async fn line(&mut self) -> Option<String> {
        if self.lines.is_none() {
            let (wants, wanted) = std::sync::mpsc::channel::<()>();
            let (sender, lines) = mpsc::unbounded_channel();
            // A thread of its own: a read of a terminal cannot be given up, and must not hold the runtime's end.
            std::thread::spawn(move || {
                while wanted.recv().is_ok() {
                    let mut line = String::new();
                    let read = io::stdin().lock().read_line(&mut line);
                    let line = read.ok().filter(|it| *it > 0).map(|_| line);
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
            self.wants = Some(wants);
            self.lines = Some(lines);
        }
        if !self.is_asked
            && let Some(wants) = &self.wants
        {
            wants.send(()).ok()?;
        }
        self.is_asked = true;
        let line = match &mut self.lines {
            Some(lines) => lines.recv().await.flatten(),
            None => None,
        };
        self.is_asked = false;
        line
    }
}

impl Signals {
    /// From here on Ctrl-C no longer ends the process by itself; `interrupt` tells of it.
    pub fn listen(&mut self) {
        self.receiver();
    }

    /// Waits for a Ctrl-C.
    pub async fn interrupt(&mut self) {
        if self.receiver().recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    fn receiver(&mut self) -> &mut mpsc::Receiver<()> {
        self.interrupts.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(4);
            // Invariant: the handler is there when this returns, not when the task is first polled: a Ctrl-C in between would
            // end the process.
            #[cfg(unix)]
            if let Ok(mut pressed) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()) {
                tokio::spawn(async move {
                    while pressed.recv().await.is_some() {
                        // A full queue means that nobody looks; more of the same would say nothing new.
                        if matches!(sender.try_send(()), Err(mpsc::error::TrySendError::Closed(()))) {
                            return;
                        }
                    }
                });
            }
            #[cfg(not(unix))]
            tokio::spawn(async move {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if matches!(sender.try_send(()), Err(mpsc::error::TrySendError::Closed(()))) {
                        return;
                    }
                }
            });
            receiver
        })
    }

    /// Forgets interrupts that were meant for a program that had the terminal meanwhile.
    pub fn forget(&mut self) {
        if let Some(interrupts) = &mut self.interrupts {
            while interrupts.try_recv().is_ok() {}
        }
    }
}
