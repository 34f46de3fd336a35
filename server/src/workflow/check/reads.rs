//! What a step may read: inputs that there are, and results of steps that are surely over.
//!
//! A result is in reach where the step needs the one that makes it, directly or through others, or where both stand in one
//! loop: there, what the last round left is in sight of every step of the next.

use std::ops::Range;

use super::{
    Checker,
    place::Map,
    steps::result_of,
    table::Table,
    template::{self, Compared, Read, Scan},
};
use crate::{
    ids::StepId,
    outcome::ResultKind,
    workflow::{
        file::At,
        plan::{Action, Over, Plan},
        problem::suggest,
        prompt::ALWAYS,
    },
};

/// Which of a step's expressions reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// One that is looked at before the step runs, and before its list is met.
    Step,
    /// One that is looked at when the step runs, for each item of its list.
    Body,
    /// The `until` of a loop, looked at when its steps are over.
    Until,
}

/// Checks a template of a step.
pub fn template(checker: &mut Checker<'_>, table: &Table<'_>, row: usize, source: &At<String>) -> Scan {
    let scan = template::template(&source.value);
    Reader { checker, table, row, from: From::Body, map: None, source }.tell(&scan);
    scan
}

/// Checks the prompt of a part's operator, which sees what the steps of its part came to.
pub fn template_of_part(checker: &mut Checker<'_>, table: &Table<'_>, row: usize, source: &At<String>) -> Scan {
    let scan = template::template(&source.value);
    Reader { checker, table, row, from: From::Until, map: None, source }.tell(&scan);
    scan
}

/// Checks an expression of a step.
pub fn expression(checker: &mut Checker<'_>, table: &Table<'_>, row: usize, source: &At<String>, from: From) -> Scan {
    let scan = template::expression(&source.value);
    Reader { checker, table, row, from, map: None, source }.tell(&scan);
    scan
}

/// Returns whether `other` stands in a loop that `row` needs.
pub fn from_inside_a_needed_loop(table: &Table<'_>, row: usize, other: usize) -> bool {
    table.ancestors(other).skip(1).any(|it| table.rows[row].needs.contains(&it))
}

/// Returns what to do where `row` uses the result of `other` and does not need it.
pub fn mend_need(table: &Table<'_>, row: usize, other: usize) -> String {
    let Some((mine, theirs)) = meet(table, row, other) else {
        return format!("read a step that `{}` needs", table.rows[row].step.name());
    };
    let (mine_row, theirs_row) = (&table.rows[mine], &table.rows[theirs]);
    let theirs = theirs_row.step.name();
    if theirs_row.order > mine_row.order {
        return format!("write `{theirs}` above `{}`, and add `needs: [{theirs}]` to it", mine_row.step.name());
    }
    let needs: Vec<&str> = mine_row.step.needs.iter().map(|it| it.value.as_str()).chain([theirs]).collect();
    format!("write `needs: [{}]` on `{}`", needs.join(", "), mine_row.step.name())
}

/// Returns the two steps of one list that `row` and `other` are, or stand in.
fn meet(table: &Table<'_>, row: usize, other: usize) -> Option<(usize, usize)> {
    table.ancestors(row).find_map(|mine| {
        let theirs = table.ancestors(other).find(|it| table.rows[*it].parent == table.rows[mine].parent)?;
        Some((mine, theirs))
    })
}

/// Returns whether the result of `other` is surely settled (there, skipped, or the last round's) where `row` reads it.
fn in_reach(table: &Table<'_>, row: usize, from: From, other: usize) -> bool {
    if from == From::Until && table.is_inside(other, row) {
        return true;
    }
    // A loop's `when` is looked at before its steps run.
    if table.is_inside(other, row) {
        return table.is_in_loop(row);
    }
    let Some((mine, theirs)) = meet(table, row, other) else { return false };
    table.is_in_loop(mine) || table.rows[mine].needs.contains(&theirs)
}

/// Returns the steps whose results can be read there.
pub fn in_sight<'a>(table: &Table<'a>, row: usize, from: From) -> Vec<&'a str> {
    let is_there = |other: usize| table.rows[other].step.repeat.is_none() && in_reach(table, row, from, other);
    table.by_id.iter().filter(|it| is_there(*it.1)).map(|it| *it.0).collect()
}

