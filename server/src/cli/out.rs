//! Where output goes: lines for people or objects for programs on stdout, notes and errors on stderr.
//!
//! On a terminal a few lines at the bottom, the live area, are redrawn in place. Cursor control is written here alone, and
//! only to a terminal. A reader that went away is the silent `Fail::closed`, never a panic.

use std::io::{self, IsTerminal as _, Write};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{
    args::ColorChoice,
    fail::Fail,
    render::{Line, Tone, View},
};
use crate::document::is_hidden;

/// The output of a command.
pub struct Out {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// How wide it is, and where on earth.
    pub view: View,
    /// Whether programs read it: one object a line.
    pub json: bool,
    /// Whether stdout is a terminal that lines can be redrawn on.
    pub is_terminal: bool,
    color: bool,
    color_errors: bool,
    /// How wide the terminal is that stderr goes to, where it goes to one.
    error_width: Option<usize>,
    area: usize,
}

impl Out {
    /// Makes the output of this process.
    pub fn of_process(color: ColorChoice, json: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let wants = |is_terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // An empty NO_COLOR means nothing, by its own convention.
            ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        };
        let is_dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let mut out = Self {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            view: View { width: 100, zone: TimeZone::system() },
            json,
            is_terminal: is_terminal && !json && !is_dumb,
            color: wants(is_terminal) && !json,
            color_errors: wants(io::stderr().is_terminal()),
            error_width: error_width(),
            area: 0,
        };
        out.measure();
        out
    }

    /// Makes an output into buffers.
    #[cfg(test)]
    pub(crate) fn into_buffers(stdout: Buffer, stderr: Buffer, json: bool, is_terminal: bool) -> Self {
        Self {
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            view: View::plain(),
            json,
            is_terminal,
            color: false,
            color_errors: false,
            error_width: None,
            area: 0,
        }
    }

    /// Writes lines for people above the live area.
    pub fn lines(&mut self, lines: &[Line]) -> Result<(), Fail> {
        let mut text = self.without_area();
        for line in lines {
            text.push_str(&line.paint(self.color));
            text.push('\n');
        }
        self.put(&text)
    }

    /// Writes one line for people.
    pub fn line(&mut self, line: &Line) -> Result<(), Fail> {
        self.lines(std::slice::from_ref(line))
    }

    /// Writes a text as it is: file contents, completions, schemas.
    pub fn raw(&mut self, text: &str) -> Result<(), Fail> {
        let text = self.without_area() + text;
        self.put(&text)
    }

    /// Writes one object on a line, for programs.
    pub fn object(&mut self, value: &impl Serialize) -> Result<(), Fail> {
        let text = serde_json::to_string(value).map_err(|why| Fail::new("io", format!("not JSON: {why}")))?;
        self.put(&(ascii_controls(&text) + "\n"))
    }

    /// Draws the live area in place of what it was. Does nothing where stdout is no terminal.
    pub fn area(&mut self, lines: &[Line]) -> Result<(), Fail> {
        if !self.is_terminal {
            return Ok(());
        }
        self.measure();
        let mut text = self.without_area();
        for line in lines {
            // A line that wrapped would make the next redraw climb too few rows.
            text.push_str(&line.cut(self.view.width.saturating_sub(1)).paint(self.color));
            text.push('\n');
        }
        self.area = lines.len();
        self.put(&text)
    }

    /// Writes a question and leaves the cursor behind it.
    pub fn ask(&mut self, question: &Line) -> Result<(), Fail> {
        let text = self.without_area() + &question.paint(self.color) + " ";
        self.put(&text)
    }

    /// Takes a question off the terminal again, with all the rows that it took. What was typed behind it stays the
    /// terminal's, and is there when the question is asked again.
    pub fn unask(&mut self, question: &Line) -> Result<(), Fail> {
        if !self.is_terminal {
            return Ok(());
        }
        self.measure();
        // The question, and the space behind it where the cursor stands.
        match question.width() / self.view.width.max(1) {
            0 => self.raw("\r\x1b[J"),
            rows => self.raw(&format!("\r\x1b[{rows}A\x1b[J")),
        }
    }

    /// Writes a remark on stderr, for people only.
    pub fn remark(&mut self, line: &Line) -> Result<(), Fail> {
        if self.json {
            return Ok(());
        }
        let text = self.without_area();
        self.put(&text)?;
        for line in self.fitted(line, &Line::new()) {
            // Nobody may read stderr; that is no reason to end.
            let _ = writeln!(self.stderr, "{}", line.paint(self.color_errors));
        }
        Ok(())
    }

    /// Writes how a command failed: `error:` and `help:` lines on stderr, or an object on stdout for programs.
    pub fn fail(&mut self, fail: &Fail) {
        if fail.is_closed() {
            return;
        }
        if self.json {
            let error = serde_json::json!({ "code": fail.code, "message": fail.message, "help": fail.help });
            let _ = self.object(&serde_json::json!({ "error": error }));
            return;
        }
        let text = self.without_area();
        let _ = self.put(&text);
        let mut lines = Vec::new();
        let head = Line::new().with(Tone::Bad, "error");
        for (index, part) in fail.message.lines().enumerate() {
            let line = if index == 0 { head.clone().with(Tone::Plain, ": ") } else { Line::plain("  ") };
            lines.push(line.with(Tone::Plain, part));
        }
        lines.extend(
            fail.help.iter().map(|it| Line::new().with(Tone::Note, "help").with(Tone::Plain, format!(": {it}"))),
        );
        let fitted: Vec<_> = lines.iter().flat_map(|it| self.fitted(it, &Line::plain("  "))).collect();
        for line in fitted {
            let _ = writeln!(self.stderr, "{}", line.paint(self.color_errors));
        }
    }

    /// Returns a line of stderr as lines that fit its terminal; elsewhere it stays one line, for `grep`.
    fn fitted(&self, line: &Line, rest: &Line) -> Vec<Line> {
        match self.error_width {
            Some(width) => line.wrap(width, &Line::new(), rest),
            None => vec![line.clone()],
        }
    }

    /// Returns whether lines are painted.
    pub fn has_color(&self) -> bool {
        self.color
    }

    /// Forgets the live area, so that what stands there stays.
    pub fn settle(&mut self) {
        self.area = 0;
    }

    fn put(&mut self, text: &str) -> Result<(), Fail> {
        self.stdout.write_all(text.as_bytes())?;
        Ok(self.stdout.flush()?)
    }

    fn without_area(&mut self) -> String {
        match std::mem::take(&mut self.area) {
            0 => String::new(),
            rows => format!("\x1b[{rows}A\r\x1b[J"),
        }
    }

    /// Takes the terminal's width anew, since it may have changed.
    fn measure(&mut self) {
        #[cfg(unix)]
        if let Ok(size) = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
            && size.ws_col > 0
        {
            self.view.width = usize::from(size.ws_col).clamp(20, 160);
        }
    }
}

