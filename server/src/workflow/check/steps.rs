//! Steps: what each does, and may do, checked with the whole table in sight and made into the plan's steps.

use std::collections::BTreeSet;

use super::{
    ACCESS, Checker, SANDBOX, context, isolation, nested, reads,
    table::{MOST_DECISIONS, MOST_ROUNDS, Table},
};
use crate::{
    agent::Access,
    ids::{AgentName, StepId},
    outcome::{FailureClass, ResultKind, schema::faults},
    workflow::{
        file::{
            AgentsFile, At, FailureFile, File, ForEachFile, OnFailureFile, PauseFile, RESULTS, RepeatFile, ResultFile,
            RoleFile, StepFile,
        },
        plan::{
            Action, After, EachAction, FailureAction, FailurePolicy, GroupAction, OperatorAction, Over, PauseAction,
            RepeatAction, Role, Step, TurnAction, Who, last_result,
        },
        problem::suggest,
    },
};

/// What a file's steps come to.
pub struct Made {
    /// The steps.
    pub steps: Vec<Step>,
    /// Roles that nested workflows bring with them.
    pub roles: Vec<Role>,
    /// The step whose result is the workflow's.
    pub result: Option<StepId>,
    /// The hashes of the nested workflows.
    pub hashes: Vec<String>,
}

/// Checks the steps of a file, and the roles' use. `None` where the table could not be made.
pub fn check(checker: &mut Checker<'_>, file: &File) -> Option<Made> {
    let mut table = Table::new(file);
    table.fill(checker, &file.steps, None)?;
    table.find_needs(checker);
    nested::find_all(checker, &mut table);
    let mut maker = Maker { checker, table: &table, used_roles: BTreeSet::new(), roles: Vec::new() };
    let steps = maker.list(&file.steps, None);
    let (used, roles) = (maker.used_roles, maker.roles);
    let result = match &file.result {
        Some(named) => result(checker, &table, named),
        None => last_result(&steps).map(|it| it.id.clone()),
    };
    for (name, _) in &file.roles {
        if !used.contains(name.value.as_str()) {
            let message = format!("no step uses the role `{}`", name.value);
            checker.problems.warning(&name.at, "unused-role", message, "remove it, or give a step `role:` with it");
        }
    }
    let hashes = table.nested.values().map(|it| it.hash.clone()).collect();
    Some(Made { steps, roles, result, hashes })
}

/// Checks the step whose result is to be the workflow's.
fn result(checker: &mut Checker<'_>, table: &Table<'_>, named: &At<String>) -> Option<StepId> {
    let Some(row) = table.by_id.get(named.value.as_str()).copied() else {
        let mend = suggest(&named.value, table.by_id.keys().copied(), "remove it");
        checker.problems.error(&named.at, "unknown-step", format!("there is no step `{}`", named.value), mend);
        return None;
    };
    let several = table.ancestors(row).skip(1).any(|it| table.rows[it].step.for_each.is_some());
    if several || table.rows[row].step.repeat.is_some() {
        let message = format!("`{}` has no one result that could be the workflow's", named.value);
        checker.problems.error(&named.at, "no-result", message, "name a step with `role` or `tool` outside every list");
    }
    named.value.parse().ok()
}

/// Returns whether a seat of a role names somebody who could take over.
fn seats_have_others(role: &RoleFile) -> bool {
    matches!(role.agents.as_ref().map(|it| &it.value), Some(AgentsFile::Seats(seats)) if seats.iter().any(|it| it.len() > 1))
}

/// How many items of a list may be done at the same time, and how many there may be.
const MOST_AT_ONCE: i64 = 20;
const MOST_ITEMS: i64 = 100;
/// Agents that play one role all work at the same time.
const SEATS_AT_ONCE: u32 = 8;

/// A checked list.
struct List {
    over: Over,
    item: String,
    at_once: u32,
    most: u32,
}

/// Puts a step that is done several times around what is done.
fn around(body: Step, each: impl FnOnce(Box<Step>) -> EachAction) -> Step {
    let (id, title) = (body.id.clone(), body.title.clone());
    Step {
        id,
        title,
        needs: Vec::new(),
        when: None,
        action: Action::Each(each(Box::new(body))),
        on_failure: FailurePolicy::default(),
    }
}

