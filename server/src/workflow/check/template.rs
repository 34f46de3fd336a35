//! What a template or an expression reads, found from its syntax tree without running it.
//!
//! Ranges are bytes of the template; `place` turns them into the file's. The walk recurses, which is safe because `parse`
//! refuses, by counting tokens first, whatever could nest or chain deeply.

use std::ops::Range;

use minijinja::machinery::{
    Span, Token,
    ast::{BinOpKind, CallArg, CompareOpKind, Expr, ForLoop, Stmt},
    parse, parse_expr, tokenize,
};

use crate::workflow::{
    problem::suggest,
    prompt::{self, FILTERS, MORE_FILTERS, TESTS},
};

/// The longest template, in bytes.
pub const MOST_TEMPLATE: usize = 64 * 1024;
/// The longest expression, in bytes.
pub const MOST_EXPRESSION: usize = 2_000;
/// How many `{% %}` tags a template may have. Each `elif` nests one deeper in the parser.
const MOST_TAGS: usize = 200;
/// How many words and signs one tag or expression may have. A chain of operators nests one deeper for each.
const MOST_TOKENS: usize = 300;

/// What a template or an expression does.
#[derive(Debug, Default)]
pub struct Scan {
    /// The variables that come from outside, in order.
    pub reads: Vec<Read>,
    /// What is wrong with it by itself.
    pub faults: Vec<Fault>,
    /// For an expression that reads nothing: whether it is true.
    pub constant: Option<bool>,
    /// Comparisons of `NAME.ATTRIBUTE` with a text.
    pub compared: Vec<Compared>,
    /// For an expression that can only be true from some round on: that round.
    pub from_round: Option<i64>,
}

/// A variable that is read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Range<usize>,
    /// The attribute that is read of it, and where that stands.
    pub attribute: Option<(String, Range<usize>)>,
}

/// A comparison of an attribute with a text.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The variable.
    pub name: String,
    /// Its attribute.
    pub attribute: String,
    /// The text.
    pub with: String,
    /// Where the text stands.
    pub at: Range<usize>,
}

/// Something wrong in a template by itself.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub at: Range<usize>,
    /// Which kind.
    pub code: &'static str,
    /// What.
    pub message: String,
    /// What to do.
    pub mend: String,
}

/// Reads a template.
pub fn template(source: &str) -> Scan {
    let mut walk = Walk { source, scan: Scan::default(), scopes: Vec::new() };
    if walk.fits(false, MOST_TEMPLATE) {
        match parse(source, "prompt", minijinja::syntax::SyntaxConfig::default()) {
            Ok(tree) => walk.statement(&tree),
            Err(error) => walk.syntax(&error),
        }
    }
    walk.scan
}

/// Reads an expression.
pub fn expression(source: &str) -> Scan {
    let mut walk = Walk { source, scan: Scan::default(), scopes: Vec::new() };
    if source.trim().is_empty() {
        walk.fault(0..source.len(), "syntax", "the expression is empty", "write a condition, or remove the field");
        return walk.scan;
    }
    if source.trim_start().starts_with("{{") || source.trim_start().starts_with("{%") {
        let mend = "write the expression alone, without braces";
        walk.fault(0..source.len(), "syntax", "this is a template where an expression must be", mend);
        return walk.scan;
    }
    if walk.fits(true, MOST_EXPRESSION) {
        match parse_expr(source) {
            Ok(tree) => {
                walk.expression(&tree);
                walk.scan.constant = tree.as_const().map(|it| it.is_true());
                walk.scan.from_round = from_round(&tree);
            }
            Err(error) => walk.syntax(&error),
        }
    }
    walk.scan
}

struct Walk<'a> {
    source: &'a str,
    scan: Scan,
    /// Names that loops give, innermost last.
    scopes: Vec<Vec<String>>,
}

