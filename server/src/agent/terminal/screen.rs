//! The screen of a terminal: bytes in; rows, titles, frames, scrollback and answers to queries out.
//!
//! No clock, no thread and no process. Alone knows the emulator's crate.

use std::{collections::VecDeque, num::NonZeroU16};

use vt100::capture::{BasicFormattedCaptureState, RowContents, basic_formatted_to_plain};

use super::{
    Size,
    characters::Joiner,
    plain::plain,
    queries,
    skim::{Guard, colours, plain_until, skippable},
};
use crate::protocol::TerminalRow;

mod rows;

/// How many lines that left the top are kept.
pub const SCROLLBACK_LINES: usize = 1_000;
/// How many bytes they may have together.
const SCROLLBACK_BYTES: usize = 1024 * 1024;
/// A line that is longer is kept as several.
const LONGEST_LINE: usize = 16 * 1024;
/// The longest title that is told, in characters.
const LONGEST_TITLE: usize = 256;
/// The most that is parsed before the lock on the screen is given up.
const PIECE: usize = 64 * 1024;
/// A stretch of plain text shorter than this is parsed whole.
const SKIM_FROM: usize = 192 * 1024;

/// The emulator with all that it keeps.
pub struct Emulator {
    parser: vt100::Parser<Keeper>,
    guard: Guard,
    joiner: Joiner,
    /// How many bytes are known to be a stretch that can't be skimmed.
    unskimmable: usize,
    /// Counts changes.
    revision: u64,
}

/// What a viewer has seen last, so that it can be sent the difference.
#[derive(Default)]
pub struct FrameState {
    screen: Option<vt100::Screen>,
    revision: u64,
}

/// What a terminal shows, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenText {
    /// The rows from the top, without the blanks at their ends; nothing invisible in them.
    pub rows: Vec<String>,
    /// The cursor's row and column, from 0.
    pub cursor: (u16, u16),
    /// Whether the cursor shows.
    pub cursor_visible: bool,
    /// The title that the program gave its window; empty where it gave none.
    pub title: String,
    /// How large it is.
    pub size: Size,
    /// Whether it is the alternate screen, which full-screen programs use.
    pub alternate: bool,
    /// Whether the program wants pastes bracketed (mode 2004).
    pub bracketed_paste: bool,
    /// Whether the arrow keys send their application codes.
    pub application_cursor: bool,
    /// Whether the program said that it is in the middle of drawing (mode 2026).
    pub drawing: bool,
    /// Whether it is drawn to its end and nothing came for 16 ms: what an agent's state may be judged from.
    pub settled: bool,
    /// Whether Callboard is typing and the developer's keys are locked.
    pub locked: bool,
    /// Goes up with each change.
    pub revision: u64,
}

impl Emulator {
    pub fn new(size: Size) -> Self {
        let (rows, cols) = dimensions(size);
        Self {
            parser: vt100::Parser::new_with_callbacks(rows, cols, 0, Keeper::default()),
            guard: Guard::default(),
            joiner: Joiner::default(),
            unskimmable: 0,
            revision: 1,
        }
    }

