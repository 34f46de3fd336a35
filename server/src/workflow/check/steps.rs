//! Steps: their shape, their order, and what each may do.
//!
//! First every step gets a row in a table that knows its list and what it needs; then each is checked with the whole table
//! in sight, and made into the plan's step.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, by_name, reads};
use crate::{
    ids::{AgentName, StepId},
    outcome::{FailureClass, ResultKind},
    workflow::{
        file::{
            At, FailureFile, File, InputFile, OnFailureFile, PauseFile, RESULTS, RepeatFile, ResultFile, RoleFile,
            StepFile,
        },
        plan::{Action, FailureAction, FailurePolicy, PauseAction, RepeatAction, Step, TurnAction, Who},
        problem::suggest,
    },
};

/// The most steps of a workflow, at all depths together.
pub const MOST_STEPS: usize = 200;
/// The most rounds of a loop before a person is asked.
pub const MOST_ROUNDS: i64 = 20;

/// Checks the steps of a file, and the roles' use. `None` where the table could not be made.
pub fn check(checker: &mut Checker<'_>, file: &File) -> Option<Vec<Step>> {
    let mut table = Table::new(file);
    table.fill(checker, &file.steps, None)?;
    table.find_needs(checker);
    let mut maker = Maker { checker, table: &table, used_roles: BTreeSet::new() };
    let steps = maker.list(&file.steps, None);
    let used = maker.used_roles;
    for (name, _) in &file.roles {
        if !used.contains(name.value.as_str()) {
            let message = format!("no step uses the role `{}`", name.value);
            checker.problems.warning(&name.at, "unused-role", message, "remove it, or give a step `role:` with it");
        }
    }
    Some(steps)
}

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
    pub rows: Vec<Row<'a>>,
    /// The first step of each name.
    pub by_id: BTreeMap<&'a str, usize>,
    pub inputs: BTreeMap<&'a str, &'a InputFile>,
    pub roles: BTreeMap<&'a str, &'a RoleFile>,
}

impl<'a> Table<'a> {
    fn new(file: &'a File) -> Self {
        Self { rows: Vec::new(), by_id: BTreeMap::new(), inputs: by_name(&file.inputs), roles: by_name(&file.roles) }
    }