impl Walk<'_> {
    /// Returns whether the source is small enough to be parsed; notes why not.
    fn fits(&mut self, alone: bool, most: usize) -> bool {
        if self.source.len() > most {
            self.fault(
                0..1,
                "too-large",
                format!("this is longer than {most} bytes"),
                "make it shorter, or split the step",
            );
            return false;
        }
        let (mut tags, mut tokens) = (0, 0);
        let mut too_much = None;
        for token in tokenize(self.source, alone, minijinja::syntax::SyntaxConfig::default()) {
            // The parser meets the same error, and says more about it.
            let Ok((token, span)) = token else { break };
            tokens += 1;
            match token {
                Token::BlockStart => {
                    tags += 1;
                    tokens = 0;
                }
                Token::VariableStart | Token::TemplateData(_) => tokens = 0,
                _ => {}
            }
            if tags > MOST_TAGS || tokens > MOST_TOKENS {
                too_much = Some(bytes(span));
                break;
            }
        }
        match too_much {
            None => true,
            Some(at) => {
                let message = format!("this has more than {MOST_TAGS} tags, or more than {MOST_TOKENS} words in one");
                self.fault(at, "too-large", message, "make it simpler, or split the step");
                false
            }
        }
    }

    fn syntax(&mut self, error: &minijinja::Error) {
        let told = prompt::error(error);
        let at = told.range.unwrap_or_else(|| {
            let line = told.line.unwrap_or(1).max(1) - 1;
            let start: usize = self.source.split_inclusive('\n').take(line).map(str::len).sum();
            let end = self.source[start..].find('\n').map_or(self.source.len(), |it| start + it);
            start..end
        });
        self.fault(at, "syntax", told.message, "mend the syntax; it is minijinja's, close to Jinja2");
    }

    fn fault(&mut self, at: Range<usize>, code: &'static str, message: impl Into<String>, mend: impl Into<String>) {
        self.scan.faults.push(Fault { at, code, message: message.into(), mend: mend.into() });
    }

    fn statements(&mut self, list: &[Stmt<'_>]) {
        for it in list {
            self.statement(it);
        }
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(it) => self.statements(&it.children),
            Stmt::EmitExpr(it) => self.expression(&it.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(it) => self.for_loop(it, bytes(it.span())),
            Stmt::IfCond(it) => {
                self.expression(&it.expr);
                self.statements(&it.true_body);
                self.statements(&it.false_body);
            }
            Stmt::WithBlock(it) => self.unsupported("with", bytes(it.span())),
            Stmt::Set(it) => self.unsupported("set", bytes(it.span())),
            Stmt::SetBlock(it) => self.unsupported("set", bytes(it.span())),
            Stmt::AutoEscape(it) => self.unsupported("autoescape", bytes(it.span())),
            Stmt::FilterBlock(it) => self.unsupported("filter", bytes(it.span())),
            Stmt::Do(it) => self.unsupported("do", bytes(it.span())),
            // Features of minijinja that are off have no variant; where one is turned on, the parser's tags grow.
            #[allow(unreachable_patterns)]
            _ => self.unsupported("this", 0..1),
        }
    }

    fn unsupported(&mut self, tag: &str, at: Range<usize>) {
        let first = at.start..self.source[at.clone()].find("%}").map_or(at.end, |it| at.start + it);
        let mend = "use `if` and `for`, and filters behind `|`";
        self.fault(first, "unsupported-tag", format!("the language has no `{tag}`"), mend);
    }

    fn for_loop(&mut self, it: &ForLoop<'_>, at: Range<usize>) {
        if it.recursive {
            self.unsupported("for … recursive", at);
            return;
        }
        self.expression(&it.iter);
        let mut names = vec!["loop".to_owned()];
        targets(&it.target, &mut names);
        self.scopes.push(names);
        if let Some(filter) = &it.filter_expr {
            self.expression(filter);
        }
        self.statements(&it.body);
        self.scopes.pop();
        self.statements(&it.else_body);
    }

    fn expression(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Var(it) => self.read(it.id, bytes(it.span()), None),
            Expr::Const(_) => {}
            Expr::GetAttr(it) => {
                let end = bytes(it.span()).end;
                let at = end.saturating_sub(it.name.len())..end;
                self.attribute(&it.expr, it.name, at);
            }
            Expr::GetItem(it) => match &it.subscript_expr {
                Expr::Const(name) if name.value.as_str().is_some() => {
                    let text = name.value.as_str().unwrap_or_default().to_owned();
                    self.attribute(&it.expr, &text, bytes(name.span()));
                }
                subscript => {
                    self.expression(&it.expr);
                    self.expression(subscript);
                }
            },
            Expr::Slice(it) => {
                self.expression(&it.expr);
                for part in [&it.start, &it.stop, &it.step].into_iter().flatten() {
                    self.expression(part);
                }
            }
            Expr::UnaryOp(it) => self.expression(&it.expr),
            Expr::BinOp(it) => {
                self.expression(&it.left);
                self.expression(&it.right);
                if matches!(it.op, BinOpKind::Eq | BinOpKind::Ne) {
                    self.compared(&it.left, &it.right);
                }
            }
            Expr::Compare(it) => {
                self.expression(&it.expr);
                let mut left = &it.expr;
                for op in &it.ops {
                    self.expression(&op.expr);
                    if matches!(op.op, CompareOpKind::Eq | CompareOpKind::Ne) {
                        self.compared(left, &op.expr);
                    }
                    left = &op.expr;
                }
            }
            Expr::IfExpr(it) => {
                self.expression(&it.test_expr);
                self.expression(&it.true_expr);
                if let Some(other) = &it.false_expr {
                    self.expression(other);
                }
            }
            Expr::Filter(it) => {
                if let Some(inner) = &it.expr {
                    self.expression(inner);
                }
                if !prompt::is_filter(it.name) {
                    let after = it.expr.as_ref().map_or(0, |inner| bytes(inner.span()).end);
                    let at = self.name_in(it.name, after..bytes(it.span()).end);
                    let mend = suggest(it.name, FILTERS.iter().chain(&MORE_FILTERS).copied(), "remove it");
                    self.fault(at, "unknown-filter", format!("there is no filter `{}`", it.name), mend);
                }
                self.arguments(&it.args);
            }
            Expr::Test(it) => {
                self.expression(&it.expr);
                if !TESTS.contains(&it.name) {
                    let at = self.name_in(it.name, bytes(it.expr.span()).end..bytes(it.span()).end);
                    let mend = suggest(it.name, TESTS, "remove it");
                    self.fault(at, "unknown-test", format!("there is no test `is {}`", it.name), mend);
                }
                self.arguments(&it.args);
            }
            Expr::Call(it) => {
                let known = match &it.expr {
                    Expr::Var(name) => name.id == "range",
                    Expr::GetAttr(method) => matches!(&method.expr, Expr::Var(name) if name.id == "loop"),
                    _ => false,
                };
                if !known {
                    let at = bytes(it.expr.span());
                    let what = self.source.get(at.clone()).unwrap_or("this").to_owned();
                    let mend = "use a filter behind `|`; the only function is `range`";
                    self.fault(at, "unknown-function", format!("there is no function `{what}`"), mend);
                }
                self.arguments(&it.args);
            }
            Expr::List(it) => it.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(it) => it.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(it) => {
                it.keys.iter().for_each(|item| self.expression(item));
                it.values.iter().for_each(|item| self.expression(item));
            }
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for it in arguments {
            match it {
                CallArg::Pos(it) | CallArg::Kwarg(_, it) | CallArg::PosSplat(it) | CallArg::KwargSplat(it) => {
                    self.expression(it);
                }
            }
        }
    }

    fn attribute(&mut self, of: &Expr<'_>, name: &str, at: Range<usize>) {
        match of {
            Expr::Var(it) => self.read(it.id, bytes(it.span()), Some((name.to_owned(), at))),
            other => self.expression(other),
        }
    }

    fn read(&mut self, name: &str, at: Range<usize>, attribute: Option<(String, Range<usize>)>) {
        if !self.scopes.iter().flatten().any(|it| it == name) {
            self.scan.reads.push(Read { name: name.to_owned(), at, attribute });
        }
    }

    fn compared(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        for (of, with) in [(left, right), (right, left)] {
            if let (Expr::GetAttr(attribute), Expr::Const(text)) = (of, with)
                && let (Expr::Var(name), Some(value)) = (&attribute.expr, text.value.as_str())
                && !self.scopes.iter().flatten().any(|it| it == name.id)
            {
                self.scan.compared.push(Compared {
                    name: name.id.to_owned(),
                    attribute: attribute.name.to_owned(),
                    with: value.to_owned(),
                    at: bytes(text.span()),
                });
            }
        }
    }

    /// Returns where a name stands in a range, or the range.
    fn name_in(&self, name: &str, within: Range<usize>) -> Range<usize> {
        match self.source.get(within.clone()).and_then(|it| it.find(name)) {
            Some(at) => within.start + at..within.start + at + name.len(),
            None => within,
        }
    }
}

