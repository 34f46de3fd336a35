//! What stands at a place in a template or an expression: which words fit there, and the type of what is written.
//!
//! Works on the words up to the place, so what is broken behind it does no harm.

use std::ops::Range;

use minijinja::{
    machinery::{Token, tokenize},
    syntax::SyntaxConfig,
};
use serde_json::Value;

use super::{Analysis, marks::Script, types};

/// How many lists around a script count.
const MOST_DEPTH: usize = 20;

/// How many words one script is looked at for.
const MOST_TOKENS: usize = 20_000;

/// A word or a sign.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// A name.
    Name(String),
    /// A text in quotes.
    Text(String),
    /// `.`
    Dot,
    /// `|`
    Pipe,
    /// `[` or `(`.
    Open,
    /// `]` or `)`.
    Close,
    /// `==` or `!=`.
    Compare,
    /// A number.
    Number,
    /// Anything else.
    Other,
}

/// What is expected at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// A variable.
    Variable,
    /// A field of a value of this type.
    Field(Value),
    /// A filter.
    Filter,
    /// A test, behind `is`.
    Test,
    /// A word between two values: `and`, `or`, `in`…
    Operator,
    /// What a tag begins with.
    Tag,
    /// A text in quotes that is compared with a value of this type.
    Text(Value),
}

/// A place in a script.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// What is expected.
    pub expected: Expected,
    /// Bytes of the file that what is chosen replaces.
    pub at: Range<usize>,
    /// Names that `for` gives here, and their types.
    pub locals: Vec<(String, Option<Value>)>,
}

/// The words of a script up to a place.
struct Words {
    /// Those of the tag, or of the expression, that the place is in.
    tag: Option<Vec<(Word, Range<usize>)>>,
    /// Whether the tag is a `{%`.
    is_block: bool,
    /// The `for` tags that are open: names and what they go through.
    loops: Vec<(Vec<String>, Vec<Word>)>,
    /// Where the last word ends.
    end: usize,
    /// The names that the tag itself gives.
    broken: bool,
}

fn words(source: &str, alone: bool) -> Words {
    let mut words = Words { tag: alone.then(Vec::new), is_block: false, loops: Vec::new(), end: 0, broken: false };
    for token in tokenize(source, alone, SyntaxConfig::default()).take(MOST_TOKENS) {
        let Ok((token, span)) = token else {
            words.broken = true;
            break;
        };
        let at = span.start_offset as usize..span.end_offset as usize;
        words.end = at.end;
        let word = match token {
            Token::TemplateData(_) => continue,
            Token::VariableStart | Token::BlockStart => {
                words.is_block = matches!(token, Token::BlockStart);
                words.tag = Some(Vec::new());
                continue;
            }
            Token::VariableEnd | Token::BlockEnd => {
                let tag = words.tag.take().unwrap_or_default();
                words.close(tag);
                continue;
            }
            Token::Ident(name) => Word::Name(name.to_owned()),
            Token::Str(text) => Word::Text(text.to_owned()),
            Token::String(text) => Word::Text(text.into_string()),
            Token::Int(_) | Token::Int128(_) | Token::Float(_) => Word::Number,
            Token::Dot => Word::Dot,
            Token::Pipe => Word::Pipe,
            Token::BracketOpen | Token::ParenOpen => Word::Open,
            Token::BracketClose | Token::ParenClose => Word::Close,
            Token::Eq | Token::Ne => Word::Compare,
            _ => Word::Other,
        };
        if let Some(tag) = &mut words.tag {
            tag.push((word, at));
        }
    }
    words
}

impl Words {
    /// A tag has ended.
    fn close(&mut self, tag: Vec<(Word, Range<usize>)>) {
        if !self.is_block {
            return;
        }
        let tag: Vec<Word> = tag.into_iter().map(|it| it.0).collect();
        match tag.first() {
            Some(Word::Name(name)) if name == "for" => {
                let within = tag.iter().position(|it| *it == Word::Name("in".to_owned())).unwrap_or(tag.len());
                let names = tag[1..within].iter().filter_map(|it| match it {
                    Word::Name(name) => Some(name.clone()),
                    _ => None,
                });
                let names = names.collect();
                self.loops.push((names, tag.get(within + 1..).unwrap_or_default().to_vec()));
            }
            Some(Word::Name(name)) if name == "endfor" => drop(self.loops.pop()),
            _ => {}
        }
    }
}