/// Returns JSON with the control and hidden characters that JSON lets stand in a string as escapes: what an agent wrote may
/// be shown on a terminal by whoever reads the object.
fn ascii_controls(json: &str) -> String {
    let acts = |it: char| it == '\u{7f}' || is_hidden(it);
    if !json.contains(acts) {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len() + 16);
    for it in json.chars() {
        if acts(it) {
            // They stand in strings only: outside of them JSON has no such character.
            for unit in it.encode_utf16(&mut [0; 2]) {
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("\\u{unit:04x}"));
            }
        } else {
            text.push(it);
        }
    }
    text
}

fn error_width() -> Option<usize> {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(rustix::stdio::stderr())
        && size.ws_col > 0
    {
        return Some(usize::from(size.ws_col).max(20));
    }
    None
}

/// A buffer that a test can look into while an `Out` writes to it.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Buffer(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Buffer {
    /// Returns what was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_a_sentence_and_what_to_do_or_an_object() {
        let (out, err) = (Buffer::default(), Buffer::default());
        let fail = Fail::new("not_found", "there is no run r9").help("`callboard runs` lists them");
        Out::into_buffers(out.clone(), err.clone(), false, false).fail(&fail);
        assert_eq!(err.text(), "error: there is no run r9\nhelp: `callboard runs` lists them\n");
        assert_eq!(out.text(), "");
        Out::into_buffers(out.clone(), Buffer::default(), true, false).fail(&fail);
        insta::assert_snapshot!(out.text(), @r#"{"error":{"code":"not_found","help":["`callboard runs` lists them"],"message":"there is no run r9"}}"#);
    }

    #[test]
    fn the_live_area_is_redrawn_in_place_and_only_on_a_terminal() {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, true);
        out.area(&["one".into(), "two".into()]).unwrap();
        out.line(&"a line above".into()).unwrap();
        out.area(&["three".into()]).unwrap();
        assert_eq!(shown.text(), "one\ntwo\n\x1b[2A\r\x1b[Ja line above\nthree\n");
        let piped = Buffer::default();
        let mut out = Out::into_buffers(piped.clone(), Buffer::default(), false, false);
        out.area(&["one".into()]).unwrap();
        out.line(&"a line".into()).unwrap();
        assert_eq!(piped.text(), "a line\n");
    }

    #[test]
    fn objects_hold_no_character_that_acts_on_a_screen() {
        let shown = Buffer::default();
        let text = "\u{1b}]52;c;eA==\u{7} \u{9b}2J \u{7f} \u{202e}abc \u{e0041} \u{e9}";
        Out::into_buffers(shown.clone(), Buffer::default(), true, false).object(&text).unwrap();
        let line = shown.text();
        assert_eq!(line.trim_end().chars().find(|it| it.is_control() || is_hidden(*it)), None, "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn a_reader_that_went_away_is_a_silent_end() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Out::into_buffers(Buffer::default(), Buffer::default(), false, false);
        out.stdout = Box::new(Gone);
        assert!(out.line(&"x".into()).unwrap_err().is_closed());
    }
}
