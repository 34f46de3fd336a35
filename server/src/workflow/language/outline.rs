//! YAML as a tree that is there while the text is broken: what a person is typing in is broken most of the time.
//!
//! Lines and indentation alone decide, so a fault costs its own line and never the rest. Knows nothing of workflows, and is no
//! judge of what is right YAML: `tree` is.

use std::ops::Range;

use crate::workflow::tree;

mod decode;

/// How deep it looks. What stands deeper is left out.
const MOST_DEPTH: usize = 40;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Bytes that it takes, marks of its style included.
    pub at: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing is there yet.
    Nothing,
    /// A scalar; the bytes of its text alone, without quotes or a block's head.
    Scalar(Style, Range<usize>),
    /// A list.
    List(Shape, Vec<Node>),
    /// A mapping.
    Map(Shape, Vec<Entry>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// In `'`.
    Single,
    /// In `"`.
    Double,
    /// Below a `|`.
    Literal,
    /// Below a `>`.
    Folded,
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One entry a line, at this column.
    Block(usize),
    /// In brackets.
    Flow,
}

/// An entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Bytes of the key, without quotes.
    pub key: Range<usize>,
    /// The key.
    pub name: String,
    /// Where the colon is; `None` for a key that is being typed.
    pub colon: Option<usize>,
    /// Its value.
    pub node: Node,
}

impl Entry {
    /// Returns the bytes from its key to its value's end.
    pub fn at(&self) -> Range<usize> {
        let end = self.colon.map_or(self.key.end, |it| it + 1).max(self.node.at.end);
        self.key.start..end
    }
}

impl Node {
    /// Returns the entries, where it is a mapping.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(_, entries) = &self.value { entries } else { &[] }
    }

    /// Returns the entry of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|it| it.name == name)
    }

    /// Returns its items, where it is a list.
    pub fn items(&self) -> &[Node] {
        if let Value::List(_, items) = &self.value { items } else { &[] }
    }

    /// Returns the bytes of its text, where it is a scalar.
    pub fn body(&self) -> Option<Range<usize>> {
        if let Value::Scalar(_, body) = &self.value { Some(body.clone()) } else { None }
    }

    /// Returns its text on one line, where it is a scalar, as it stands there.
    pub fn text<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(self.body()?).map(str::trim)
    }

    /// Returns it as the strict reader's tree, so that what is there can be checked though the rest is broken.
    pub fn strict(&self, text: &str) -> tree::Node {
        decode::node(self, text)
    }
}

/// Reads a text.
pub fn read(text: &str) -> Node {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        lines.push((start, end));
        start += line.len();
    }
    let mut reader = Reader { text, lines, line: 0, column: 0 };
    reader.block(0, 0)
}

struct Reader<'a> {
    text: &'a str,
    /// Where each line starts and ends.
    lines: Vec<(usize, usize)>,
    /// What is read next: a line, and from which column on.
    line: usize,
    column: usize,
}

