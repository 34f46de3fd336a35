//! Reads a transcript back: its events in order, over all its parts, with a gap where the middle was dropped.
//!
//! Takes files as it finds them: one that is still being written, or that a crash cut off, ends at its last whole line.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::Header;
use crate::ids::Timestamp;

/// No line that this Callboard writes is longer: 64 KiB of text, six bytes each, and a little. A longer one is an error.
const LINE: u64 = 1 << 20;

/// Something that happened in a terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, from the start.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happened in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It printed this.
    Output(String),
    /// Its screen has a new size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// A note for people.
    Marker(String),
    /// Output was dropped here.
    Gap {
        /// How many bytes of text.
        bytes: u64,
    },
}

/// Reads the events of a transcript, oldest first.
#[derive(Debug)]
pub struct TranscriptReader {
    header: Header,
    parts: VecDeque<PathBuf>,
    lines: BufReader<File>,
    /// Bytes of text that were read, or passed over as gaps.
    text_bytes: u64,
    last: Duration,
}

#[derive(Deserialize)]
struct RawHeader {
    width: u16,
    height: u16,
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    callboard: RawPlace,
}

#[derive(Deserialize, Default)]
struct RawPlace {
    #[serde(default)]
    offset: u64,
}

impl TranscriptReader {
    /// Opens a transcript by the path that its writer was given, and finds its later parts.
    pub fn open(path: &Path) -> io::Result<Self> {
        let parts = later_parts(path)?;
        let mut lines = BufReader::new(File::open(path)?);
        let raw = read_header(&mut lines)?;
        let started = Timestamp(raw.timestamp.saturating_mul(1000));
        let header = Header { cols: raw.width, rows: raw.height, title: raw.title, started };
        Ok(Self { header, parts, lines, text_bytes: 0, last: Duration::ZERO })
    }

    /// Returns what the transcript says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns what was printed, line by line, escape sequences and all. A gap is a line of its own in brackets.
    /// A line ends at a line feed, or after 1 MiB.
    pub fn lines(self) -> impl Iterator<Item = io::Result<String>> {
        Lines { events: self, open: String::new(), ready: VecDeque::new(), done: false }
    }

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(line) = read_line(&mut self.lines)? {
                let event = parse(&line)?;
                if let What::Output(text) = &event.what {
                    self.text_bytes += text.len() as u64;
                }
                self.last = event.at;
                return Ok(Some(event));
            }
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            self.lines = match File::open(part) {
                Ok(file) => BufReader::new(file),
                // Its writer dropped it since it was listed; the next part's place tells how much is missing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let offset = read_header(&mut self.lines)?.callboard.offset;
            let missing = offset.saturating_sub(self.text_bytes);
            self.text_bytes = self.text_bytes.max(offset);
            if missing > 0 {
                return Ok(Some(Event { at: self.last, what: What::Gap { bytes: missing } }));
            }
        }
    }
}

impl Iterator for TranscriptReader {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

struct Lines {
    events: TranscriptReader,
    open: String,
    ready: VecDeque<String>,
    done: bool,
}

impl Lines {
    fn take(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.open.push_str(piece);
            if piece.ends_with('\n') || self.open.len() as u64 >= LINE {
                let line = std::mem::take(&mut self.open);
                self.ready.push_back(line.trim_end_matches(['\n', '\r']).to_owned());
            }
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.done {
                return None;
            }
            match self.events.next() {
                Some(Ok(Event { what: What::Output(text), .. })) => self.take(&text),
                Some(Ok(Event { what: What::Gap { bytes }, .. })) => {
                    self.take("\n");
                    self.ready.push_back(format!("[{bytes} bytes of the output were dropped here]"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.done = true;
                    return Some(Err(error));
                }
                None => {
                    self.done = true;
                    let last = std::mem::take(&mut self.open);
                    if !last.is_empty() {
                        self.ready.push_back(last);
                    }
                }
            }
        }
    }
}

/// Finds `NAME.2.cast` and on, in order.
fn later_parts(path: &Path) -> io::Result<VecDeque<PathBuf>> {
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem().and_then(|it| it.to_str())) else {
        return Ok(VecDeque::new());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut parts = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let number = name
            .to_str()
            .and_then(|it| it.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(".cast")?.parse::<u32>().ok());
        if let Some(number) = number.filter(|it| *it > 1) {
            parts.push((number, file.path()));
        }
    }
    parts.sort_unstable();
    Ok(parts.into_iter().map(|(_, path)| path).collect())
}

fn read_header(lines: &mut BufReader<File>) -> io::Result<RawHeader> {
    let line = read_line(lines)?.ok_or_else(|| bad("it has no header"))?;
    serde_json::from_str(&line).map_err(|error| bad(&format!("its header can't be read: {error}")))
}

/// Reads a whole line without its end; `None` where there is no more, or only a part of one.
fn read_line(lines: &mut BufReader<File>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    lines.by_ref().take(LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return if line.len() as u64 + 1 >= LINE { Err(bad("a line is longer than 1 MiB")) } else { Ok(None) };
    }
    String::from_utf8(line).map(Some).map_err(|_| bad("it is not UTF-8"))
}

fn parse(line: &str) -> io::Result<Event> {
    let (seconds, kind, text): (f64, String, String) =
        serde_json::from_str(line).map_err(|error| bad(&format!("a line is no event: {error}")))?;
    let at = Duration::try_from_secs_f64(seconds).map_err(|_| bad("an event has no time"))?;
    let what = match kind.as_str() {
        "o" => What::Output(text),
        "r" => {
            let size = text.split_once('x').and_then(|(cols, rows)| Some((cols.parse().ok()?, rows.parse().ok()?)));
            let (cols, rows) = size.ok_or_else(|| bad("a size is not COLSxROWS"))?;
            What::Resize { cols, rows }
        }
        _ => What::Marker(text),
    };
    Ok(Event { at, what })
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this is no transcript of Callboard: {why}"))
}
