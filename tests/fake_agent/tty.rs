//! The terminal as the scripted agent sees it: raw mode, its size, keys in, bytes out.

use std::{
    io::{Read, Write},
    sync::mpsc::{Receiver, channel},
};

use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

/// A key, or a whole paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Text(char),
    Paste(String),
    Enter,
    Esc,
    Control(u8),
    End,
}

/// Prints at once, so that a test sees it. Where nobody reads any more, there is nobody to tell.
pub fn print(text: &str) {
    print_bytes(text.as_bytes());
}

pub fn print_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Puts the terminal into raw mode. Without one, nothing happens.
pub fn raw() {
    let stdin = std::io::stdin();
    if let Ok(mut modes) = tcgetattr(&stdin) {
        modes.make_raw();
        let _ = tcsetattr(&stdin, OptionalActions::Now, &modes);
    }
}

/// Returns rows and columns.
pub fn size() -> (u16, u16) {
    tcgetwinsize(std::io::stdout()).map_or((0, 0), |it| (it.ws_row, it.ws_col))
}

/// Reads keys on a thread of its own.
pub fn keys() -> Receiver<Key> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut decoder = Decoder::default();
        let mut buffer = [0; 4096];
        loop {
            match std::io::stdin().read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    for key in decoder.feed(&buffer[..n]) {
                        if sender.send(key).is_err() {
                            return;
                        }
                    }
                }
            }
        }
        let _ = sender.send(Key::End);
    });
    receiver
}

/// Turns bytes into keys; a paste may come in many reads.
#[derive(Default)]
struct Decoder {
    bytes: Vec<u8>,
}

const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

impl Decoder {
    fn feed(&mut self, more: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(more);
        let mut keys = Vec::new();
        while let Some((key, used)) = self.next() {
            self.bytes.drain(..used);
            keys.extend(key);
        }
        keys
    }

    fn next(&self) -> Option<(Option<Key>, usize)> {
        let bytes = &self.bytes[..];
        let first = *bytes.first()?;
        if first == 0x1b && bytes.len() > 1 && PASTE_START.starts_with(&bytes[..bytes.len().min(PASTE_START.len())]) {
            let end = bytes.windows(PASTE_END.len()).position(|it| it == PASTE_END)?;
            let text = String::from_utf8_lossy(bytes.get(PASTE_START.len()..end)?).into_owned();
            return Some((Some(Key::Paste(text)), end + PASTE_END.len()));
        }
        if first == 0x1b && bytes.get(1) == Some(&b'[') {
            // An answer to a query, or an arrow: nothing to us.
            let end = bytes[2..].iter().position(|it| (0x40..=0x7e).contains(it))?;
            return Some((None, end + 3));
        }
        let key = match first {
            0x1b => Key::Esc,
            b'\r' => Key::Enter,
            0..=0x1f | 0x7f => Key::Control(first),
            _ => {
                let length = match first {
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xff => 4,
                    _ => 1,
                };
                let text = std::str::from_utf8(bytes.get(..length)?).ok().and_then(|it| it.chars().next());
                return Some((Some(Key::Text(text.unwrap_or('\u{fffd}'))), length));
            }
        };
        Some((Some(key), 1))
    }
}