    /// Takes bytes from the front of `bytes` and returns how many. The caller goes on until there are none, giving up
    /// its lock in between. Skims over text that would leave no trace; the result is the same as if it had been parsed.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        self.revision += 1;
        if self.unskimmable == 0 && bytes.len() >= SKIM_FROM && self.guard.is_between_sequences() {
            let stretch = &bytes[..plain_until(bytes, 0)];
            if let Some(taken) = self.skim(stretch) {
                return taken;
            }
            self.unskimmable = stretch.len();
        }
        let length = bytes.len().min(PIECE);
        self.parse(&bytes[..length]);
        self.unskimmable = self.unskimmable.saturating_sub(length);
        length
    }

    fn skim(&mut self, stretch: &[u8]) -> Option<usize> {
        if stretch.len() < SKIM_FROM || self.parser.screen().alternate_screen() {
            return None;
        }
        let rows = usize::from(self.size().rows);
        let skip = skippable(stretch, rows + 1, rows + SCROLLBACK_LINES + 1)?;
        let scrolled = self.parser.callbacks().scrolled;
        self.parse(&stretch[..skip.start]);
        // At the bottom, and lines left the top: the whole screen scrolls, so every row will have been replaced.
        let at_bottom = usize::from(self.parser.screen().cursor_position().0) + 1 == rows;
        if !at_bottom || self.parser.callbacks().scrolled == scrolled {
            return Some(skip.start);
        }
        colours(&stretch[skip.clone()], |it| self.parser.process(it));
        let lines = stretch[skip.clone()].iter().map(|it| u64::from(*it == b'\n')).sum();
        self.parser.callbacks_mut().pass_over(lines);
        Some(skip.end)
    }

    fn parse(&mut self, bytes: &[u8]) {
        let Self { parser, guard, joiner, .. } = self;
        guard.pass(bytes, |it| joiner.pass(it, |it| parser.process(it)));
    }

    pub fn resize(&mut self, size: Size) {
        let (rows, cols) = dimensions(size);
        self.parser.set_size(rows, cols);
        self.revision += 1;
    }

    pub fn size(&self) -> Size {
        let (rows, cols) = self.parser.screen().size();
        Size { rows: rows.get(), cols: cols.get() }
    }

    /// Returns whether the program is in the middle of drawing (mode 2026).
    pub fn drawing(&self) -> bool {
        self.parser.callbacks().drawing
    }

    pub fn bracketed_paste(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    /// Returns the answers to the queries since the last call, as one.
    pub fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.parser.callbacks_mut().answers)
    }

    /// Returns the titles since the last call, oldest first.
    pub fn take_titles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.parser.callbacks_mut().titles).into()
    }

    /// Returns the screen as text. `settled` and `locked` are not the emulator's to know and are false.
    pub fn text(&self) -> ScreenText {
        let screen = self.parser.screen();
        let size = self.size();
        ScreenText {
            rows: screen.rows(0, size.cols).map(|it| plain(it.trim_end())).collect(),
            cursor: screen.cursor_position(),
            cursor_visible: !screen.hide_cursor(),
            title: self.parser.callbacks().title.clone(),
            size,
            alternate: screen.alternate_screen(),
            bracketed_paste: screen.bracketed_paste(),
            application_cursor: screen.application_cursor(),
            drawing: self.drawing(),
            settled: false,
            locked: false,
            revision: self.revision,
        }
    }

    /// Returns all that is on the screen with the wrapped rows joined.
    pub fn joined(&self) -> String {
        self.parser.screen().contents()
    }

    /// Returns what turns the viewer's screen into this one, where they differ. No queries and no titles are in it.
    pub fn frame_since(&self, seen: &mut FrameState) -> Option<Vec<u8>> {
        if seen.revision == self.revision {
            return None;
        }
        let screen = self.parser.screen();
        let frame = match &seen.screen {
            Some(before) if before.size() == screen.size() => screen.state_diff(before),
            _ => screen.state_formatted(),
        };
        seen.screen = Some(screen.clone());
        seen.revision = self.revision;
        (!frame.is_empty()).then(|| frame.into_bytes())
    }

    /// Returns the rows that differ from what the viewer has seen, where any do.
    pub fn rows_since(&self, seen: &mut FrameState) -> Option<Vec<TerminalRow>> {
        if seen.revision == self.revision {
            return None;
        }
        let screen = self.parser.screen();
        let before = seen.screen.as_ref().filter(|it| it.size() == screen.size());
        let changed = rows::changed(screen, before);
        seen.screen = Some(screen.clone());
        seen.revision = self.revision;
        (!changed.is_empty()).then_some(changed)
    }

    /// Returns the last lines that left the top, oldest first, at most `most`.
    pub fn scrollback(&self, most: usize) -> Vec<String> {
        self.scrolled(None, most).1
    }

    /// Returns the number of the first line, the lines from number `from` on (the last ones where there is none) and at most
    /// `most`, and how many have left the top so far.
    pub fn scrolled(&self, from: Option<u64>, most: usize) -> (u64, Vec<String>, u64) {
        let kept = self.parser.callbacks();
        // The last row that left is held back until it is known whether the next one goes on with it.
        let last = (kept.scrolled > 0).then(|| basic_formatted_to_plain(&kept.line).collect::<String>());
        let count = kept.lines.len() + usize::from(last.is_some());
        let skip = match from {
            None => count.saturating_sub(most),
            Some(from) => usize::try_from(from.saturating_sub(kept.dropped)).unwrap_or(count).min(count),
        };
        let lines = kept.lines.iter().chain(last.as_ref()).skip(skip).take(most).map(|it| plain(it)).collect();
        (kept.dropped + skip as u64, lines, kept.dropped + count as u64)
    }

    /// Returns how many rows have left the top of the screen, the lines that were skimmed over as one row each. Where it is
    /// what it was, [`Self::scrolled`] has nothing new.
    pub fn rows_scrolled(&self) -> u64 {
        let kept = self.parser.callbacks();
        kept.scrolled + kept.skimmed
    }

    /// Returns where the cursor is, and whether it shows.
    pub fn cursor(&self) -> ((u16, u16), bool) {
        let screen = self.parser.screen();
        (screen.cursor_position(), !screen.hide_cursor())
    }

    /// Returns the title that the program gave; empty where it gave none.
    pub fn title(&self) -> &str {
        &self.parser.callbacks().title
    }
}

