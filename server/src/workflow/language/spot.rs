//! Where in the tree an offset is: in a key, in a value, or on a line where one could begin.
//!
//! A line that holds nothing yet belongs where its column says, as it would if something stood there.

use std::ops::Range;

use super::{
    Analysis,
    grammar::Place,
    outline::{Entry, Node, Shape, Value, in_comment},
};

/// A place that something can be written at.
#[derive(Debug)]
pub enum Spot<'a> {
    /// A key.
    Key {
        /// Where the mapping stands.
        place: Place<'a>,
        /// The keys that are there, this one left out.
        present: Vec<&'a str>,
        /// The bytes of the key as far as it is written.
        at: Range<usize>,
        /// Whether its colon is there.
        has_colon: bool,
        /// Its column, where it is on a line of its own.
        column: Option<usize>,
    },
    /// A value.
    Value {
        /// Where it stands.
        place: Place<'a>,
        /// The bytes of the value as far as it is written, without quotes.
        at: Range<usize>,
        /// The other items, where it is one of a list.
        beside: Vec<Range<usize>>,
        /// Whether a key of a mapping could begin here too, on a line of its own.
        column: Option<usize>,
    },
}

/// A step of the way down the tree.
struct Level<'a> {
    node: &'a Node,
    place: Option<Place<'a>>,
    /// The entry or item that begins at the offset or before it, the last one.
    index: Option<usize>,
}

impl Analysis {
    fn levels(&self, offset: usize) -> Vec<Level<'_>> {
        let mut levels = Vec::new();
        let mut next = Some((&self.root, Some(self.kind.grammar().root())));
        while let Some((node, place)) = next.take() {
            let mut level = Level { node, place, index: None };
            match &node.value {
                Value::Map(_, entries) => {
                    level.index = entries.iter().rposition(|it| it.key.start <= offset);
                    if let Some(entry) = level.index.map(|it| &entries[it])
                        && entry.colon.is_some_and(|it| it < offset)
                    {
                        next = Some((&entry.node, level.place.as_ref().and_then(|it| it.key(&entry.name))));
                    }
                }
                Value::List(_, items) => {
                    level.index = items.iter().rposition(|it| it.at.start <= offset);
                    if let Some(index) = level.index {
                        next = Some((&items[index], level.place.as_ref().and_then(Place::item)));
                    }
                }
                Value::Nothing | Value::Scalar(..) => {}
            }
            levels.push(level);
        }
        levels
    }

    /// Returns the place that an offset is at.
    pub(super) fn spot(&self, offset: usize) -> Option<Spot<'_>> {
        let text: &str = &self.text;
        if !text.is_char_boundary(offset) || in_comment(text, offset) {
            return None;
        }
        let levels = self.levels(offset);
        if let Some(level) = levels.iter().rev().find(|it| is_within_flow(it.node, text, offset)) {
            return Self::in_flow(level, text, offset);
        }
        let start = text[..offset].rfind('\n').map_or(0, |it| it + 1);
        let mut from = start + text[start..offset].len() - text[start..offset].trim_start().len();
        let mut is_item = false;
        while text[from..offset].starts_with("- ") || &text[from..offset] == "-" {
            let rest = &text[from + 1..offset];
            from += 1 + rest.len() - rest.trim_start().len();
            is_item = true;
        }
        let column = from - start;
        let leaf = levels.last()?;
        // Behind a key's colon on this line: its value.
        let owner = levels.iter().rev().find_map(|it| {
            let entry = it.node.entries().get(it.index?)?;
            (entry.key.start >= start && entry.colon.is_some_and(|colon| colon < offset)).then_some((it, entry))
        });
        if let Some((level, entry)) = owner {
            let place = level.place.as_ref()?.key(&entry.name)?;
            let at = value_at(&entry.node, offset)?;
            return Some(Spot::Value { place, at, beside: Vec::new(), column: None });
        }
        if is_item {
            // An item of a list whose mapping, if it is one, has not begun.
            let (list, index) = levels.iter().rev().find_map(|it| {
                matches!(it.node.value, Value::List(..)).then_some(())?;
                Some((it, it.index?))
            })?;
            let item = &list.node.items()[index];
            let place = list.place.as_ref()?.item()?;
            if let Some(entry) = item.entries().iter().find(|it| it.key.start <= offset && offset <= it.key.end) {
                return Some(key_of(place, item, entry, Some(column)));
            }
            let at = if item.at.start >= start { word(text, from, offset) } else { offset..offset };
            let beside = beside(list.node, index);
            return Some(Spot::Value { place, at, beside, column: Some(column) });
        }
        // On a line of its own: the mapping at this column, or the value that is still to come.
        for level in levels.iter().rev() {
            let Some(place) = &level.place else { continue };
            match &level.node.value {
                Value::Map(Shape::Block(at_column), entries) => {
                    let entry = level.index.and_then(|it| entries.get(it));
                    if *at_column == column {
                        if let Some(entry) = entry.filter(|it| it.key.start == from && offset <= it.key.end) {
                            return Some(key_of(place.clone(), level.node, entry, Some(column)));
                        }
                        return Some(Spot::Key {
                            place: place.clone(),
                            present: names(entries, None),
                            at: word(text, from, offset),
                            has_colon: false,
                            column: Some(column),
                        });
                    }
                    if *at_column < column {
                        let entry = entry.filter(|it| it.colon.is_some())?;
                        let begins = match &entry.node.value {
                            Value::Nothing => true,
                            Value::Scalar(_, body) => body.start == from,
                            _ => false,
                        };
                        let place = place.key(&entry.name).filter(|_| begins)?;
                        let at = word(text, from, offset);
                        return Some(Spot::Value { place, at, beside: Vec::new(), column: Some(column) });
                    }
                }
                Value::List(Shape::Block(at_column), _) if *at_column < column => return None,
                _ => {}
            }
        }
        // A file that has just begun.
        matches!(leaf.node.value, Value::Nothing | Value::Scalar(..)).then(|| Spot::Value {
            place: self.kind.grammar().root(),
            at: word(text, from, offset),
            beside: Vec::new(),
            column: Some(column),
        })
    }

    fn in_flow<'a>(level: &Level<'a>, text: &str, offset: usize) -> Option<Spot<'a>> {
        let place = level.place.as_ref()?;
        match &level.node.value {
            Value::Map(_, entries) => {
                let entry = level.index.and_then(|it| entries.get(it));
                // Behind a comma another one begins.
                let entry = entry.filter(|it| !text[it.at().end.min(offset)..offset].contains(','));
                match entry {
                    Some(entry) if entry.colon.is_some_and(|it| it < offset) => {
                        let place = place.key(&entry.name)?;
                        let at = value_at(&entry.node, offset)?;
                        Some(Spot::Value { place, at, beside: Vec::new(), column: None })
                    }
                    Some(entry) if offset <= entry.key.end => Some(key_of(place.clone(), level.node, entry, None)),
                    _ => Some(Spot::Key {
                        place: place.clone(),
                        present: names(entries, None),
                        at: offset..offset,
                        has_colon: false,
                        column: None,
                    }),
                }
            }
            Value::List(_, items) => {
                let index = level.index.filter(|it| offset <= items[*it].at.end);
                let at = match index {
                    Some(it) => value_at(&items[it], offset)?,
                    None => offset..offset,
                };
                let beside = beside(level.node, index.unwrap_or(usize::MAX));
                Some(Spot::Value { place: place.item()?, at, beside, column: None })
            }
            _ => None,
        }
    }

    /// Returns the key that an offset is in, with the place of the mapping and the entry.
    pub(super) fn key_at(&self, offset: usize) -> Option<(Place<'_>, &Entry)> {
        let levels = self.levels(offset);
        levels.into_iter().rev().find_map(|it| {
            let entry = it.node.entries().get(it.index?)?;
            (offset <= entry.key.end).then_some((it.place?, entry))
        })
    }

    /// Returns the scalar that an offset is in, with its place.
    pub(super) fn scalar_at(&self, offset: usize) -> Option<(Place<'_>, &Node)> {
        let leaf = self.levels(offset).pop()?;
        let body = leaf.node.body()?;
        (body.start <= offset && offset <= body.end).then_some((leaf.place?, leaf.node))
    }
}