struct Reader<'a, 'b, 'c> {
    checker: &'a mut Checker<'b>,
    table: &'a Table<'c>,
    row: usize,
    from: From,
    /// Made at the first problem: most templates have none.
    map: Option<Map>,
    source: &'a At<String>,
}

impl Reader<'_, '_, '_> {
    fn tell(&mut self, scan: &Scan) {
        for fault in &scan.faults {
            self.error(&fault.at, fault.code, fault.message.clone(), fault.mend.clone());
        }
        for read in &scan.reads {
            self.read(read);
        }
        for compared in &scan.compared {
            self.compared(compared);
        }
    }

    fn read(&mut self, read: &Read) {
        match read.name.as_str() {
            "inputs" => {
                let known: Vec<&str> = self.table.inputs.keys().copied().collect();
                self.named(read, &known, "input", "unknown-input", "add it under `inputs:`");
            }
            "roles" => {
                let known: Vec<&str> = self.table.roles.keys().copied().collect();
                self.named(read, &known, "role", "unknown-role", "add it under `roles:`");
            }
            "run" => {
                self.named(read, &["id", "workflow", "changed"], "value of `run`", "unknown-attribute", "remove it");
            }
            "round" => {}
            name if self.items().contains(&name) => {}
            name => {
                if let Some(other) = self.table.by_id.get(name).copied() {
                    self.step(read, other);
                } else {
                    self.unknown(read);
                }
            }
        }
    }

    /// Returns the names of the items of the lists around the reader.
    fn items(&self) -> Vec<&str> {
        let skip = usize::from(self.from == From::Step);
        let lists =
            self.table.ancestors(self.row).skip(skip).filter_map(|it| self.table.rows[it].step.for_each.as_ref());
        lists.map(|it| it.item.as_ref().map_or("item", |it| &it.value)).collect()
    }

    fn unknown(&mut self, read: &Read) {
        let name = read.name.as_str();
        let known: Vec<&str> =
            self.reachable_names().into_iter().chain(ALWAYS.map(|it| it.0)).chain(self.items()).collect();
        let mend = if self.table.inputs.contains_key(name) {
            format!("write `inputs.{name}`")
        } else {
            suggest(name, known, "remove it")
        };
        self.error(&read.at, "unknown-variable", format!("there is no `{name}` here"), mend);
    }

    /// Checks `inputs.NAME` and the like.
    fn named(&mut self, read: &Read, known: &[&str], what: &str, code: &'static str, none: &str) {
        if let Some((name, at)) = &read.attribute
            && !known.contains(&name.as_str())
        {
            let mend = suggest(name, known.iter().copied(), none);
            self.error(at, code, format!("there is no {what} `{name}`"), mend);
        }
    }

    fn step(&mut self, read: &Read, other: usize) {
        let target = &self.table.rows[other];
        let name = &read.name;
        if target.step.repeat.as_ref().is_some_and(|it| it.operator.is_none()) {
            let last = target.step.inner().last().map_or("", |it| it.name());
            let mend = format!("read a step of the loop, such as `{last}`");
            self.error(&read.at, "no-result", format!("the loop `{name}` has no result of its own"), mend);
            return;
        }
        if !self.in_reach(other) {
            let (message, mend) = if other == self.row {
                (format!("`{name}` reads its own result before it has one"), "read a step that it needs".to_owned())
            } else if self.table.is_inside(other, self.row) {
                (
                    format!("`{name}` runs inside this loop, which has not begun"),
                    "read it in `until`, or in the loop".to_owned(),
                )
            } else {
                let message = format!("`{name}` may not have run here: this step does not need it");
                (message, mend_need(self.table, self.row, other))
            };
            self.error(&read.at, "not-needed", message, mend);
        }
        if let Some((_, at)) = &read.attribute
            && self.table.is_list(other, self.row)
        {
            let mend = format!("go through it: `{{% for it in {name} %}}…{{% endfor %}}`, or take `{name}[0]`");
            self.error(at, "list", format!("`{name}` is a list here, one result for each"), mend);
            return;
        }
        if let Some((attribute, at)) = &read.attribute
            && let Some(known) = self.shape(other)
            && !known.contains(&attribute.as_str())
        {
            let mend = suggest(attribute, known.iter().copied(), "remove it");
            self.error(at, "unknown-attribute", format!("the result of `{name}` has no `{attribute}`"), mend);
        }
    }

    fn in_reach(&self, other: usize) -> bool {
        in_reach(self.table, self.row, self.from, other)
    }

    fn reachable_names(&self) -> Vec<&str> {
        in_sight(self.table, self.row, self.from)
    }

    /// Returns the attributes of a step's result, where its form is known.
    fn shape(&self, row: usize) -> Option<Vec<&'static str>> {
        let table = self.table;
        let step = table.rows[row].step;
        if step.damaged {
            return None;
        }
        if let Some(group) = &step.steps {
            let last = group.steps.last()?;
            return self.shape(*table.by_id.get(last.name())?).filter(|_| last.for_each.is_none());
        }
        if step.workflow.is_some() {
            let plan = table.nested.get(&row)?;
            return shape_in(plan, plan.result.as_ref()?);
        }
        let Some(pause) = &step.pause else { return Some(attributes(&result_of(step)).to_vec()) };
        let mut all = vec!["decision", "note"];
        if let Some(show) = &pause.show {
            all.extend(self.shape(*table.by_id.get(show.value.as_str()).filter(|it| **it != row)?)?);
        }
        Some(all)
    }

    /// Tells a verdict that no result has.
    fn compared(&mut self, compared: &Compared) {
        let Some(row) = self.table.by_id.get(compared.name.as_str()) else { return };
        let step = self.table.rows[*row].step;
        let known: &[&str] = match (result_of(step), compared.attribute.as_str()) {
            _ if step.damaged || step.pause.is_some() || step.repeat.is_some() => return,
            _ if step.steps.is_some() || step.workflow.is_some() => return,
            (ResultKind::Review, "verdict") => &["approved", "changes_requested"],
            (ResultKind::Tests, "verdict") => &["passed", "failed", "none"],
            _ => return,
        };
        if !known.contains(&compared.with.as_str()) {
            let mend = suggest(&compared.with, known.iter().copied(), "remove the comparison");
            let message = format!("the verdict of `{}` is never {:?}", compared.name, compared.with);
            self.error(&compared.at, "unknown-verdict", message, mend);
        }
    }

    fn error(&mut self, at: &Range<usize>, code: &'static str, message: String, mend: String) {
        let text = self.checker.text;
        let source = self.source;
        let at = self.map.get_or_insert_with(|| Map::new(source, text)).range(at);
        self.checker.problems.error(&at, code, message, mend);
    }
}