impl Analysis {
    /// Returns what is expected at an offset of the file that is in a script; `None` in the plain text of a template.
    pub(super) fn cursor(&self, script: &Script, offset: usize) -> Option<Cursor> {
        let here = offset.checked_sub(script.at.start)?;
        let mut before = script.source.get(..here.min(script.source.len()))?.to_owned();
        // Blanks behind the end are not part of the text yet.
        before.extend(std::iter::repeat_n(' ', here - before.len()));
        let before = before.as_str();
        let words = words(before, script.alone);
        let mut tag = words.tag.clone()?;
        let locals = self.locals(script, &words);
        let rest = before.get(words.end..).unwrap_or_default();
        let open = rest.trim_start();
        if words.broken && open.starts_with(['"', '\'']) {
            let start = script.at.start + before.len() - open.len() + 1;
            let behind = script.source.get(start - script.at.start..).unwrap_or_default();
            let end = start + quoted_end(behind, &open[..1]);
            let of = match tag.last() {
                Some((Word::Compare, _)) => {
                    tag.pop();
                    self.type_before(&tag, &locals)?
                }
                _ => return None,
            };
            return Some(Cursor { expected: Expected::Text(of), at: start..end.max(offset), locals });
        }
        if words.broken {
            return None;
        }
        let mut start = here;
        if let Some((Word::Name(_), at)) = tag.last()
            && at.end == here
        {
            start = at.start;
            tag.pop();
        }
        let behind = script.source.get(here..).unwrap_or_default();
        let tail = behind.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').count();
        let at = script.at.start + start..offset + tail;
        let expected = match tag.last().map(|it| &it.0) {
            None if words.is_block && !script.alone => Expected::Tag,
            Some(Word::Dot) => {
                tag.pop();
                Expected::Field(self.type_before(&tag, &locals)?)
            }
            Some(Word::Pipe) => Expected::Filter,
            Some(Word::Name(name)) => match name.as_str() {
                "is" => Expected::Test,
                "not" if matches!(tag.iter().rev().nth(1), Some((Word::Name(it), _)) if it == "is") => Expected::Test,
                "if" | "elif" | "in" | "and" | "or" | "not" | "else" => Expected::Variable,
                "for" if tag.len() == 1 && words.is_block => return None,
                _ => Expected::Operator,
            },
            Some(Word::Text(_) | Word::Number | Word::Close) => Expected::Operator,
            Some(Word::Open | Word::Compare | Word::Other) | None => Expected::Variable,
        };
        Some(Cursor { expected, at, locals })
    }

    /// Returns the name at an offset of a script, its place, its type and, for a field, that it is one.
    pub(super) fn named(&self, script: &Script, offset: usize) -> Option<Named> {
        let here = offset.checked_sub(script.at.start)?;
        let source = &script.source;
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let start = source
            .get(..here)?
            .rfind(|it| !is_word(it))
            .map_or(0, |it| it + source[it..].chars().next().map_or(1, char::len_utf8));
        let end = here + source[here..].find(|it| !is_word(it)).unwrap_or(source.len() - here);
        if start == end {
            return None;
        }
        let words = words(&source[..end], script.alone);
        let tag = words.tag.clone()?;
        let (Word::Name(name), at) = tag.last()?.clone() else { return None };
        if words.broken || at != (start..end) {
            return None;
        }
        let locals = self.locals(script, &words);
        let before = tag.len().checked_sub(2).and_then(|it| tag.get(it)).map(|it| &it.0);
        let role = match before {
            Some(Word::Pipe) => Role::Filter,
            Some(Word::Dot) => Role::Field,
            Some(Word::Name(it)) if it == "is" => Role::Test,
            None if words.is_block => Role::Keyword,
            _ if KEYWORDS.contains(&name.as_str()) => Role::Keyword,
            _ if locals.iter().any(|it| it.0 == name) => Role::Local,
            _ => Role::Variable,
        };
        let of = match role {
            Role::Field | Role::Variable | Role::Local => self.type_before(&tag, &locals),
            _ => None,
        };
        let first = chain(&tag).and_then(|it| it.into_iter().next()).map(|it| match it {
            Link::Name(name) | Link::Field(name) => name,
            Link::Index => String::new(),
        });
        let depth = chain(&tag).map_or(0, |it| it.len());
        Some(Named {
            name,
            at: at.start + script.at.start..at.end + script.at.start,
            role,
            of,
            root: first.unwrap_or_default(),
            depth,
        })
    }

    /// Returns the names that lists around a script give, and those of the `for` tags that it is in.
    fn locals(&self, script: &Script, words: &Words) -> Vec<(String, Option<Value>)> {
        let mut locals: Vec<(String, Option<Value>)> = Vec::new();
        let mut around = Vec::new();
        let mut next = script.step;
        while let Some(index) = next.filter(|_| around.len() < MOST_DEPTH) {
            around.push(index);
            next = self.steps()[index].parent;
        }
        // From the outside, as an inner list may be a field of an outer one's item.
        for index in around.into_iter().rev() {
            let step = &self.steps()[index];
            let Some(each) = self.step_file(&step.name).and_then(|it| it.for_each.as_ref()) else { continue };
            let own = each.list.as_ref().is_some_and(|it| it.at.start <= script.at.start && script.at.end <= it.at.end);
            if own {
                continue;
            }
            let name = each.item.as_ref().map_or("item", |it| it.value.as_str()).to_owned();
            let list = each.list.as_ref().map_or("", |it| it.value.as_str());
            let list: Vec<Word> = self::words(list, true).tag.unwrap_or_default().into_iter().map(|it| it.0).collect();
            let of = self.type_of(&list, &locals).and_then(|it| types::item(&it));
            locals.push((name, of));
        }
        for (names, iter) in &words.loops {
            let of = self.type_of(iter, &locals).and_then(|it| types::item(&it));
            for name in names {
                let of = of.clone().filter(|_| names.len() == 1);
                locals.push((name.clone(), of));
            }
            locals.push(("loop".to_owned(), self.variable("loop")));
        }
        locals
    }

