//! What a terminal printed, on disk: asciicast v2, buffered, bounded, with secrets taken out on the way.
//!
//! Knows bytes and times, and nothing of what a screen makes of them. Nothing here waits or wakes: whoever reads the PTY
//! calls `flush` when it went quiet.
//!
//! What is kept: the first quarter of `max_bytes` for good, in the file itself, and after it parts of three eighths each,
//! `NAME.2.cast`, `NAME.3.cast` and so on, of which the newest two are kept. So nothing at all is dropped before `max_bytes`
//! are written, later at least the newest three eighths are there, and the files never take more than `max_bytes`.
//! A part that pushed others out begins with a marker that says how much of the output is gone.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use self::encode::{escape_into, unfinished_utf8};
use super::private;
use crate::{config::redact::Redactor, ids::Timestamp};

mod encode;
mod read;
mod room;

pub use read::{Event, TranscriptReader, What};
pub use room::{DEFAULT_TOTAL_BYTES, make_room};

/// The bound where nobody gives one, in bytes of all files of a transcript together.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;
/// A smaller bound is taken as this one.
pub const MIN_MAX_BYTES: u64 = 4 << 20;

/// How much is gathered before it goes to the file.
const BUFFER: usize = 256 * 1024;
/// The most text in one event. A byte takes up to six in the file, so an event is always far smaller than a part.
const EVENT: usize = 64 * 1024;

/// What a transcript says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Columns of the screen.
    pub cols: u16,
    /// Rows of the screen.
    pub rows: u16,
    /// What it is of, for people: `@claude`.
    pub title: String,
    /// When it began.
    pub started: Timestamp,
}

/// Writes a transcript. Dropping it writes what is still held.
#[derive(Debug)]
pub struct TranscriptWriter {
    path: PathBuf,
    header: Header,
    max_bytes: u64,
    redactor: Option<Arc<Redactor>>,
    clock: Instant,
    file: File,
    buffer: Vec<u8>,
    part: u32,
    /// Bytes of this part so far, those in the buffer included.
    part_bytes: u64,
    /// Bytes of text in all parts so far.
    text_bytes: u64,
    /// At which byte of text each part that is still there begins, newest last; the first part is not in it.
    tails: Vec<(u32, u64)>,
    /// At which byte of text the first part ended.
    head_end: u64,
    /// The beginning of a character whose end was not read yet.
    partial: Vec<u8>,
    /// Text that may be the beginning of a secret.
    held: String,
}

impl TranscriptWriter {
    /// Makes the file, 0600. One that is there already is an error of kind `AlreadyExists`: a transcript is never written over.
    /// `max_bytes` bounds all its parts together.
    pub fn create(path: &Path, header: Header, max_bytes: u64, redactor: Option<Arc<Redactor>>) -> io::Result<Self> {
        let file = private::create_new(path)?;
        let mut writer = Self {
            path: path.to_owned(),
            header,
            max_bytes: max_bytes.max(MIN_MAX_BYTES),
            redactor,
            clock: Instant::now(),
            file,
            buffer: Vec::with_capacity(BUFFER + EVENT),
            part: 1,
            part_bytes: 0,
            text_bytes: 0,
            tails: Vec::new(),
            head_end: 0,
            partial: Vec::with_capacity(4),
            held: String::new(),
        };
        writer.put_header();
        writer.write_out()?;
        Ok(writer)
    }

