//! The pages of the built-in templates: what stands in them between the marks is what the files say.

use std::{fmt::Write as _, fs, path::Path};

use crate::{
    agent::Access,
    workflow::{
        library::BUILT_IN,
        load,
        plan::{Action, Over, Plan, Step, Who},
    },
};

const BEGIN: &str = "<!-- from the template: begin -->\n";
const END: &str = "<!-- from the template: end -->\n";

/// What a template wants to be told, who plays, what is done and where it stops.
fn facts(plan: &Plan) -> String {
    let mut text =
        String::from("## What it wants to be told\n\n| input | kind | where you say nothing | |\n|---|---|---|---|\n");
    for it in &plan.inputs {
        let kind = format!("{:?}", it.kind).to_lowercase();
        let default = it.default.as_ref().map_or("it is needed".to_owned(), |it| format!("`{it}`"));
        let _ = writeln!(text, "| `{}` | {kind} | {default} | {} |", it.name, it.description);
    }
    text += "\n## Who plays\n\n| role | the best that is there of | may | |\n|---|---|---|---|\n";
    for role in &plan.roles {
        let agents = |it: &[crate::ids::AgentName]| it.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let seats: Vec<String> = role.seats.iter().filter(|it| !it.is_empty()).map(|it| agents(it)).collect();
        let many = if role.is_shared() { format!("up to {} of ", role.seats.len()) } else { String::new() };
        let who = if seats.is_empty() { agents(&role.prefer) } else { seats.join("; ") };
        let may = if role.access == Access::Write { "change files" } else { "read" };
        let _ = writeln!(text, "| `{}` | {many}{who} | {may} | {} |", role.id.as_str(), role.description);
    }
    text += "\n## What is done\n\n";
    steps(&mut text, &plan.steps, 0);
    let minutes = plan.limits.time / 60_000;
    let _ = writeln!(
        text,
        "\nIt stops and asks after {} turns, or {minutes} minutes of work. `callboard workflows new mine --from {}` is the file itself, and\n\
         `callboard workflows dry-run {}` each prompt.",
        plan.limits.turns, plan.name, plan.name
    );
    text
}

fn steps(text: &mut String, all: &[Step], depth: usize) {
    for step in all {
        let who = |who: &Who| match who {
            Who::Role(role) => format!("the {}", role.as_str()),
            Who::Agent(agent) => agent.to_string(),
        };
        let (does, inner): (String, &[Step]) = match &step.action {
            Action::Turn(it) => (format!("{}, gives a `{}`", who(&it.who), it.result.name()), &[]),
            Action::Pause(it) => {
                let shown = it.show.as_ref().map_or(String::new(), |it| format!("; shows `{it}`"));
                (format!("you are asked{shown}"), &[])
            }
            Action::Repeat(it) => {
                (format!("again until `{}`, {} {} at most", it.ends(), it.max, it.counts()), &it.steps)
            }
            Action::Each(it) => {
                let over = match &it.over {
                    Over::List(list) => format!("each of `{list}`"),
                    Over::Role(role) => format!("each {}", role.as_str()),
                };
                (format!("for {over}"), std::slice::from_ref(&*it.body))
            }
            Action::Group(it) => ("together".to_owned(), &it.steps),
            Action::Nested(it) => (format!("the workflow `{}`", it.workflow), &[]),
        };
        let title = if step.title.is_empty() { String::new() } else { format!(" {}:", step.title) };
        let needs: Vec<String> = step.needs.iter().map(|it| format!("`{it}`")).collect();
        let after = if needs.is_empty() { String::new() } else { format!(", after {}", needs.join(" and ")) };
        let when = step.when.as_ref().map_or(String::new(), |it| format!(", where `{it}`"));
        let _ = writeln!(text, "{}- **`{}`**{title} {does}{after}{when}", "  ".repeat(depth), step.id);
        steps(text, inner, depth + 1);
    }
}

#[test]
fn each_template_has_a_page_and_that_says_what_the_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates");
    let overview = fs::read_to_string(folder.with_extension("md")).expect("docs/templates.md");
    let mut old = Vec::new();
    for (name, text) in BUILT_IN {
        let plan = load(name, text).plan.expect("a plan");
        let path = folder.join(format!("{name}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        let (head, rest) = page.split_once(BEGIN).expect("the first mark");
        let (said, tail) = rest.split_once(END).expect("the second mark");
        let now = facts(&plan);
        if said != now {
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&path, format!("{head}{BEGIN}{now}{END}{tail}")).expect("the page can be written");
            } else {
                old.push(name);
            }
        }
        assert!(head.contains(&format!("callboard run {name}")), "the page of {name} has no example");
        assert!(overview.contains(&format!("](templates/{name}.md)")), "docs/templates.md does not lead to {name}");
    }
    assert!(old.is_empty(), "{old:?} are old; run this test with UPDATE_EXPECT=1 and commit what it writes");
}