    /// Returns the type of the names and fields that words end with.
    fn type_before(&self, tag: &[(Word, Range<usize>)], locals: &[(String, Option<Value>)]) -> Option<Value> {
        self.type_of_chain(&chain(tag)?, locals)
    }

    fn type_of_chain(&self, chain: &[Link], locals: &[(String, Option<Value>)]) -> Option<Value> {
        let mut of: Option<Value> = None;
        for link in chain {
            of = Some(match link {
                Link::Name(name) => match locals.iter().rev().find(|it| it.0 == *name) {
                    Some(local) => local.1.clone()?,
                    None => self.variable(name)?,
                },
                Link::Field(name) => types::field(&of?, name)?,
                Link::Index => types::item(&of?)?,
            });
        }
        of
    }

    /// Returns the type of a whole expression, as far as it is names, fields and filters.
    fn type_of(&self, words: &[Word], locals: &[(String, Option<Value>)]) -> Option<Value> {
        let mut parts = words.split(|it| *it == Word::Pipe);
        let first: Vec<(Word, Range<usize>)> = parts.next()?.iter().map(|it| (it.clone(), 0..0)).collect();
        let mut of = self.type_of_chain(&chain(&first)?, locals)?;
        for filter in parts {
            let Some(Word::Name(name)) = filter.first() else { return None };
            of = match name.as_str() {
                "first" | "last" | "min" | "max" => types::item(&of)?,
                "list" | "sort" | "reverse" | "unique" | "select" | "reject" | "selectattr" | "rejectattr"
                | "default" | "d" => of,
                _ => return None,
            };
        }
        Some(of)
    }
}

/// What a name in a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A filter.
    Filter,
    /// A test.
    Test,
    /// A word of the language.
    Keyword,
    /// A name that a `for` gives.
    Local,
    /// A name from outside.
    Variable,
    /// A field.
    Field,
}

/// A name in a script.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where, in bytes of the file.
    pub at: Range<usize>,
    /// What it is.
    pub role: Role,
    /// Its type, where it is known.
    pub of: Option<Value>,
    /// The variable that it is a field of, at any depth.
    pub root: String,
    /// How many names lead to it, itself included.
    pub depth: usize,
}

/// Words of expressions and tags.
pub const KEYWORDS: [&str; 15] =
    ["and", "or", "not", "in", "is", "if", "else", "elif", "endif", "for", "endfor", "true", "false", "none", "range"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    Name(String),
    Field(String),
    Index,
}

/// Returns the names and fields that words end with, first to last.
fn chain(tag: &[(Word, Range<usize>)]) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    let mut at = tag.len();
    loop {
        at = at.checked_sub(1)?;
        match &tag[at].0 {
            Word::Name(name) => {
                if at > 0 && tag[at - 1].0 == Word::Dot {
                    links.push(Link::Field(name.clone()));
                    at -= 1;
                } else {
                    links.push(Link::Name(name.clone()));
                    break;
                }
            }
            Word::Close => {
                let mut depth = 1;
                let end = at;
                while depth > 0 {
                    at = at.checked_sub(1)?;
                    match tag[at].0 {
                        Word::Close => depth += 1,
                        Word::Open => depth -= 1,
                        _ => {}
                    }
                }
                links.push(match &tag[at + 1..end] {
                    [(Word::Text(name), _)] => Link::Field(name.clone()),
                    _ => Link::Index,
                });
            }
            _ => return None,
        }
    }
    links.reverse();
    Some(links)
}

fn quoted_end(rest: &str, quote: &str) -> usize {
    rest.find([quote.chars().next().unwrap_or('"'), '\n']).unwrap_or(0)
}

/// Returns every name that a `for` of a template gives.
pub fn locals_of(source: &str, alone: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut tag: Option<Vec<Word>> = None;
    for token in tokenize(source, alone, SyntaxConfig::default()).take(MOST_TOKENS).map_while(Result::ok) {
        match token.0 {
            Token::BlockStart => tag = Some(Vec::new()),
            Token::BlockEnd => tag = None,
            Token::Ident(name) => {
                if let Some(tag) = &mut tag {
                    if matches!(tag.first(), Some(Word::Name(it)) if it == "for")
                        && !tag.contains(&Word::Name("in".to_owned()))
                        && name != "in"
                    {
                        names.push(name.to_owned());
                    }
                    tag.push(Word::Name(name.to_owned()));
                }
            }
            _ => {}
        }
    }
    names
}
