//! The file as written → a plan, and every mistake of meaning at once.
//!
//! Invariant: this is the only way from a file to a `Plan`, so what it lets through is good: the hub never meets a step that
//! isn't there, an expression that doesn't compile, or a bound that is none.

use std::{collections::BTreeMap, ops::Range, str::FromStr};

use super::{
    Find,
    file::{AgentsFile, At, File, InputFile, LimitsFile, RoleFile},
    plan::{Category, Input, InputKind, Limits, Plan, Role},
    problem::{Problem, Problems, suggest},
};
use crate::{
    agent::Access,
    ask::{Unanswered, WhenUnanswered},
    document::hash_of,
    ids::{AgentName, BadName, ChannelName, RoleId, is_name},
};

mod context;
mod duration;
mod isolation;
mod nested;
mod place;
pub(super) mod reads;
pub(super) mod steps;
pub(super) mod table;
pub(super) mod template;

/// The most agents that play one role side by side.
const MOST_SEATS: i64 = 8;
/// The most inputs, and the most roles, of a workflow.
const MOST_NAMES: usize = 50;
/// The longest title or description of a part, in characters.
const MOST_LINE: usize = 200;
/// The longest description of a workflow, in characters.
const MOST_DESCRIPTION: usize = 4_000;

/// Words that expressions use, so that no step, input or role can be called by them.
pub(super) const RESERVED: [&str; 21] = [
    "inputs", "round", "run", "roles", "loop", "range", "self", "true", "false", "none", "null", "not", "and", "or",
    "in", "is", "if", "else", "for", "steps", "until",
];

/// Checks a file. `name` is what it is run by; `text` is what the file was read from; `around` are the workflows that do
/// this one, the outermost first.
pub fn check(name: &str, file: &File, text: &str, find: Find<'_>, around: &[String]) -> (Option<Plan>, Vec<Problem>) {
    let around = [around, &[name.to_owned()]].concat();
    let mut checker = Checker { problems: Problems::new(text), text, find, around };
    let plan = checker.plan(name, file);
    let plan = if checker.problems.any_error() { None } else { plan };
    (plan, checker.problems.into_found())
}

/// Returns the table of a file's steps, with its needs; `None` where there are too many steps.
pub(super) fn table<'a>(file: &'a File, text: &'a str) -> Option<table::Table<'a>> {
    let mut checker =
        Checker { problems: Problems::new(text), text, find: &|_| Err(String::new()), around: Vec::new() };
    let mut table = table::Table::new(file);
    table.fill(&mut checker, &file.steps, None)?;
    table.find_needs(&mut checker);
    Some(table)
}

/// Returns whether expressions can use a name as a variable. Words of their own are not told apart.
pub(super) fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|it: char| it.is_ascii_lowercase())
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// What the parts of the check share.
pub(super) struct Checker<'a> {
    problems: Problems<'a>,
    text: &'a str,
    find: Find<'a>,
    /// The workflows that do this one, and itself.
    around: Vec<String>,
}