impl Reader<'_> {
    /// Returns the column and the offset of what comes next, past what is blank or a comment.
    fn peek(&mut self) -> Option<(usize, usize)> {
        while let Some(&(start, end)) = self.lines.get(self.line) {
            let from = (start + self.column).min(end);
            let rest = &self.text[from..end];
            let bare = rest.trim_start_matches([' ', '\t']);
            let mark =
                self.column == 0 && (rest.starts_with("---") || rest.starts_with("...") || rest.starts_with('%'));
            if !bare.is_empty() && !bare.starts_with('#') && !mark {
                let at = end - bare.len();
                return Some((at - start, at));
            }
            self.next_line();
        }
        None
    }

    fn next_line(&mut self) {
        self.line += 1;
        self.column = 0;
    }

    fn end_of_line(&self) -> usize {
        self.lines.get(self.line).map_or(self.text.len(), |it| it.1)
    }

    /// Reads what comes next, if it stands at `least` or behind.
    fn block(&mut self, least: usize, depth: usize) -> Node {
        let Some((column, at)) = self.peek().filter(|it| it.0 >= least) else { return nothing(self.text.len()) };
        if depth > MOST_DEPTH {
            while self.peek().is_some_and(|it| it.0 >= least) {
                self.next_line();
            }
            return nothing(at);
        }
        let line = &self.text[at..self.end_of_line()];
        if is_item(line) {
            self.list(column, depth)
        } else if key(line).is_some() {
            self.map(column, depth)
        } else {
            self.value(at, least.checked_sub(1), depth)
        }
    }

    fn list(&mut self, column: usize, depth: usize) -> Node {
        let mut items: Vec<Node> = Vec::new();
        let start = self.peek().map_or(self.text.len(), |it| it.1);
        while let Some((at_column, at)) = self.peek() {
            if at_column < column {
                break;
            }
            if !is_item(&self.text[at..self.end_of_line()]) {
                if at_column == column {
                    break;
                }
                // A line that belongs nowhere.
                self.next_line();
                continue;
            }
            let line = self.line;
            self.column = at_column + 1;
            let mut item = match self.peek() {
                // What stands behind the dash is read as if the dash were a space.
                Some((next, _)) if self.line == line => self.block(next, depth + 1),
                Some((next, _)) if next > column => self.block(column + 1, depth + 1),
                _ => nothing(at + 1),
            };
            // An item begins at its dash, so that what is typed behind it is in it.
            item.at.start = at;
            item.at.end = item.at.end.max(at + 1);
            items.push(item);
        }
        let end = items.last().map_or(start, |it| it.at.end);
        Node { at: start..end, value: Value::List(Shape::Block(column), items) }
    }

    fn map(&mut self, column: usize, depth: usize) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        let start = self.peek().map_or(self.text.len(), |it| it.1);
        while let Some((at_column, at)) = self.peek() {
            if at_column < column {
                break;
            }
            let line = &self.text[at..self.end_of_line()];
            if is_item(line) {
                if at_column == column {
                    break;
                }
                self.next_line();
                continue;
            }
            let entry = self.entry(at, column, depth);
            entries.push(entry);
        }
        let end = entries.last().map_or(start, |it| it.at().end);
        Node { at: start..end, value: Value::Map(Shape::Block(column), entries) }
    }

    fn entry(&mut self, at: usize, column: usize, depth: usize) -> Entry {
        let (line, end) = (self.line, self.end_of_line());
        let Some(found) = key(&self.text[at..end]) else {
            let word = uncommented(&self.text[at..end]);
            self.next_line();
            let (key, name) = (at..at + word.len(), word.to_owned());
            return Entry { node: nothing(key.end), key, name, colon: None };
        };
        let key = at + found.name.start..at + found.name.end;
        let name = self.text[key.clone()].to_owned();
        let colon = at + found.colon;
        self.column = colon + 1 - self.lines[line].0;
        let node = match self.peek() {
            Some((_, at)) if self.line == line => self.value(at, Some(column), depth + 1),
            Some((next, _)) if next > column => self.block(column + 1, depth + 1),
            // A list may stand below its key, at the same column.
            Some((next, at)) if next == column && is_item(&self.text[at..self.end_of_line()]) => {
                self.list(column, depth + 1)
            }
            _ => nothing(colon + 1),
        };
        let node = if matches!(node.value, Value::Nothing) { nothing(colon + 1) } else { node };
        Entry { key, name, colon: Some(colon), node }
    }

    /// Reads a value that begins at `at` and belongs to what stands at the column `parent`.
    fn value(&mut self, at: usize, parent: Option<usize>, depth: usize) -> Node {
        let end = self.end_of_line();
        match self.text.as_bytes()[at] {
            mark @ (b'|' | b'>') => {
                let style = if mark == b'|' { Style::Literal } else { Style::Folded };
                self.next_line();
                let from = self.lines.get(self.line).map_or(self.text.len(), |it| it.0);
                let last = self.skip_deeper(parent).unwrap_or(end);
                let body = from.min(last.max(end))..last.max(from.min(last.max(end)));
                Node { at: at..last.max(end), value: Value::Scalar(style, body) }
            }
            quote @ (b'"' | b'\'') => {
                let most = self.region(parent);
                let close = closing(&self.text[at + 1..most], quote as char).map(|it| at + 1 + it);
                let body = at + 1..close.unwrap_or(end);
                let last = close.map_or(end, |it| it + 1);
                self.go_behind(last);
                let style = if quote == b'"' { Style::Double } else { Style::Single };
                Node { at: at..last, value: Value::Scalar(style, body) }
            }
            b'[' | b'{' => {
                let most = self.region(parent);
                let (node, last) = Flow { text: &self.text[..most] }.value(at, depth);
                self.go_behind(last);
                node
            }
            _ => {
                let mut last = at + uncommented(&self.text[at..end]).len();
                self.next_line();
                while let Some((column, next)) = self.peek() {
                    let line = &self.text[next..self.end_of_line()];
                    if parent.is_none_or(|it| column <= it) || is_item(line) || key(line).is_some() {
                        break;
                    }
                    last = next + uncommented(line).len();
                    self.next_line();
                }
                Node { at: at..last, value: Value::Scalar(Style::Plain, at..last) }
            }
        }
    }

    /// Skips blank lines and those behind the column, and returns the end of the last that is not blank.
    fn skip_deeper(&mut self, parent: Option<usize>) -> Option<usize> {
        let mut last = None;
        while let Some(&(start, end)) = self.lines.get(self.line) {
            let line = &self.text[start..end];
            let bare = line.trim_start_matches(' ');
            if !bare.trim().is_empty() {
                if parent.is_some_and(|it| line.len() - bare.len() <= it) {
                    break;
                }
                last = Some(end);
            }
            self.next_line();
        }
        last
    }

    /// Returns where a value that may go over several lines ends at the latest.
    fn region(&self, parent: Option<usize>) -> usize {
        let mut last = self.end_of_line();
        for &(start, end) in self.lines.get(self.line + 1..).unwrap_or_default() {
            let line = &self.text[start..end];
            let bare = line.trim_start();
            if bare.is_empty() {
                continue;
            }
            let closes = bare.starts_with([']', '}']);
            if !closes && parent.is_some_and(|it| line.len() - bare.len() <= it) {
                break;
            }
            last = end;
        }
        last
    }

    /// Goes to the line behind the one that an offset is on.
    fn go_behind(&mut self, at: usize) {
        while self.lines.get(self.line).is_some_and(|it| it.1 < at) {
            self.line += 1;
        }
        self.next_line();
    }
}