/// Returns the attributes of a step's result in a checked workflow, where it has one of its own.
fn shape_in(plan: &Plan, id: &StepId) -> Option<Vec<&'static str>> {
    let step = plan.all_steps().into_iter().find(|it| it.id == *id)?;
    let turn = match &step.action {
        Action::Each(each) => match (&each.over, &each.body.action) {
            (Over::Role(_), Action::Turn(turn)) if turn.result == ResultKind::Review => turn,
            _ => return None,
        },
        Action::Turn(turn) => turn,
        Action::Nested(nested) => return shape_in(plan, nested.result.as_ref()?),
        Action::Pause(_) | Action::Repeat(_) | Action::Group(_) => return None,
    };
    Some(attributes(&turn.result).to_vec())
}

/// Returns the attributes that a result of this form has in expressions.
pub fn attributes(kind: &ResultKind) -> &'static [&'static str] {
    match kind {
        ResultKind::Text => &["text"],
        ResultKind::Review => &["verdict", "summary", "findings", "contested", "all", "declined"],
        ResultKind::Change => &["summary", "files", "fixed", "declined"],
        ResultKind::Tests => &["verdict", "summary", "passed", "failed", "failures"],
        ResultKind::Plan => &["summary", "steps"],
        ResultKind::Json(_) => &["value"],
    }
}
