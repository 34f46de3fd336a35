//! The table of steps: which list each stands in, and what it needs.
//!
//! Knows the order of steps and nothing of what they do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, by_name};
use crate::{
    outcome::ResultKind,
    workflow::{
        file::{At, File, InputFile, RoleFile, StepFile},
        plan::Plan,
        problem::suggest,
    },
};

/// The most steps of a workflow, at all depths together.
pub const MOST_STEPS: usize = 200;
/// The most decisions of an operator before a person is asked.
pub const MOST_DECISIONS: i64 = 100;
/// The most rounds of a loop before a person is asked.
pub const MOST_ROUNDS: i64 = 20;

/// What the check knows of a step.
pub struct Row<'a> {
    /// The step.
    pub step: &'a StepFile,
    /// The row of the loop that it stands in.
    pub parent: Option<usize>,
    /// Its place in its list.
    pub order: usize,
    /// The rows that it needs, and those that they need, and so on: all of its own list.
    pub needs: BTreeSet<usize>,
    /// The rounds of the innermost loop around it; 1 outside.
    pub rounds: i64,
}

/// Every step of a file.
pub struct Table<'a> {
    /// One for each, parents before their children.
    pub rows: Vec<Row<'a>>,
    /// The first step of each name.
    pub by_id: BTreeMap<&'a str, usize>,
    /// The inputs by name.
    pub inputs: BTreeMap<&'a str, &'a InputFile>,
    /// The roles by name.
    pub roles: BTreeMap<&'a str, &'a RoleFile>,
    /// The workflows that steps do, by the steps' rows; those that are not good are left out.
    pub nested: BTreeMap<usize, Plan>,
}

impl<'a> Table<'a> {
    /// Starts with the names of a file.
    pub fn new(file: &'a File) -> Self {
        Self {
            rows: Vec::new(),
            by_id: BTreeMap::new(),
            inputs: by_name(&file.inputs),
            roles: by_name(&file.roles),
            nested: BTreeMap::new(),
        }
    }

    /// Gives each step its row, parents before their children. `None` where there are too many.
    pub fn fill(&mut self, checker: &mut Checker<'_>, steps: &'a [StepFile], parent: Option<usize>) -> Option<()> {
        let rounds = parent.map_or(1, |row| match &self.rows[row].step.repeat {
            Some(repeat) => repeat.max.as_ref().map_or(MOST_ROUNDS, |it| it.value),
            None => self.rows[row].rounds,
        });
        for (order, step) in steps.iter().enumerate() {
            if self.rows.len() >= MOST_STEPS {
                let message = format!("the workflow has more than {MOST_STEPS} steps");
                checker.problems.error(&step.at, "too-large", message, "split the workflow");
                return None;
            }
            let row = self.rows.len();
            self.rows.push(Row { step, parent, order, needs: BTreeSet::new(), rounds });
            if let Some(id) = &step.id {
                checker.word(id, "a step's id");
                if let Some(first) = self.by_id.get(id.value.as_str()) {
                    let line = self.rows[*first].step.id.as_ref().map_or(0, |it| checker.problems.span(&it.at).line);
                    let message = format!("two steps are called `{}`; the first is on line {line}", id.value);
                    checker.problems.error(&id.at, "duplicate-id", message, "give this one another name");
                } else {
                    self.by_id.insert(&id.value, row);
                }
            }
            self.fill(checker, step.inner(), Some(row))?;
        }
        Some(())
    }

    /// Checks every `needs`, and closes them over what the needed steps need.
    pub fn find_needs(&mut self, checker: &mut Checker<'_>) {
        let mut direct: Vec<Vec<usize>> = vec![Vec::new(); self.rows.len()];
        for (row, found) in direct.iter_mut().enumerate() {
            for need in &self.rows[row].step.needs {
                match self.by_id.get(need.value.as_str()) {
                    None => {
                        let near = self.before(row);
                        let mend = suggest(&need.value, near, "no step stands above it; remove the need");
                        let message = format!("there is no step `{}`", need.value);
                        checker.problems.error(&need.at, "unknown-step", message, mend);
                    }
                    Some(other) => self.need(checker, row, *other, need, found),
                }
            }
        }
        self.find_cycles(checker, &direct);
        for (row, needs) in direct.iter().enumerate() {
            // Rows of one list stand in its order, so what a step needs is closed before it is.
            let above: Vec<usize> = needs.iter().copied().filter(|need| *need < row).collect();
            let further: BTreeSet<usize> =
                above.iter().flat_map(|need| self.rows[*need].needs.iter().copied()).collect();
            self.rows[row].needs = above.into_iter().chain(further).collect();
        }
    }