/// Reads what stands in brackets.
struct Flow<'a> {
    text: &'a str,
}

impl Flow<'_> {
    /// Reads a value and returns where it ends.
    fn value(&self, at: usize, depth: usize) -> (Node, usize) {
        match self.text.as_bytes().get(at) {
            Some(b'[') if depth <= MOST_DEPTH => self.list(at, depth),
            Some(b'{') if depth <= MOST_DEPTH => self.map(at, depth),
            Some(quote @ (b'"' | b'\'')) => {
                let close = closing(&self.text[at + 1..], *quote as char).map(|it| at + 1 + it);
                let body = at + 1..close.unwrap_or(self.text.len());
                let end = close.map_or(self.text.len(), |it| it + 1);
                let style = if *quote == b'"' { Style::Double } else { Style::Single };
                (Node { at: at..end, value: Value::Scalar(style, body) }, end)
            }
            _ => {
                let end = self.word(at, false);
                let body = at..end;
                (
                    Node { at: body.clone(), value: Value::Scalar(Style::Plain, body) },
                    end.max(at + 1).min(self.text.len()),
                )
            }
        }
    }

    fn list(&self, at: usize, depth: usize) -> (Node, usize) {
        let (mut items, mut next) = (Vec::new(), at + 1);
        let end = loop {
            next = self.blank(next);
            match self.text.as_bytes().get(next) {
                None => break self.text.len(),
                Some(b']') => break next + 1,
                Some(b',' | b'}') => next += 1,
                Some(_) => {
                    let (item, end) = self.value(next, depth + 1);
                    items.push(item);
                    next = end;
                }
            }
        };
        (Node { at: at..end, value: Value::List(Shape::Flow, items) }, end)
    }

    fn map(&self, at: usize, depth: usize) -> (Node, usize) {
        let (mut entries, mut next) = (Vec::new(), at + 1);
        let end = loop {
            next = self.blank(next);
            match self.text.as_bytes().get(next) {
                None => break self.text.len(),
                Some(b'}') => break next + 1,
                Some(b',' | b']' | b':') => next += 1,
                Some(first) => {
                    let quoted = matches!(first, b'"' | b'\'');
                    let (key, behind) = if quoted {
                        let close = closing(&self.text[next + 1..], *first as char).map(|it| next + 1 + it);
                        (next + 1..close.unwrap_or(self.text.len()), close.map_or(self.text.len(), |it| it + 1))
                    } else {
                        let end = self.word(next, true);
                        // Something that can't be a key, such as a bracket, is passed over.
                        (next..end, end.max(next + 1).min(self.text.len()))
                    };
                    let name = self.text.get(key.clone()).unwrap_or_default().to_owned();
                    let colon = self.blank(behind);
                    let has = self.text.as_bytes().get(colon) == Some(&b':');
                    let (node, end) = if has {
                        let from = self.blank(colon + 1);
                        match self.text.as_bytes().get(from) {
                            None | Some(b',' | b'}' | b']') => (nothing(colon + 1), from),
                            Some(_) => self.value(from, depth + 1),
                        }
                    } else {
                        (nothing(key.end), behind)
                    };
                    if !name.is_empty() {
                        entries.push(Entry { key, name, colon: has.then_some(colon), node });
                    }
                    next = end;
                }
            }
        };
        (Node { at: at..end, value: Value::Map(Shape::Flow, entries) }, end)
    }

    /// Returns where a plain word ends.
    fn word(&self, at: usize, is_key: bool) -> usize {
        let rest = &self.text[at..];
        let mut end = rest.len();
        for (index, it) in rest.char_indices() {
            let stops = match it {
                ',' | '[' | ']' | '{' | '}' | '\n' => true,
                ':' => is_key || rest[index + 1..].starts_with([' ', '\n']) || rest.len() == index + 1,
                '#' => rest[..index].ends_with(' '),
                _ => false,
            };
            if stops {
                end = index;
                break;
            }
        }
        at + rest[..end].trim_end().len()
    }

    /// Returns what comes next, past blanks, line ends and comments.
    fn blank(&self, mut at: usize) -> usize {
        while let Some(it) = self.text.as_bytes().get(at) {
            match it {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = self.text[at..].find('\n').map_or(self.text.len(), |it| at + it),
                _ => break,
            }
        }
        at.min(self.text.len())
    }
}