impl Checker<'_> {
    fn plan(&mut self, name: &str, file: &File) -> Option<Plan> {
        let name = self.workflow_name(name, file);
        let title = self.line(file.title.as_ref(), "title", MOST_LINE);
        if file.title.is_none() {
            self.problems.warning(
                &(0..0),
                "missing",
                "the workflow has no `title`",
                "add one line that says what it does; lists show it",
            );
        }
        let description = self.line(file.description.as_ref(), "description", MOST_DESCRIPTION);
        let category = self.choice(file.category.as_ref(), "category", &CATEGORIES).unwrap_or_default();
        let channel: Option<ChannelName> = file.channel.as_ref().and_then(|it| self.name(it));
        let inputs = self.inputs(&file.inputs);
        let mut roles = self.roles(&file.roles);
        let limits = self.limits(file.limits.as_ref());
        let made = steps::check(self, file)?;
        roles.extend(made.roles);
        let mut hash = hash_of(self.text);
        if !made.hashes.is_empty() {
            // A run is pinned to all that it does, so a change in a nested workflow is a change of this one.
            hash = hash_of(&format!("{hash} {}", made.hashes.join(" ")));
        }
        Some(Plan {
            title: if title.is_empty() { name.clone() } else { title },
            name,
            description,
            category,
            hash,
            channel,
            inputs,
            roles,
            steps: made.steps,
            limits,
            result: made.result,
        })
    }

    fn workflow_name(&mut self, name: &str, file: &File) -> String {
        let Some(written) = &file.name else { return name.to_owned() };
        if !is_name(&written.value) {
            self.bad_name(written, &format!("{:?} is not a workflow's name", written.value));
        } else if is_name(name) && name != written.value {
            self.problems.warning(
                &written.at,
                "name",
                format!("the file is called `{name}`, and is run by that name"),
                format!("write `name: {name}`, or rename the file"),
            );
        }
        if is_name(name) { name.to_owned() } else { written.value.clone() }
    }

    fn inputs(&mut self, inputs: &[(At<String>, InputFile)]) -> Vec<Input> {
        self.not_too_many(inputs.get(MOST_NAMES).map(|it| &it.0), "inputs");
        inputs.iter().map(|(name, input)| self.input(name, input)).collect()
    }

    fn input(&mut self, name: &At<String>, input: &InputFile) -> Input {
        self.word(name, "an input's name");
        let kind = self.choice(input.kind.as_ref(), "type", &INPUT_KINDS).unwrap_or(InputKind::Text);
        let description = self.line(input.description.as_ref(), "description", MOST_LINE);
        let default = input.default.as_ref().and_then(|it| {
            let fits = match kind {
                InputKind::Text => it.value.is_string(),
                InputKind::Path => it.value.as_str().is_some_and(|path| !path.is_empty()),
                InputKind::Number => it.value.is_i64(),
                InputKind::Flag => it.value.is_boolean(),
                InputKind::List => it.value.is_array(),
            };
            if fits {
                return Some(it.value.clone());
            }
            let (word, mend) = match kind {
                InputKind::Text => ("text", "put it in quotes"),
                InputKind::Path => {
                    ("a path", "write a path from the workspace's root, such as `src`, or `.` for all of it")
                }
                InputKind::Number => ("a whole number", "write a number such as 3, or change the `type`"),
                InputKind::Flag => ("a flag", "write true or false, or change the `type`"),
                InputKind::List => ("a list", "write the values in brackets, such as [a, b], or change the `type`"),
            };
            self.problems.error(&it.at, "bad-default", format!("the default of `{}` is not {word}", name.value), mend);
            None
        });
        Input { name: name.value.clone(), kind, description, default }
    }

    fn roles(&mut self, roles: &[(At<String>, RoleFile)]) -> Vec<Role> {
        self.not_too_many(roles.get(MOST_NAMES).map(|it| &it.0), "roles");
        let mut checked = Vec::new();
        for (name, role) in roles {
            let id: Option<RoleId> = self.name(name);
            if id.is_some() && !is_name(&name.value) {
                self.bad_name(name, &format!("{:?} is not a role's id", name.value));
            }
            if RESERVED.contains(&name.value.as_str()) {
                self.reserved(name, "a role");
            }
            let prefer: Vec<AgentName> = role.prefer.iter().filter_map(|it| self.name(it)).collect();
            for (index, again) in role.prefer.iter().enumerate() {
                let bare = |it: &At<String>| it.value.trim_start_matches('@').to_owned();
                if role.prefer[..index].iter().any(|it| bare(it) == bare(again)) {
                    let message = format!("`{}` is preferred twice", again.value);
                    self.problems.warning(&again.at, "twice", message, "remove one");
                }
            }
            let seats = role.agents.as_ref().map_or_else(Vec::new, |it| self.seats(it));
            if role.prefer.is_empty()
                && role.good_for.is_none()
                && (seats.is_empty() || seats.iter().any(Vec::is_empty))
            {
                self.problems.error(
                    &name.at,
                    "nobody",
                    format!("nothing says who may play `{}`", name.value),
                    "add `prefer: [claude, codex]`, or `good-for: review`",
                );
            }
            let good_for = role.good_for.as_ref().map(|it| {
                if !is_name(&it.value) {
                    self.bad_name(it, &format!("{:?} is not one word", it.value));
                }
                it.value.clone()
            });
            let access = self.choice(role.access.as_ref(), "access", &ACCESS).unwrap_or(Access::Read);
            isolation::check_role(self, role);
            let unanswered = role.unanswered.as_ref().and_then(|it| self.unanswered(it));
            let sandbox = self.choice(role.sandbox.as_ref(), "sandbox", &SANDBOX).unwrap_or(false);
            let description = self.line(role.description.as_ref(), "description", MOST_LINE);
            checked.extend(id.map(|id| Role { id, description, prefer, good_for, access, unanswered, sandbox, seats }));
        }
        checked
    }

    /// Reads how many play a role side by side, and who would take each seat.
    fn seats(&mut self, agents: &At<AgentsFile>) -> Vec<Vec<AgentName>> {
        match &agents.value {
            AgentsFile::Count(count) => {
                let count = self.between(&At::new(*count, agents.at.clone()), "agents", 2, MOST_SEATS);
                vec![Vec::new(); count.and_then(|it| usize::try_from(it).ok()).unwrap_or(2)]
            }
            AgentsFile::Seats(seats) => {
                let count = i64::try_from(seats.len()).unwrap_or(i64::MAX);
                if self.between(&At::new(count, agents.at.clone()), "agents", 2, MOST_SEATS).is_none() {
                    return vec![Vec::new(); 2];
                }
                seats.iter().map(|seat| seat.iter().filter_map(|it| self.name(it)).collect()).collect()
            }
        }
    }

    fn limits(&mut self, limits: Option<&LimitsFile>) -> Limits {
        let mut all = Limits::default();
        let Some(limits) = limits else { return all };
        if let Some(turns) = &limits.turns {
            all.turns = self.between(turns, "turns", 1, 1_000).and_then(|it| u32::try_from(it).ok()).unwrap_or(1);
        }
        if let Some(time) = &limits.time {
            all.time = self.duration(time, "time", 1_000, 7 * 24 * 3_600_000).unwrap_or(1_000);
        }
        if let Some(tokens) = &limits.tokens {
            all.tokens =
                self.between(tokens, "tokens", 1, 1_000_000_000).and_then(|it| u64::try_from(it).ok()).unwrap_or(1);
        }
        if let Some(dollars) = &limits.dollars {
            if (0.01..=10_000.0).contains(&dollars.value) {
                // In range, so that the cast loses nothing but parts of a millionth.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let micro = (dollars.value * 1e6).round() as u64;
                all.micro_dollars = micro;
            } else {
                self.out_of_range(&dollars.at, "dollars", "0.01", "10000");
            }
        }
        all
    }

    /// Checks a text for people: one that fits.
    fn line(&mut self, text: Option<&At<String>>, field: &str, most: usize) -> String {
        let Some(text) = text else { return String::new() };
        if text.value.chars().count() > most {
            self.problems.error(
                &text.at,
                "too-large",
                format!("`{field}` is longer than {most} characters"),
                "make it shorter; comments (`#`) may be long",
            );
        }
        text.value.trim().to_owned()
    }

    /// Checks one of several words.
    fn choice<T: Copy>(&mut self, word: Option<&At<String>>, field: &str, known: &[(&str, T)]) -> Option<T> {
        let word = word?;
        let found = known.iter().find(|(name, _)| *name == word.value);
        if found.is_none() {
            let mend = suggest(&word.value, known.iter().map(|it| it.0), "remove it");
            self.problems.error(&word.at, "unknown-value", format!("{:?} is not a {field}", word.value), mend);
        }
        found.map(|it| it.1)
    }

    /// Checks a name that has its own type.
    fn name<T: FromStr<Err = BadName>>(&mut self, name: &At<String>) -> Option<T> {
        match name.value.parse() {
            Ok(it) => Some(it),
            Err(BadName { what, .. }) => {
                self.bad_name(name, &format!("{:?} is not {what}", name.value));
                None
            }
        }
    }

    /// Checks a name that expressions use as a variable.
    fn word(&mut self, name: &At<String>, what: &str) -> bool {
        let text = &name.value;
        if RESERVED.contains(&text.as_str()) {
            self.reserved(name, what);
            return false;
        }
        let good = is_word(text);
        if !good {
            let with: String = text.to_lowercase().replace(['-', ' ', '.'], "_");
            let mend = if with != *text && is_name(&with) && with.starts_with(|it: char| it.is_ascii_lowercase()) {
                format!("write `{with}`: expressions use it as a variable, so it has a-z, 0-9 and _ only")
            } else {
                "use a-z, 0-9 and _, with a letter first, and at most 64: expressions use it as a variable".to_owned()
            };
            self.problems.error(&name.at, "bad-name", format!("{text:?} is not {what}"), mend);
        }
        good
    }

    fn reserved(&mut self, name: &At<String>, what: &str) {
        let message = format!("`{}` is a word of expressions, and can't be {what}", name.value);
        self.problems.error(&name.at, "reserved", message, "choose another name");
    }

    fn bad_name(&mut self, name: &At<String>, message: &str) {
        self.problems.error(
            &name.at,
            "bad-name",
            message,
            "use 1 to 64 of a-z, 0-9, '-' and '_', with a letter or digit first",
        );
    }

    fn between(&mut self, number: &At<i64>, field: &str, least: i64, most: i64) -> Option<i64> {
        if (least..=most).contains(&number.value) {
            return Some(number.value);
        }
        self.out_of_range(&number.at, field, &least.to_string(), &most.to_string());
        None
    }

    fn out_of_range(&mut self, at: &Range<usize>, field: &str, least: &str, most: &str) {
        let message = format!("`{field}` is out of range");
        self.problems.error(at, "out-of-range", message, format!("write a number from {least} to {most}"));
    }

    /// Checks a length of time and returns it in milliseconds.
    /// Reads what is done with asks that nobody answers: `deny after 10m`.
    fn unanswered(&mut self, text: &At<String>) -> Option<Unanswered> {
        let mut words = text.value.split_whitespace();
        let (then, after, time, rest) = (words.next(), words.next(), words.next(), words.next());
        let (Some(then), Some("after"), Some(time), None) = (then, after, time, rest) else {
            let message = format!("{:?} does not say what is done, and when", text.value);
            let mend = "write `deny after 10m`, `ask-again after 30m` or `pause after 1h`";
            self.problems.error(&text.at, "unknown-value", message, mend);
            return None;
        };
        let part = |it: &str| At::new(it.to_owned(), text.at.clone());
        let then = self.choice(Some(&part(then)), "way to go on", &WhenUnanswered::ALL)?;
        let after = self.duration(&part(time), "unanswered", 1_000, 7 * 24 * 3_600_000)?;
        Some(Unanswered { after, then })
    }

    fn duration(&mut self, time: &At<String>, field: &str, least: u64, most: u64) -> Option<u64> {
        let Some(value) = duration::parse(&time.value) else {
            let message = format!("{:?} is not a length of time", time.value);
            self.problems.error(
                &time.at,
                "bad-duration",
                message,
                "write a number and its unit: 500ms, 30s, 10m, 2h or 1d",
            );
            return None;
        };
        if (least..=most).contains(&value) {
            return Some(value);
        }
        self.problems.error(
            &time.at,
            "out-of-range",
            format!("`{field}` is out of range"),
            format!("write a length of time from {} to {}", duration::show(least), duration::show(most)),
        );
        None
    }

    fn not_too_many(&mut self, first_too_many: Option<&At<String>>, what: &str) {
        if let Some(it) = first_too_many {
            let message = format!("the workflow has more than {MOST_NAMES} {what}");
            self.problems.error(&it.at, "too-large", message, "split the workflow");
        }
    }
}

const CATEGORIES: [(&str, Category); 4] =
    [("review", Category::Review), ("build", Category::Build), ("test", Category::Test), ("ops", Category::Ops)];

const INPUT_KINDS: [(&str, InputKind); 5] = [
    ("text", InputKind::Text),
    ("path", InputKind::Path),
    ("number", InputKind::Number),
    ("flag", InputKind::Flag),
    ("list", InputKind::List),
];

const ACCESS: [(&str, Access); 2] = [("read", Access::Read), ("write", Access::Write)];
const SANDBOX: [(&str, bool); 2] = [("off", false), ("required", true)];

/// Returns what is said about parts by name: the first that has a name has it.
fn by_name<T>(parts: &[(At<String>, T)]) -> BTreeMap<&str, &T> {
    let mut map = BTreeMap::new();
    for (name, part) in parts {
        map.entry(name.value.as_str()).or_insert(part);
    }
    map
}