impl FrameState {
    /// Returns the size of the screen that the viewer has seen last.
    pub fn size(&self) -> Option<Size> {
        self.screen.as_ref().map(|it| {
            let (rows, cols) = it.size();
            Size { rows: rows.get(), cols: cols.get() }
        })
    }
}

fn dimensions(size: Size) -> (NonZeroU16, NonZeroU16) {
    let bounded = |it: u16| NonZeroU16::new(it.min(1_000)).unwrap_or(NonZeroU16::MIN);
    (bounded(size.rows), bounded(size.cols))
}

/// What the emulator tells on the way.
#[derive(Default)]
struct Keeper {
    answers: Vec<u8>,
    title: String,
    titles: VecDeque<String>,
    drawing: bool,
    /// How many rows left the top.
    scrolled: u64,
    /// How many lines were skimmed over.
    skimmed: u64,
    row: BasicFormattedCaptureState,
    line: String,
    lines: VecDeque<String>,
    /// How many lines were let go.
    dropped: u64,
    bytes: usize,
}

impl Keeper {
    fn answer(&mut self, answer: Option<String>) {
        // Bound: a program that asks more than this at once isn't reading.
        if let Some(answer) = answer
            && self.answers.len() < PIECE
        {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }

    /// Counts lines that are skimmed over, one for each end of a line (a tab at the edge may make two rows of it that are not
    /// one line), and lets go of those before them: more will follow than are kept.
    fn pass_over(&mut self, lines: u64) {
        self.skimmed += lines;
        self.dropped += self.lines.len() as u64 + lines;
        self.lines.clear();
        self.bytes = 0;
    }

    fn keep(&mut self, line: &str) {
        let line: String = basic_formatted_to_plain(line).collect();
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > SCROLLBACK_LINES || self.bytes > SCROLLBACK_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |it| it.len());
            self.dropped += 1;
        }
    }
}