fn nothing(at: usize) -> Node {
    Node { at: at..at, value: Value::Nothing }
}

fn is_item(line: &str) -> bool {
    line == "-" || line.starts_with("- ") || line.starts_with("-\t")
}

struct Key {
    name: Range<usize>,
    colon: usize,
}

/// Finds the key that a line begins with.
fn key(line: &str) -> Option<Key> {
    let first = line.chars().next()?;
    if let quote @ ('"' | '\'') = first {
        let end = 1 + closing(&line[1..], quote)?;
        let rest = &line[end + 1..];
        let colon = end + 1 + rest.len() - rest.trim_start_matches(' ').len();
        return is_colon(line, colon).then_some(Key { name: 1..end, colon });
    }
    if matches!(first, '[' | '{' | '|' | '>' | '#' | '&' | '*' | '!' | '%' | '@' | '`') {
        return None;
    }
    let bare = uncommented(line);
    let colon = bare.match_indices(':').map(|it| it.0).find(|it| is_colon(line, *it))?;
    let name = line[..colon].trim_end();
    (!name.is_empty()).then_some(Key { name: 0..name.len(), colon })
}

fn is_colon(line: &str, at: usize) -> bool {
    line[at..].starts_with(':') && line[at + 1..].chars().next().is_none_or(|it| it == ' ' || it == '\t')
}