/// Returns the names that a loop's target gives.
fn targets(target: &Expr<'_>, names: &mut Vec<String>) {
    match target {
        Expr::Var(it) => names.push(it.id.to_owned()),
        Expr::List(it) => it.items.iter().for_each(|item| targets(item, names)),
        Expr::Tuple(it) => it.items.iter().for_each(|item| targets(item, names)),
        _ => {}
    }
}

/// Returns the first round in which an expression can be true, where it says so: `round == 3`, `round > 2 and …`.
fn from_round(expression: &Expr<'_>) -> Option<i64> {
    match expression {
        Expr::BinOp(it) if matches!(it.op, BinOpKind::ScAnd) => {
            [from_round(&it.left), from_round(&it.right)].into_iter().flatten().max()
        }
        Expr::BinOp(it) => {
            let op = match it.op {
                BinOpKind::Eq => CompareOpKind::Eq,
                BinOpKind::Gt => CompareOpKind::Gt,
                BinOpKind::Gte => CompareOpKind::Gte,
                _ => return None,
            };
            first_round(&it.left, op, &it.right)
        }
        Expr::Compare(it) => match it.ops.as_slice() {
            [only] => first_round(&it.expr, only.op, &only.expr),
            _ => None,
        },
        _ => None,
    }
}

fn first_round(left: &Expr<'_>, op: CompareOpKind, right: &Expr<'_>) -> Option<i64> {
    let (Expr::Var(name), Expr::Const(number)) = (left, right) else { return None };
    let number = number.value.as_i64().filter(|_| name.id == "round")?;
    match op {
        CompareOpKind::Eq | CompareOpKind::Gte => Some(number),
        CompareOpKind::Gt => number.checked_add(1),
        _ => None,
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}