    /// Takes what the terminal printed just now.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_at(self.clock.elapsed(), bytes)
    }

    /// Takes what the terminal printed `at` this time after the start. Characters and secrets may be cut anywhere.
    pub fn write_at(&mut self, at: Duration, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(EVENT) {
            self.write_piece(at, piece)?;
        }
        Ok(())
    }

    /// Takes a new size of the screen.
    pub fn resize(&mut self, cols: u16, rows: u16) -> io::Result<()> {
        self.resize_at(self.clock.elapsed(), cols, rows)
    }

    /// Takes a new size of the screen `at` this time after the start.
    pub fn resize_at(&mut self, at: Duration, cols: u16, rows: u16) -> io::Result<()> {
        (self.header.cols, self.header.rows) = (cols, rows);
        self.put_event(at, 'r', &format!("{cols}x{rows}"))
    }

    /// Notes something for people, such as the turn that begins here.
    pub fn marker(&mut self, text: &str) -> io::Result<()> {
        let text = self.redactor.as_ref().map_or(Cow::Borrowed(text), |it| it.redact(text)).into_owned();
        self.put_event(self.clock.elapsed(), 'm', &text)
    }

    /// Hands all that is gathered to the system, so that readers and a crash of this process find it in the file. To be
    /// called when the terminal went quiet and when it ended. It does not sync: a transcript is no record.
    pub fn flush(&mut self) -> io::Result<()> {
        // After a pause a secret does not go on; and a person who looks wants to see the last words.
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            let redacted = self.redactor.as_ref().map_or(Cow::Borrowed(held.as_str()), |it| it.redact(&held));
            let redacted = redacted.into_owned();
            self.put_text(self.clock.elapsed(), &redacted)?;
        }
        self.write_out()
    }

    /// Returns how many bytes all its files take, those not yet written included.
    pub fn bytes(&self) -> u64 {
        let older = self.tails.iter().rev().skip(1).map(|(part, _)| part_path(&self.path, *part));
        let head = (self.part > 1).then(|| self.path.clone());
        let on_disk: u64 = older.chain(head).map(|it| fs::metadata(it).map_or(0, |it| it.len())).sum();
        on_disk + self.part_bytes
    }

    fn write_piece(&mut self, at: Duration, bytes: &[u8]) -> io::Result<()> {
        let mut joined = std::mem::take(&mut self.partial);
        let bytes = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let (whole, rest) = bytes.split_at(bytes.len() - unfinished_utf8(bytes));
        self.partial.extend_from_slice(rest);
        // Borrowed where the bytes are UTF-8, as nearly all are.
        let text = String::from_utf8_lossy(whole);
        let Some(redactor) = self.redactor.clone() else { return self.put_text(at, &text) };
        if self.held.is_empty() {
            let (now, later) = text.split_at(text.len() - redactor.unfinished(&text));
            self.held.push_str(later);
            return self.put_text(at, &redactor.redact(now));
        }
        let mut held = std::mem::take(&mut self.held);
        held.push_str(&text);
        let (now, later) = held.split_at(held.len() - redactor.unfinished(&held));
        self.held.push_str(later);
        self.put_text(at, &redactor.redact(now))
    }

    fn put_text(&mut self, at: Duration, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.put_event(at, 'o', text)?;
        self.text_bytes += text.len() as u64;
        Ok(())
    }

    fn put_event(&mut self, at: Duration, kind: char, text: &str) -> io::Result<()> {
        let before = self.buffer.len();
        self.encode(at, kind, text);
        let length = (self.buffer.len() - before) as u64;
        if self.part_bytes + length > self.part_limit() {
            // Taken back and written again in the next part. It happens once in many megabytes.
            self.buffer.truncate(before);
            self.next_part(at)?;
            let before = self.buffer.len();
            self.encode(at, kind, text);
            self.part_bytes += (self.buffer.len() - before) as u64;
        } else {
            self.part_bytes += length;
        }
        if self.buffer.len() >= BUFFER { self.write_out() } else { Ok(()) }
    }

    fn encode(&mut self, at: Duration, kind: char, text: &str) {
        // Writing to a Vec can't fail.
        let _ = write!(self.buffer, "[{}.{:06}, \"{kind}\", \"", at.as_secs(), at.subsec_micros());
        escape_into(&mut self.buffer, text.as_bytes());
        self.buffer.extend_from_slice(b"\"]\n");
    }

    fn part_limit(&self) -> u64 {
        if self.part == 1 { self.max_bytes / 4 } else { self.max_bytes / 8 * 3 }
    }

    /// Ends this part, drops the one that there is no room for any more, and begins the next.
    fn next_part(&mut self, at: Duration) -> io::Result<()> {
        self.write_out()?;
        if self.part == 1 {
            self.head_end = self.text_bytes;
        }
        // Invariant: two parts beside the first, this new one included, so that the sum of their limits is `max_bytes`.
        while self.tails.len() > 1 {
            let (oldest, _) = self.tails.remove(0);
            match fs::remove_file(part_path(&self.path, oldest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let next = self.part + 1;
        self.file = private::create_new(&part_path(&self.path, next))?;
        self.part = next;
        self.part_bytes = 0;
        let kept_from = self.tails.first().map_or(self.text_bytes, |(_, from)| *from);
        self.tails.push((next, self.text_bytes));
        self.put_header();
        if kept_from > self.head_end {
            let gone = kept_from - self.head_end;
            let note = format!("{gone} bytes of the output were dropped after the first {}", self.head_end);
            let before = self.buffer.len();
            self.encode(at, 'm', &note);
            self.part_bytes += (self.buffer.len() - before) as u64;
        }
        Ok(())
    }

    /// Begins a part: each is an asciicast of its own, with its place in the whole under a name that players pass over.
    fn put_header(&mut self) {
        let header = serde_json::json!({
            "version": 2,
            "width": self.header.cols,
            "height": self.header.rows,
            "timestamp": self.header.started.0.div_euclid(1000),
            "title": self.header.title,
            "callboard": { "part": self.part, "offset": self.text_bytes },
        });
        let line = format!("{header}\n");
        self.part_bytes += line.len() as u64;
        self.buffer.extend_from_slice(line.as_bytes());
    }

    fn write_out(&mut self) -> io::Result<()> {
        let outcome = self.file.write_all(&self.buffer);
        // Cleared even where it failed: a full disk costs a gap in the transcript, and never memory without end.
        self.buffer.clear();
        outcome
    }
}

impl Drop for TranscriptWriter {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            self.partial.clear();
            self.held.push(char::REPLACEMENT_CHARACTER);
        }
        if let Err(error) = self.flush() {
            tracing::warn!("the end of the transcript {} was not written: {error}.", self.path.display());
        }
    }
}

/// Returns where a part of a transcript is; part 1 is the file itself.
fn part_path(path: &Path, part: u32) -> PathBuf {
    if part == 1 { path.to_owned() } else { path.with_extension(format!("{part}.cast")) }
}

#[cfg(test)]
mod tests;