    /// Gives each step its row, parents before their children. `None` where there are too many.
    fn fill(&mut self, checker: &mut Checker<'_>, steps: &'a [StepFile], parent: Option<usize>) -> Option<()> {
        let rounds = parent.map_or(1, |it| {
            self.rows[it].step.repeat.as_ref().and_then(|it| it.max.as_ref()).map_or(MOST_ROUNDS, |it| it.value)
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
    fn find_needs(&mut self, checker: &mut Checker<'_>) {
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

/// Makes the plan's steps.
struct Maker<'a, 'b, 'c> {
    checker: &'a mut Checker<'b>,
    table: &'a Table<'c>,
    used_roles: BTreeSet<String>,
}

impl Maker<'_, '_, '_> {
    fn list(&mut self, steps: &[StepFile], parent: Option<usize>) -> Vec<Step> {
        let table = self.table;
        let rows = table.rows.iter().enumerate().filter(|(_, row)| row.parent == parent);
        debug_assert_eq!(rows.clone().count(), steps.len(), "the table has every step");
        rows.filter_map(|(row, _)| self.step(row)).collect()
    }

    fn step(&mut self, row: usize) -> Option<Step> {
        let step = self.table.rows[row].step;
        let title = self.checker.line(step.title.as_ref(), "title", super::MOST_LINE);
        if let Some(when) = &step.when {
            let scan = reads::expression(self.checker, self.table, row, when, reads::From::Step);
            self.reachable(row, when, &scan);
        }
        let action = self.action(row);
        let on_failure = self.policy(step);
        let ids = |it: &[At<String>]| it.iter().filter_map(|it| it.value.parse().ok()).collect::<Vec<StepId>>();
        Some(Step {
            id: step.id.as_ref()?.value.parse().ok()?,
            title,
            needs: ids(&step.needs),
            when: step.when.as_ref().map(|it| it.value.clone()),
            action: action?,
            on_failure,
        })
    }

    fn action(&mut self, row: usize) -> Option<Action> {
        let step = self.table.rows[row].step;
        let does: Vec<(&str, &std::ops::Range<usize>)> = [
            step.role.as_ref().map(|it| ("role", &it.at)),
            step.tool.as_ref().map(|it| ("tool", &it.at)),
            step.pause.as_ref().map(|it| ("pause", &it.at)),
            step.repeat.as_ref().map(|it| ("repeat", &it.at)),
        ]
        .into_iter()
        .flatten()
        .collect();
        match does.as_slice() {
            [] => {
                let at = step.id.as_ref().map_or(&step.at, |it| &it.at);
                let mend = "add one of `role`, `tool`, `pause` and `repeat`";
                self.checker.problems.error(at, "no-action", "this step does nothing", mend);
                return None;
            }
            [_] => {}
            [(first, _), (second, at), ..] => {
                let message = format!("this step has both `{first}` and `{second}`");
                self.checker.problems.error(
                    at,
                    "two-actions",
                    message,
                    "keep one, and make a step of its own for the other",
                );
            }
        }
        if let Some(pause) = &step.pause {
            self.no_turn_fields(step, "a pause");
            return Some(Action::Pause(self.pause(row, pause)));
        }
        if let Some(repeat) = &step.repeat {
            self.no_turn_fields(step, "a repeat");
            return self.repeat(row, repeat).map(Action::Repeat);
        }
        self.turn(row).map(Action::Turn)
    }

    /// A pause and a repeat take no turn, so what belongs to a turn is a mistake there.
    fn no_turn_fields(&mut self, step: &StepFile, what: &str) {
        let fields = [
            ("result", step.result.as_ref().map(|it| &it.at)),
            ("prompt", step.prompt.as_ref().map(|it| &it.at)),
            ("paths", step.paths.as_ref().map(|it| &it.at)),
            ("findings", step.findings.as_ref().map(|it| &it.at)),
            ("time", step.time.as_ref().map(|it| &it.at)),
            ("on-failure", step.on_failure.as_ref().map(|it| &it.at)),
        ];
        for (field, at) in fields {
            if let Some(at) = at {
                let message = format!("`{field}` belongs to a turn, and {what} takes none");
                self.checker.problems.error(
                    at,
                    "no-turn",
                    message,
                    "remove it, or move it to a step with `role` or `tool`",
                );
            }
        }
    }

    fn turn(&mut self, row: usize) -> Option<TurnAction> {
        let step = self.table.rows[row].step;
        let result = self.result(step);
        let who = match (&step.role, &step.tool) {
            (Some(role), _) => {
                self.used_roles.insert(role.value.clone());
                self.role(step, role, &result)
            }
            (None, Some(tool)) => self.checker.name::<AgentName>(tool).map(Who::Agent),
            (None, None) => None,
        };
        let problems = &mut self.checker.problems;
        match (&step.prompt, &step.role) {
            (Some(prompt), _) if prompt.value.trim().is_empty() => {
                problems.error(&prompt.at, "empty", "the prompt is empty", "say what the agent has to do");
            }
            (Some(prompt), _) => {
                reads::template(self.checker, self.table, row, prompt);
            }
            (None, Some(role)) => {
                let mend = "say what the agent has to do under `prompt: |`";
                problems.error(&role.at, "missing", "this turn has no `prompt`", mend);
            }
            (None, None) => {}
        }
        let prompt = step.prompt.as_ref().map(|it| it.value.clone()).unwrap_or_default();
        let mut value = |it: &Option<At<String>>| {
            let it = it.as_ref()?;
            reads::expression(self.checker, self.table, row, it, reads::From::Step);
            Some(it.value.clone())
        };
        let (paths, findings) = (value(&step.paths), value(&step.findings));
        let time = step.time.as_ref().and_then(|it| self.checker.duration(it, "time", 1_000, 24 * 3_600_000));
        Some(TurnAction { who: who?, result, prompt, paths, findings, time })
    }

    fn role(&mut self, step: &StepFile, role: &At<String>, result: &ResultKind) -> Option<Who> {
        let Some(file) = self.table.roles.get(role.value.as_str()) else {
            let known = self.table.roles.keys().copied();
            let mend = suggest(&role.value, known, "add it under `roles:`, or use `tool:` for a tool agent");
            self.checker.problems.error(&role.at, "unknown-role", format!("there is no role `{}`", role.value), mend);
            return None;
        };
        let access = file.access.as_ref().map_or("read", |it| it.value.as_str());
        if *result == ResultKind::Change && access == "read" {
            let at = step.result.as_ref().map_or(&role.at, |it| &it.at);
            let message = format!("a change needs a role that may write, and `{}` may only read", role.value);
            let mend = format!("write `access: write` below the role `{}`", role.value);
            self.checker.problems.error(at, "read-only", message, mend);
        }
        role.value.parse().ok().map(Who::Role)
    }

    fn result(&mut self, step: &StepFile) -> ResultKind {
        let Some(result) = &step.result else { return default_result(step) };
        match &result.value {
            ResultFile::Named(name) => kind_named(name).unwrap_or_else(|| {
                let mend = suggest(name, RESULTS, "remove it");
                let message = format!("{name:?} is not a form of result");
                self.checker.problems.error(
                    &result.at,
                    "unknown-result",
                    message,
                    format!("{mend} (or `json:` with a JSON Schema)"),
                );
                ResultKind::Text
            }),
            ResultFile::Schema(schema) => ResultKind::Json(schema.clone()),
        }
    }

    fn pause(&mut self, row: usize, pause: &PauseFile) -> PauseAction {
        if let Some(message) = &pause.message {
            reads::template(self.checker, self.table, row, message);
        }
        let show = pause.show.as_ref().and_then(|show| self.shown(row, show));
        if pause.show.is_none() && pause.message.is_none() {
            let mend = "add `show:` with a step whose result is to be approved, or `message:` with a question";
            self.checker.problems.error(&pause.at, "missing", "this pause asks nothing", mend);
        }
        let message = match (&pause.message, &pause.show) {
            (Some(message), _) => message.value.clone(),
            (None, Some(show)) => format!("Go on with the result of `{}`?", show.value),
            (None, None) => String::new(),
        };
        PauseAction { show, message }
    }

    fn shown(&mut self, row: usize, show: &At<String>) -> Option<StepId> {
        let table = self.table;
        let Some(other) = table.by_id.get(show.value.as_str()).copied() else {
            let mend = suggest(&show.value, table.by_id.keys().copied(), "remove it");
            let message = format!("there is no step `{}`", show.value);
            self.checker.problems.error(&show.at, "unknown-step", message, mend);
            return None;
        };
        if table.rows[other].step.pause.is_some() || table.rows[other].step.repeat.is_some() {
            let message = format!("`{}` takes no turn, so it has no result to show", show.value);
            self.checker.problems.error(&show.at, "no-result", message, "show a step with `role` or `tool`");
        } else if table.ancestors(row).skip(1).any(|it| !table.is_inside(other, it)) {
            let message = format!("`{}` stands outside the loop that this pause is in", show.value);
            self.checker.problems.error(
                &show.at,
                "need-elsewhere",
                message,
                "move the pause out of the loop, or show a step of it",
            );
        } else if !table.rows[row].needs.contains(&other) && !reads::from_inside_a_needed_loop(table, row, other) {
            let message = format!("`{}` is shown before it has run", show.value);
            let mend = reads::mend_need(table, row, other);
            self.checker.problems.error(&show.at, "not-needed", message, mend);
        }
        show.value.parse().ok()
    }

    fn repeat(&mut self, row: usize, repeat: &RepeatFile) -> Option<RepeatAction> {
        if repeat.until.is_none() {
            let mend = "add `until:` with the condition that ends the loop";
            self.checker.problems.error(&repeat.at, "no-bound", "this repeat has no `until`", mend);
        }
        if repeat.max.is_none() {
            let mend =
                format!("add `max:` with a number from 1 to {MOST_ROUNDS}: after so many rounds a person is asked");
            self.checker.problems.error(&repeat.at, "no-bound", "this repeat has no `max`", mend);
        }
        let max = repeat.max.as_ref().and_then(|it| self.checker.between(it, "max", 1, MOST_ROUNDS));
        if let Some(until) = &repeat.until {
            let scan = reads::expression(self.checker, self.table, row, until, reads::From::Until);
            let table = self.table;
            let of_loop = scan.reads.iter().any(|it| {
                it.name == "round"
                    || table.by_id.get(it.name.as_str()).is_some_and(|other| table.is_inside(*other, row))
            });
            if !of_loop && scan.faults.is_empty() {
                self.checker.problems.warning(
                    &until.at,
                    "never-changes",
                    "`until` reads nothing that the loop does, so it never changes",
                    "read the result of a step of the loop, such as `review.verdict == \"approved\"`",
                );
            }
        }
        let steps = self.list(&repeat.steps, Some(row));
        let max = u32::try_from(max?).ok()?;
        Some(RepeatAction { steps, until: repeat.until.as_ref()?.value.clone(), max })
    }

    /// Tells a step that can never run.
    fn reachable(&mut self, row: usize, when: &At<String>, scan: &super::template::Scan) {
        let rounds = self.table.rows[row].rounds;
        let late = scan.from_round.is_some_and(|it| it > rounds);
        let why = match (scan.constant, scan.from_round) {
            (Some(false), _) => "its `when` is always false".to_owned(),
            (_, Some(round)) if late => format!("it waits for round {round}, and there are {rounds}"),
            _ => return,
        };
        // A gate that nobody meets is worse than a step that nobody runs.
        if self.table.rows[row].step.pause.is_some() {
            let message = format!("this pause is never reached: {why}");
            self.checker.problems.error(&when.at, "unreachable", message, "mend the condition, or remove the pause");
        } else {
            let message = format!("this step never runs: {why}");
            self.checker.problems.warning(&when.at, "unreachable", message, "mend the condition, or remove the step");
        }
    }

    fn policy(&mut self, step: &StepFile) -> FailurePolicy {
        let mut policy = FailurePolicy::default();
        let Some(written) = &step.on_failure else { return policy };
        match &written.value {
            OnFailureFile::All(action) => policy.otherwise = self.failure(action),
            OnFailureFile::Classes(classes) => {
                for (name, action) in classes {
                    let does = self.failure(&action.value);
                    if name.value == "otherwise" {
                        policy.otherwise = does;
                    } else if let Some(class) = FailureClass::ALL.iter().find(|it| it.name() == name.value) {
                        policy.classes.insert(*class, does);
                    } else {
                        let known = FailureClass::ALL.iter().map(|it| it.name()).chain(["otherwise"]);
                        let mend = suggest(&name.value, known, "remove it");
                        let message = format!("{:?} is not a class of failure", name.value);
                        self.checker.problems.error(&name.at, "unknown-class", message, mend);
                    }
                }
            }
        }
        policy
    }

    fn failure(&mut self, action: &FailureFile) -> FailureAction {
        const NAMED: [(&str, FailureAction); 3] =
            [("pause", FailureAction::Pause), ("skip", FailureAction::Skip), ("fail", FailureAction::Fail)];
        match action {
            FailureFile::Named(name) if name.value == "retry" => {
                let mend = "write `{ retry: 2, wait: 5s }`";
                self.checker.problems.error(&name.at, "missing", "`retry` does not say how often", mend);
                FailureAction::Pause
            }
            FailureFile::Named(name) => {
                self.checker.choice(Some(name), "thing to do on failure", &NAMED).unwrap_or_default()
            }
            FailureFile::Retry { times, wait } => {
                let times =
                    self.checker.between(times, "retry", 1, 10).and_then(|it| u32::try_from(it).ok()).unwrap_or(1);
                let wait = match wait {
                    Some(wait) => self.checker.duration(wait, "wait", 0, 3_600_000).unwrap_or(0),
                    None => 5_000,
                };
                FailureAction::Retry { times, wait }
            }
        }
    }
}

/// Returns the form of a step's result, as far as the file says it well.
pub fn result_of(step: &StepFile) -> ResultKind {
    match step.result.as_ref().map(|it| &it.value) {
        Some(ResultFile::Named(name)) => kind_named(name).unwrap_or_default(),
        Some(ResultFile::Schema(schema)) => ResultKind::Json(schema.clone()),
        None => default_result(step),
    }
}

/// The built-in tools have a form of their own; everybody else answers in text.
fn default_result(step: &StepFile) -> ResultKind {
    match step.tool.as_ref().map(|it| it.value.trim_start_matches('@')) {
        Some("tests") => ResultKind::Tests,
        Some("lint") => ResultKind::Review,
        Some("autofix") => ResultKind::Change,
        _ => ResultKind::Text,
    }
}

fn kind_named(name: &str) -> Option<ResultKind> {
    Some(match name {
        "text" => ResultKind::Text,
        "review" => ResultKind::Review,
        "change" => ResultKind::Change,
        "tests" => ResultKind::Tests,
        "plan" => ResultKind::Plan,
        _ => return None,
    })
}