/// Returns a line without its comment and the blanks before it.
fn uncommented(line: &str) -> &str {
    let end = line.match_indices('#').map(|it| it.0).find(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
    line[..end.unwrap_or(line.len())].trim_end()
}

/// Returns where a quoted text's closing quote is.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut all = text.char_indices().peekable();
    while let Some((at, it)) = all.next() {
        if it == '\\' && quote == '"' {
            all.next();
        } else if it == quote {
            if quote == '\'' && all.peek().is_some_and(|next| next.1 == '\'') {
                all.next();
            } else {
                return Some(at);
            }
        }
    }
    None
}

/// Returns whether an offset is in a comment, as far as its line says.
pub fn in_comment(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let before = &text[start..at];
    uncommented(before).len() < before.trim_end().len() && before.contains('#')
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn draw(node: &Node, text: &str, depth: usize, out: &mut String) {
        let pad = "  ".repeat(depth);
        match &node.value {
            Value::Nothing => out.push_str(" ~\n"),
            Value::Scalar(style, body) => {
                let _ = writeln!(out, " {style:?} {:?}", &text[body.clone()]);
            }
            Value::List(shape, items) => {
                let _ = writeln!(out, " {shape:?}");
                for item in items {
                    let _ = write!(out, "{pad}-");
                    draw(item, text, depth + 1, out);
                }
            }
            Value::Map(shape, entries) => {
                let _ = writeln!(out, " {shape:?}");
                for entry in entries {
                    let _ = write!(out, "{pad}{}{}", entry.name, if entry.colon.is_some() { ":" } else { "?" });
                    draw(&entry.node, text, depth + 1, out);
                }
            }
        }
    }

    fn drawn(text: &str) -> String {
        let mut out = String::new();
        draw(&read(text), text, 0, &mut out);
        out
    }

    #[test]
    fn a_fault_costs_its_own_line() {
        let text = "\
title: A # the title
inputs:
  path: { type: path, default: '.', de }
  ta
steps:
  - id: review
    needs: [plan,
    ro
    prompt: |
      Look: at {{ it }}

      # no comment
  -
  - id: \"fix
    needs:
      - review
    when: review
      and more
  bad line
limits:
";
        insta::assert_snapshot!(drawn(text), @r#"
         Block(0)
        title: Plain "A"
        inputs: Block(2)
          path: Flow
            type: Plain "path"
            default: Single "."
            de? ~
          ta? ~
        steps: Block(2)
          - Block(4)
            id: Plain "review"
            needs: Flow
              - Plain "plan"
            ro? ~
            prompt: Literal "      Look: at {{ it }}\n\n      # no comment"
          - ~
          - Block(4)
            id: Double "fix"
            needs: Block(6)
              - Plain "review"
            when: Plain "review\n      and more"
        bad line? ~
        limits: ~
        "#);
    }

    #[test]
    fn it_reads_what_the_strict_reader_reads() {
        for (name, text) in crate::workflow::library::BUILT_IN {
            let strict = tree::read(text, &mut crate::workflow::problem::Problems::new(text)).expect("YAML");
            assert_eq!(plain(&read(text).strict(text)), plain(&strict), "{name}");
        }
    }

    fn plain(node: &tree::Node) -> String {
        match &node.value {
            tree::Value::Null => "~".to_owned(),
            tree::Value::Scalar(_, text) => format!("{:?}", text.trim_end()),
            tree::Value::List(list) => format!("[{}]", list.iter().map(plain).collect::<Vec<_>>().join(", ")),
            tree::Value::Map(map) => {
                let entries: Vec<_> = map.iter().map(|(key, it)| format!("{}: {}", key.name, plain(it))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}