    fn need(&self, checker: &mut Checker<'_>, row: usize, other: usize, need: &At<String>, found: &mut Vec<usize>) {
        let name = &need.value;
        if self.rows[other].parent != self.rows[row].parent {
            let (message, mend) = if self.is_inside(other, row) {
                (
                    format!("`{name}` is inside this very step"),
                    "remove the need: a loop waits for its own steps".to_owned(),
                )
            } else if self.is_inside(row, other) {
                (
                    format!("this step is inside `{name}`"),
                    "remove the need: the loop has begun when its steps start".to_owned(),
                )
            } else if let Some(top) = self.sibling_of(row, other) {
                let top = self.rows[top].step.name();
                (format!("`{name}` is inside another loop"), format!("need the loop itself: `needs: [{top}]`"))
            } else {
                let inner = "put the need on the loop that holds this step";
                (format!("`{name}` is outside the loop that this step is in"), inner.to_owned())
            };
            checker.problems.error(&need.at, "need-elsewhere", message, mend);
            return;
        }
        if found.contains(&other) {
            checker.problems.warning(&need.at, "twice", format!("`{name}` is needed twice"), "remove one");
            return;
        }
        found.push(other);
    }

    /// Tells needs that go round in a circle, and those of a later step.
    fn find_cycles(&self, checker: &mut Checker<'_>, direct: &[Vec<usize>]) {
        for (row, needs) in direct.iter().enumerate() {
            for need in needs {
                // Every circle has a need that points down the list; told once, at that need.
                if self.rows[*need].order < self.rows[row].order {
                    continue;
                }
                let step = self.rows[row].step;
                let name = self.rows[*need].step.name();
                let at = step.needs.iter().find(|it| it.value == name).map_or(step.at.clone(), |it| it.at.clone());
                if let Some(path) = way(direct, *need, row) {
                    let names: Vec<&str> =
                        path.iter().chain(path.first()).map(|it| self.rows[*it].step.name()).collect();
                    let message = if *need == row {
                        "this step needs itself".to_owned()
                    } else {
                        format!("these steps need each other: {}", names.join(" needs "))
                    };
                    checker.problems.error(
                        &at,
                        "cycle",
                        message,
                        "remove one of the needs; for another try, use `repeat`",
                    );
                } else {
                    checker.problems.error(
                        &at,
                        "later-need",
                        format!("`{name}` stands below this step"),
                        format!("write `{name}` above this step: a step needs what stands above it"),
                    );
                }
            }
        }
    }

    /// Returns the names of the steps of its list that stand above a step.
    fn before(&self, row: usize) -> Vec<&'a str> {
        let it = &self.rows[row];
        let same = self.rows.iter().filter(|other| other.parent == it.parent && other.order < it.order);
        same.map(|other| other.step.name()).filter(|name| !name.is_empty()).collect()
    }

    /// Returns whether `row` stands inside the loop `outer`, at any depth.
    pub fn is_inside(&self, row: usize, outer: usize) -> bool {
        self.ancestors(row).skip(1).any(|it| it == outer)
    }

    /// Returns the step itself and the loops around it, innermost first.
    pub fn ancestors(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(row), |it| self.rows[*it].parent)
    }

    /// Returns whether a step stands in the list of a loop itself: then what the last round left is in its sight.
    pub fn is_in_loop(&self, row: usize) -> bool {
        self.rows[row].parent.is_some_and(|it| self.rows[it].step.repeat.is_some())
    }

    /// Returns whether several agents play the role of a step.
    pub fn is_shared(&self, row: usize) -> bool {
        let role = self.rows[row].step.role.as_ref().and_then(|it| self.roles.get(it.value.as_str()));
        role.is_some_and(|it| it.agents.is_some())
    }

    /// Returns whether a step gives a list where `reader` reads it: one value for each item that the two do not share, or for
    /// each of several agents whose results can't be put together.
    pub fn is_list(&self, row: usize, reader: usize) -> bool {
        let shared: Vec<usize> = self.ancestors(reader).collect();
        self.ancestors(row).any(|it| self.rows[it].step.for_each.is_some() && !shared.contains(&it))
            || self.is_unmerged(row)
    }

    /// Returns whether several agents do a step, and their results stay apart.
    pub fn is_unmerged(&self, row: usize) -> bool {
        self.is_shared(row) && super::steps::result_of(self.rows[row].step) != ResultKind::Review
    }

    /// Returns the loop that holds `other` and stands in the same list as `row`.
    fn sibling_of(&self, row: usize, other: usize) -> Option<usize> {
        self.ancestors(other).find(|it| self.rows[*it].parent == self.rows[row].parent)
    }
}

/// Returns the rows from `from` along needs to `to`, both included and `to` first, where there is a way.
fn way(direct: &[Vec<usize>], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut came: BTreeMap<usize, Option<usize>> = BTreeMap::from([(from, None)]);
    let mut open = vec![from];
    while let Some(row) = open.pop() {
        if row == to {
            // Back from `to`, so the rows come out against the needs; turned round they read "a needs b needs c".
            let back: Vec<usize> = std::iter::successors(Some(to), |it| came.get(it).copied().flatten()).collect();
            let mut path = vec![to];
            path.extend(back.into_iter().skip(1).rev());
            return Some(path);
        }
        for next in &direct[row] {
            if !came.contains_key(next) {
                came.insert(*next, Some(row));
                open.push(*next);
            }
        }
    }
    None
}