impl vt100::Callbacks for Keeper {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        let title: String =
            plain(&String::from_utf8_lossy(title)).replace('\n', " ").chars().take(LONGEST_TITLE).collect();
        // Bound: between two looks only this many titles are told one by one, and the last is the right one always.
        if title != self.title {
            if self.titles.len() >= 1_000 {
                self.titles.pop_front();
            }
            self.titles.push_back(title.clone());
            self.title = title;
        }
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        second: Option<u8>,
        params: &[&[u16]],
        end: char,
    ) {
        if (first, second) == (Some(b'?'), None) && matches!(end, 'h' | 'l') {
            if params.contains(&[2026].as_slice()) {
                self.drawing = end == 'h';
            }
            return;
        }
        self.answer(queries::csi([first, second], params, end, screen.cursor_position()));
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        self.answer(queries::osc(params));
    }

    fn on_scroll(&mut self, row: RowContents<'_>, alternate: bool) {
        if alternate {
            return;
        }
        self.scrolled += 1;
        let mut line = std::mem::take(&mut self.line);
        // Writes the end of the line before, where the row is not its continuation.
        let _ = row.write_formatted_basic(&mut line, &mut self.row);
        while let Some((whole, rest)) = line.split_once('\n') {
            self.keep(whole);
            line = rest.into();
        }
        if line.len() > LONGEST_LINE {
            self.keep(&line);
            line.clear();
        }
        self.line = line;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size = Size { rows: 5, cols: 20 };

    fn emulator(pieces: &[&[u8]]) -> Emulator {
        let mut it = Emulator::new(SIZE);
        for piece in pieces {
            feed_all(&mut it, piece);
        }
        it
    }

    fn feed_all(it: &mut Emulator, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = it.feed(bytes);
            bytes = &bytes[taken..];
        }
    }

    fn parsed_whole(bytes: &[u8]) -> Emulator {
        let mut it = Emulator::new(SIZE);
        it.parse(bytes);
        it
    }

    fn shown(it: &Emulator) -> (Vec<String>, (u16, u16), String, Vec<String>) {
        let text = it.text();
        (text.rows, text.cursor, it.parser.screen().state_formatted(), it.scrollback(usize::MAX))
    }

    #[test]
    fn rows_cursor_title_and_modes() {
        let mut it = emulator(&[b"\x1b]0;at wo", b"rk\x07one\r\ntw\x1b[", b"1mo\x1b[?2004h\x1b[?1049h\x1b[Hfull"]);
        let text = it.text();
        assert_eq!((text.rows[0].as_str(), text.cursor, text.title.as_str()), ("full", (0, 4), "at work"));
        assert!(text.alternate && text.bracketed_paste && text.cursor_visible && !text.drawing);
        feed_all(&mut it, b"\x1b[?1049l\x1b[?2026h");
        let text = it.text();
        assert_eq!(text.rows[..2], ["one", "two"]);
        assert!(text.drawing);
        assert_eq!(it.take_titles(), ["at work"]);
        assert_eq!(it.take_titles(), Vec::<String>::new());
    }

    #[test]
    fn what_follows_a_character_that_came_in_two_parts_is_there() {
        let it = emulator(&[b"caf\xc3", b"\xa9 \xc3\xa9t\xc3", b"\xa9!"]);
        assert_eq!(it.text().rows[0], "café été!");
    }

    #[test]
    fn rows_come_with_their_colours_and_only_where_they_changed() {
        let mut it = emulator(&[
            b"plain \x1b[1;31mred\x1b[0m  \r\n\x1b[38;2;1;2;255mrgb\x1b[48;5;200m  \x1b[0m\xe6\xbc\xa2a\xe2\x80\xae",
        ]);
        let mut seen = FrameState::default();
        let all = it.rows_since(&mut seen).unwrap();
        assert_eq!(all.len(), 5, "the first look is at everything");
        insta::assert_snapshot!(serde_json::to_string(&all[..2]).unwrap(), @r##"[{"row":0,"runs":[{"text":"plain "},{"text":"red","fg":1,"style":"b"}]},{"row":1,"runs":[{"text":"rgb","fg":"#0102ff"},{"text":"  ","fg":"#0102ff","bg":200},{"text":"漢a⟨U+202E⟩"}]}]"##);
        assert_eq!(all[2].runs, []);
        assert_eq!(it.rows_since(&mut seen), None);
        feed_all(&mut it, b"\x1b[4;3Hx");
        let one = it.rows_since(&mut seen).unwrap();
        assert_eq!(serde_json::to_value(&one).unwrap(), serde_json::json!([{ "row": 3, "runs": [{ "text": "  x" }] }]));
        // A cursor that moved changes no row, and another size shows everything anew.
        feed_all(&mut it, b"\x1b[1;1H");
        assert_eq!(it.rows_since(&mut seen), None);
        it.resize(Size { rows: 3, cols: 30 });
        assert_eq!(it.rows_since(&mut seen).unwrap().len(), 3);
    }

    #[test]
    fn scrollback_is_read_by_the_numbers_of_its_lines() {
        let many = |upto: u32| (0..upto).map(|it| it.to_string()).collect::<Vec<_>>().join("\r\n") + "\r\n";
        let it = emulator(&[many(20).as_bytes()]);
        // Four lines and the cursor's own are on the screen.
        assert_eq!(it.scrolled(Some(0), 2), (0, vec!["0".to_owned(), "1".to_owned()], 16));
        assert_eq!(it.scrolled(Some(14), 9), (14, vec!["14".to_owned(), "15".to_owned()], 16));
        assert_eq!(it.scrolled(Some(99), 9), (16, Vec::new(), 16));
        assert_eq!(it.scrolled(None, 1), (15, vec!["15".to_owned()], 16));
        let it = emulator(&[many(3_000).as_bytes()]);
        let (first, lines, total) = it.scrolled(Some(0), 1);
        assert_eq!((first, lines, total), (1_995, vec!["1995".to_owned()], 2_996));
    }

    #[test]
    fn rows_that_left_are_counted_whatever_becomes_of_the_screen() {
        let mut it = emulator(&[b"1\r\n2\r\n3\r\n4\r\n5"]);
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 9).2), (0, 0), "the screen holds them");
        // Each row of a wrapped line is one; the line is one, and grows.
        feed_all(&mut it, b"\r\n6\r\n7\x1b[H\x1b[2J\x1b[3J");
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 9).2), (2, 2), "a clear takes nothing back and adds nothing");
        feed_all(&mut it, b"\x1b[5;1Ha line of more than forty characters, three rows\r\n\r\n\r\n");
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 1)), (7, (6, vec!["a line of more than ".to_owned()], 7)));
        feed_all(&mut it, b"\r\n");
        let grown = "a line of more than forty characters, th".to_owned();
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 1)), (8, (6, vec![grown], 7)), "only the rows tell of it");
        // What a smaller window pushes out has left; a larger one brings nothing back.
        it.resize(Size { rows: 3, cols: 20 });
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 9).2), (10, 8));
        it.resize(Size { rows: 9, cols: 20 });
        // The alternate screen has no past.
        feed_all(&mut it, b"\x1b[?1049h\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\x1b[?1049l\x1bc");
        assert_eq!((it.rows_scrolled(), it.scrolled(None, 9).2), (10, 8));
    }

    #[test]
    fn each_query_is_answered_once_wherever_it_is_cut() {
        let asked: &[u8] = b"ab\x1b[c\x1b[5n\x1b[6n\x1b[?2026$p\x1b[?7$p\x1b[>q\x1b]11;?\x07\x1b[?u\x1b[>c\x1b[?6n";
        let expected = format!(
            "\x1b[?62;22c\x1b[0n\x1b[1;3R\x1b[?2026;2$y\x1b[?7;0$y\x1bP>|callboard({})\x1b\\\x1b]11;rgb:1010/1010/1010\x1b\\",
            env!("CARGO_PKG_VERSION")
        );
        for cut in 0..asked.len() {
            let mut it = emulator(&[&asked[..cut], &asked[cut..]]);
            assert_eq!(String::from_utf8(it.take_answers()).unwrap(), expected, "cut at {cut}");
            assert_eq!(it.take_answers(), b"");
        }
    }

    #[test]
    fn what_left_the_top_is_kept_as_lines_up_to_a_bound() {
        let it = emulator(&[b"a long line that wraps around twice or so\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7"]);
        assert_eq!(it.scrollback(9), ["a long line that wraps around twice or so", "2"]);
        assert_eq!(it.scrollback(1), ["2"]);
        let many = (0..5_000).map(|it| it.to_string()).collect::<Vec<_>>().join("\r\n") + "\r\n";
        let it = emulator(&[many.as_bytes()]);
        assert!(it.scrollback(usize::MAX).len() <= SCROLLBACK_LINES + 1);
        assert_eq!(it.scrollback(1), ["4995"]);
    }

    /// The viewer's terminal shows what ours shows, and is never asked anything.
    #[test]
    fn frames_bring_a_viewer_to_the_same_screen_without_queries() {
        let mut it = Emulator::new(SIZE);
        let mut viewer = vt100::Parser::new(NonZeroU16::new(5).unwrap(), NonZeroU16::new(20).unwrap(), 0);
        let mut seen = FrameState::default();
        for piece in [&b"\x1b[31mred\x1b[c\x1b[6n"[..], b"\r\nmore\x1b]0;t\x07", b"\x1b[2Jgone\x1b]52;c;?\x07"] {
            feed_all(&mut it, piece);
            let frame = it.frame_since(&mut seen).unwrap();
            for query in [&b"\x1b[c"[..], b"\x1b[6n", b"\x1b]"] {
                assert!(!frame.windows(query.len()).any(|it| it == query));
            }
            viewer.process(&frame);
            assert_eq!(viewer.screen().contents(), it.parser.screen().contents());
            assert_eq!(it.frame_since(&mut seen), None);
        }
    }

    #[test]
    fn a_flood_is_skimmed_and_nothing_of_it_shows() {
        let mut flood = b"\x1b[Hbegin".to_vec();
        for it in 0..40_000 {
            flood.extend_from_slice(format!("\x1b[3{}mline {it} that may well wrap around\r\n", it % 8).as_bytes());
        }
        flood.extend_from_slice(b"the end");
        let mut skimmed = Emulator::new(SIZE);
        feed_all(&mut skimmed, &flood);
        let whole = parsed_whole(&flood);
        assert_eq!(shown(&skimmed), shown(&whole));
        let (parsed, all) = (skimmed.parser.callbacks().scrolled, whole.parser.callbacks().scrolled);
        let lines = whole.scrolled(None, 0).2;
        assert!(lines > 39_990);
        assert_eq!(skimmed.scrolled(None, 0).2, lines, "lines that were skimmed over count");
        assert!((lines..=all).contains(&skimmed.rows_scrolled()), "{}", skimmed.rows_scrolled());
        assert!(parsed < all / 5, "{parsed} of {all} rows were parsed: nothing was skimmed");
    }

    /// A piece of output that begins a state in which skimming might go wrong.
    fn opening() -> impl Strategy<Value = &'static [u8]> {
        prop::sample::select(vec![
            &b""[..],
            b"\x1b[2;4r",
            b"\x1b[1;3r\x1b[5;1H",
            b"\x1b[?1049h",
            b"\x1b]0;cut",
            b"\x1b[3",
            b"\x1bP",
            b"\xe6\xbc",
            b"\x1b[?6h",
            b"text\x1b[2;2H",
            b"\x1b[42m",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn skimming_changes_nothing(
            opening in opening(),
            lines in prop::collection::vec("[a-z\\t漢]{0,30}", 1..8),
            ends in prop::collection::vec(prop::sample::select(vec!["\r\n", "\n", "\r\n", "\x1b[1;32m\r\n", "\r\n\r\n"]), 1..5),
            closing in prop::sample::select(vec![&b""[..], b"\x1b[r\x1b[Hx", b"half", b"\x1b[b"]),
        ) {
            let mut bytes = opening.to_vec();
            let mut at = 0;
            while bytes.len() < SKIM_FROM + PIECE {
                bytes.extend_from_slice(lines[at % lines.len()].as_bytes());
                bytes.extend_from_slice(ends[at % ends.len()].as_bytes());
                at += 1;
            }
            bytes.extend_from_slice(closing);
            // In two feeds, so that the second begins in the state that the opening made.
            let mut skimmed = Emulator::new(SIZE);
            feed_all(&mut skimmed, &bytes[..opening.len()]);
            feed_all(&mut skimmed, &bytes[opening.len()..]);
            prop_assert_eq!(shown(&skimmed), shown(&parsed_whole(&bytes)));
        }
    }

    /// Output that makes sequences, wide characters and edges likely.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let likely = prop::sample::select(vec![
            &b"\x1b["[..],
            b"\x1b]0;",
            b"\x07",
            b"\r\n",
            b"\n",
            b"\x08",
            b"\t",
            b"\x1b7",
            b"\x1b8",
            b"\x1bM",
            b"\x1bc",
            b"\xe6\xbc\xa2",
            b"e\xcc\x81",
            b"a",
            b";",
            b"0",
            b"1",
            b"5",
            b"99999",
            b"?1049h",
            b"?1049l",
            b"?6h",
            b"r",
            b"H",
            b"J",
            b"K",
            b"L",
            b"M",
            b"P",
            b"@",
            b"S",
            b"T",
            b"X",
            b"b",
            b"m",
            b"8;9;9t",
            b"A",
            b"B",
            b"C",
            b"D",
            b"d",
            b"G",
        ]);
        let any = prop::collection::vec(any::<u8>(), 1..3);
        prop::collection::vec(prop_oneof![8 => likely.prop_map(<[u8]>::to_vec), 1 => any], 0..60)
            .prop_map(|it| it.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(CASES))]
        /// No output and no size makes the screen fail: a panic here would take a terminal's thread with it.
        #[test]
        fn whatever_comes_is_shown(
            parts in prop::collection::vec((soup(), 1u16..8, 1u16..12), 1..8),
        ) {
            let mut it = Emulator::new(SIZE);
            let mut seen = FrameState::default();
            for (bytes, rows, cols) in parts {
                feed_all(&mut it, &bytes);
                it.frame_since(&mut seen);
                prop_assert!(it.text().rows.iter().all(|it| !it.contains('\x1b')));
                it.resize(Size { rows, cols });
                it.frame_since(&mut seen);
                it.scrollback(usize::MAX);
            }
        }
    }

    /// How many of the above are tried.
    const CASES: u32 = 256;
}