fn key_of<'a>(place: Place<'a>, map: &'a Node, entry: &'a Entry, column: Option<usize>) -> Spot<'a> {
    Spot::Key {
        place,
        present: names(map.entries(), Some(entry.key.start)),
        at: entry.key.clone(),
        has_colon: entry.colon.is_some(),
        column,
    }
}

fn names(entries: &[Entry], but: Option<usize>) -> Vec<&str> {
    entries.iter().filter(|it| Some(it.key.start) != but).map(|it| it.name.as_str()).collect()
}

fn beside(list: &Node, index: usize) -> Vec<Range<usize>> {
    let others = list.items().iter().enumerate().filter(|it| it.0 != index);
    others.filter_map(|it| it.1.body()).collect()
}

/// Returns the bytes of a value that an offset is in; `None` where it is a collection.
fn value_at(node: &Node, offset: usize) -> Option<Range<usize>> {
    match &node.value {
        Value::Nothing => Some(offset..offset),
        Value::Scalar(_, body) if body.start <= offset && offset <= body.end => Some(body.clone()),
        // Between the colon and the value.
        Value::Scalar(_, body) if offset < body.start => Some(offset..offset),
        _ => None,
    }
}

/// Returns the word that is being written from `from` on.
fn word(text: &str, from: usize, offset: usize) -> Range<usize> {
    let tail =
        text[offset..].chars().take_while(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).map(char::len_utf8);
    from..offset + tail.sum::<usize>()
}

fn is_within_flow(node: &Node, text: &str, offset: usize) -> bool {
    let (Value::Map(Shape::Flow, _) | Value::List(Shape::Flow, _)) = &node.value else { return false };
    let closed = text[..node.at.end].ends_with([']', '}']);
    node.at.start < offset && (offset < node.at.end || (!closed && offset <= node.at.end))
}