/// Makes the plan's steps.
struct Maker<'a, 'b, 'c> {
    checker: &'a mut Checker<'b>,
    table: &'a Table<'c>,
    used_roles: BTreeSet<String>,
    /// Roles that nested workflows bring with them.
    roles: Vec<Role>,
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
        let each = step.for_each.as_ref().and_then(|it| self.each(row, it));
        for (field, at) in [("inputs", step.inputs.first()), ("roles", step.roles.first())] {
            if let (Some((at, _)), None) = (at, &step.workflow) {
                let message = format!("`{field}` are for another workflow, and this step does none");
                self.checker.problems.error(
                    &at.at,
                    "no-workflow",
                    message,
                    "add `workflow:` with its name, or remove them",
                );
            }
        }
        let action = self.action(row);
        let on_failure = self.policy(step);
        let ids = |it: &[At<String>]| it.iter().filter_map(|it| it.value.parse().ok()).collect::<Vec<StepId>>();
        let id: StepId = step.id.as_ref()?.value.parse().ok()?;
        let mut made = Step { id, title, needs: Vec::new(), when: None, action: action?, on_failure };
        if self.table.is_shared(row)
            && let Action::Turn(TurnAction { who: Who::Role(role), .. }) = &made.action
        {
            let over = Over::Role(role.clone());
            made = around(made, |body| EachAction {
                over,
                item: String::new(),
                at_once: SEATS_AT_ONCE,
                most: SEATS_AT_ONCE,
                body,
                instances: Vec::new(),
            });
        }
        if step.for_each.is_some() {
            let List { over, item, at_once, most } = each?;
            made = around(made, |body| EachAction { over, item, at_once, most, body, instances: Vec::new() });
        }
        made.needs = ids(&step.needs);
        made.when = step.when.as_ref().map(|it| it.value.clone());
        Some(made)
    }

    /// Checks a list whose items a step is done for.
    fn each(&mut self, row: usize, each: &ForEachFile) -> Option<List> {
        let list = each.list.as_ref()?;
        let scan = reads::expression(self.checker, self.table, row, list, reads::From::Step);
        if scan.constant.is_some() && scan.reads.is_empty() && !list.value.trim_start().starts_with('[') {
            let message = format!("`{}` is no list", list.value.trim());
            let mend = "write an expression that gives one, such as `plan.steps`, or the values: `'[\"a\", \"b\"]'`";
            self.checker.problems.error(&list.at, "no-list", message, mend);
        }
        if let Some(name) = &each.item {
            self.checker.word(name, "an item's name");
        }
        let item = each.item.as_ref().map_or("item", |it| it.value.as_str());
        if self.table.by_id.contains_key(item) {
            let at = each.item.as_ref().map_or(&each.at, |it| &it.at);
            let message = format!("the item is called `{item}`, and so is a step");
            self.checker.problems.error(at, "duplicate-id", message, "give the item another name with `as:`");
        }
        let at_once = each.at_once.as_ref().map_or(Some(4), |it| self.checker.between(it, "at-once", 1, MOST_AT_ONCE));
        let most = each.max.as_ref().map_or(Some(20), |it| self.checker.between(it, "max", 1, MOST_ITEMS));
        Some(List {
            over: Over::List(list.value.clone()),
            item: item.to_owned(),
            at_once: u32::try_from(at_once?).ok()?,
            most: u32::try_from(most?).ok()?,
        })
    }

    fn action(&mut self, row: usize) -> Option<Action> {
        let step = self.table.rows[row].step;
        let does: Vec<(&str, &std::ops::Range<usize>)> = [
            step.role.as_ref().map(|it| ("role", &it.at)),
            step.tool.as_ref().map(|it| ("tool", &it.at)),
            step.pause.as_ref().map(|it| ("pause", &it.at)),
            step.repeat.as_ref().map(|it| ("repeat", &it.at)),
            step.steps.as_ref().map(|it| ("steps", &it.at)),
            step.workflow.as_ref().map(|it| ("workflow", &it.at)),
        ]
        .into_iter()
        .flatten()
        .collect();
        match does.as_slice() {
            [] => {
                let at = step.id.as_ref().map_or(&step.at, |it| &it.at);
                let mend = "add one of `role`, `tool`, `pause`, `repeat`, `workflow` and `steps`";
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
        if let Some(group) = &step.steps {
            self.no_turn_fields(step, "a list of steps");
            if step.for_each.is_none() {
                let message = "a list of steps is for the items of `for-each`, and this step has none";
                let mend = "add `for-each:`, or take the steps out";
                self.checker.problems.error(&group.at, "no-for-each", message, mend);
            }
            return Some(Action::Group(GroupAction { steps: self.list(&group.steps, Some(row)) }));
        }
        if step.workflow.is_some() {
            self.no_turn_fields(step, "a nested workflow");
            let (nested, roles) = nested::action(self.checker, self.table, row, &mut self.used_roles)?;
            self.roles.extend(roles);
            return Some(Action::Nested(nested));
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
            ("context", step.context.first().map(|it| &it.0.at)),
            ("budget", step.budget.as_ref().map(|it| &it.at)),
            ("time", step.time.as_ref().map(|it| &it.at)),
            ("access", step.access.as_ref().map(|it| &it.at)),
            ("sandbox", step.sandbox.as_ref().map(|it| &it.at)),
            ("isolation", step.isolation.as_ref().map(|it| &it.at)),
            ("copy", step.copy.first().map(|it| &it.at)),
            ("link", step.link.first().map(|it| &it.at)),
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
            reads::expression(self.checker, self.table, row, it, reads::From::Body);
            Some(it.value.clone())
        };
        let (paths, findings) = (value(&step.paths), value(&step.findings));
        let (context, budget) = context::of_step(self.checker, self.table, row);
        let time = step.time.as_ref().and_then(|it| self.checker.duration(it, "time", 1_000, 24 * 3_600_000));
        let isolation = isolation::of_step(self.checker, self.table, step);
        let unanswered = step.unanswered.as_ref().and_then(|it| self.checker.unanswered(it));
        let access = self.access(step);
        let sandbox = self.checker.choice(step.sandbox.as_ref(), "sandbox", &SANDBOX).unwrap_or(false);
        Some(TurnAction {
            who: who?,
            result,
            prompt,
            paths,
            findings,
            context,
            budget,
            time,
            isolation,
            unanswered,
            access,
            sandbox,
        })
    }

    /// Returns what a step may do at most, where it says so: its role's word holds before its own.
    fn access(&mut self, step: &StepFile) -> Option<Access> {
        let own = self.checker.choice(step.access.as_ref(), "access", &ACCESS)?;
        let role = step.role.as_ref().and_then(|it| self.table.roles.get(it.value.as_str()))?;
        let reads = role.access.as_ref().is_none_or(|it| it.value == "read");
        if let (Access::Write, true, Some(at)) = (own, reads, &step.access) {
            let message = "its role may only read, and a step can't have more than its role";
            self.checker.problems.error(
                &at.at,
                "read-only",
                message,
                "give the role `access: write`, or remove `access`",
            );
        }
        Some(own)
    }

    fn role(&mut self, step: &StepFile, role: &At<String>, result: &ResultKind) -> Option<Who> {
        let Some(file) = self.table.roles.get(role.value.as_str()) else {
            let known = self.table.roles.keys().copied();
            let mend = suggest(&role.value, known, "add it under `roles:`, or use `tool:` for a tool agent");
            self.checker.problems.error(&role.at, "unknown-role", format!("there is no role `{}`", role.value), mend);
            return None;
        };
        let reads = |it: &At<String>| it.value == "read";
        let reads = file.access.as_ref().is_none_or(reads) || step.access.as_ref().is_some_and(reads);
        if *result == ResultKind::Change && reads {
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
            ResultFile::Schema(schema) => {
                for (fault, is_bad) in faults(schema) {
                    if is_bad {
                        self.checker.problems.error(&result.at, "bad-schema", fault, "mend the JSON Schema");
                    } else {
                        let mend = "remove it, or say it with a word that is: docs/workflows.md lists them";
                        self.checker.problems.warning(&result.at, "unchecked", fault, mend);
                    }
                }
                ResultKind::Json(schema.clone())
            }
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
        } else if table.is_list(other, row) {
            let message = format!("`{}` has several results, one for each, and a pause shows one", show.value);
            let mend = "ask in the list, with `pause` in its `steps`, or say in `message` what there is to know";
            self.checker.problems.error(&show.at, "list", message, mend);
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
        if repeat.operator.is_some() {
            return self.operated(row, repeat);
        }
        if let Some(prompt) = &repeat.prompt {
            let mend = "remove it, or name the role that decides under `operator:`";
            self.checker.problems.error(&prompt.at, "no-turn", "a repeat without an operator takes no prompt", mend);
        }
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
        Some(RepeatAction { steps, until: repeat.until.as_ref()?.value.clone(), max, operator: None })
    }

    /// A part in which an agent decides what is done next.
    fn operated(&mut self, row: usize, repeat: &RepeatFile) -> Option<RepeatAction> {
        let table = self.table;
        let role = repeat.operator.as_ref()?;
        if let Some(until) = &repeat.until {
            let message = "a part with an operator has no `until`: the operator says when it is over";
            self.checker.problems.error(&until.at, "two-ends", message, "remove the `until`, or the `operator`");
        }
        if !table.roles.contains_key(role.value.as_str()) {
            let mend = suggest(&role.value, table.roles.keys().copied(), "add it under `roles:`");
            self.checker.problems.error(&role.at, "unknown-role", format!("there is no role `{}`", role.value), mend);
        }
        self.used_roles.insert(role.value.clone());
        match &repeat.prompt {
            None => {
                let mend = "say what the operator is to reach under `prompt: |`";
                self.checker.problems.error(&role.at, "missing", "this operator has no `prompt`", mend);
            }
            Some(prompt) if prompt.value.trim().is_empty() => {
                let mend = "say what the operator is to reach";
                self.checker.problems.error(&prompt.at, "empty", "the prompt is empty", mend);
            }
            Some(prompt) => {
                reads::template_of_part(self.checker, table, row, prompt);
            }
        }
        if repeat.max.is_none() {
            let mend = format!(
                "add `max:` with a number from 1 to {MOST_DECISIONS}: after so many decisions a person is asked"
            );
            self.checker.problems.error(&repeat.at, "no-bound", "this repeat has no `max`", mend);
        }
        let max = repeat.max.as_ref().and_then(|it| self.checker.between(it, "max", 1, MOST_DECISIONS));
        let steps = self.list(&repeat.steps, Some(row));
        for made in steps.iter().filter(|it| !matches!(it.action, Action::Turn(_) | Action::Pause(_))) {
            let written = repeat.steps.iter().find(|it| it.name() == made.id.as_str());
            let at = written.and_then(|it| it.id.as_ref()).map_or(&repeat.at, |it| &it.at);
            let message = format!("an operator assigns turns and pauses, and `{}` is neither", made.id);
            let mend = "move it out of this part, or put its steps here: the operator may assign each again";
            self.checker.problems.error(at, "no-turn", message, mend);
        }
        let operator = OperatorAction {
            role: role.value.parse().ok()?,
            prompt: repeat.prompt.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
        };
        // No condition of the file ends it.
        Some(RepeatAction {
            steps,
            until: "false".to_owned(),
            max: u32::try_from(max?).ok()?,
            operator: Some(operator),
        })
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
            OnFailureFile::All(action) => policy.otherwise = self.failure(step, action),
            OnFailureFile::Classes(classes) => {
                for (name, action) in classes {
                    let does = self.failure(step, &action.value);
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

    fn failure(&mut self, step: &StepFile, action: &FailureFile) -> FailureAction {
        const NAMED: [(&str, FailureAction); 4] = [
            ("pause", FailureAction::Pause),
            ("skip", FailureAction::Skip),
            ("fail", FailureAction::Fail),
            ("another", FailureAction::Another),
        ];
        const AFTER: [(&str, After); 4] =
            [("pause", After::Pause), ("skip", After::Skip), ("fail", After::Fail), ("another", After::Another)];
        let (FailureFile::Named(word) | FailureFile::Retry { then: Some(word), .. }) = action else {
            return self.retry(action, After::Pause);
        };
        if word.value == "another" {
            self.another(step, word);
        }
        if matches!(action, FailureFile::Retry { .. }) {
            let after = self.checker.choice(Some(word), "thing to do after the tries", &AFTER).unwrap_or_default();
            return self.retry(action, after);
        }
        if word.value == "retry" {
            let mend = "write `{ retry: 2, wait: 5s }`";
            self.checker.problems.error(&word.at, "missing", "`retry` does not say how often", mend);
            return FailureAction::Pause;
        }
        self.checker.choice(Some(word), "thing to do on failure", &NAMED).unwrap_or_default()
    }

    /// Another agent can take over only where there may be one.
    fn another(&mut self, step: &StepFile, word: &At<String>) {
        let role = step.role.as_ref().and_then(|it| self.table.roles.get(it.value.as_str()));
        match role {
            None if step.role.is_none() && !step.damaged => {
                let mend = "write `pause`, or give the step a `role` instead of a `tool`";
                let message = "nobody else can do this: the step names its agent";
                self.checker.problems.error(&word.at, "nobody-else", message, mend);
            }
            Some(role) if role.prefer.len() < 2 && !seats_have_others(role) => {
                let message = "nobody else can do this: the role prefers one agent only";
                let mend = "add another to its `prefer`";
                self.checker.problems.warning(&word.at, "nobody-else", message, mend);
            }
            _ => {}
        }
    }

    fn retry(&mut self, action: &FailureFile, after: After) -> FailureAction {
        let FailureFile::Retry { times, wait, .. } = action else { return FailureAction::Pause };
        let times = self.checker.between(times, "retry", 1, 10).and_then(|it| u32::try_from(it).ok()).unwrap_or(1);
        let wait = match wait {
            Some(wait) => self.checker.duration(wait, "wait", 0, 3_600_000).unwrap_or(0),
            None => 5_000,
        };
        FailureAction::Retry { times, wait, after }
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
