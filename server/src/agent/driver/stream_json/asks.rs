//! What a program asks before it uses a tool: allowed by the turn's access, denied by it, or a person's to say.
//!
//! Invariant: what an agent may do by itself is to change files in the folder where it works, and only where its turn may
//! write; never what steers programs there. Whatever else is asked goes to a person with all of it.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use serde_json::{Value, json};
use similar::TextDiff;

use crate::{
    agent::{Access, tools},
    ask::{Ask, AskReply, FileEdit, Permission, Question, Wish},
    steering::{self, Steering},
};

/// The longest file that is read to be compared with what would take its place, in bytes.
const MOST_FILE: u64 = 2 << 20;

/// What is done with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its turn allows it.
    Allow,
    /// Its turn doesn't, for this reason.
    Deny(String),
    /// A person is asked: one thing, or several questions in order.
    Ask(Vec<Ask>),
}

/// Says what is done with a request to use a tool.
pub(super) fn judge(id: &str, tool: &str, input: &Value, access: Access, cwd: &Path) -> Verdict {
    if tool == "AskUserQuestion" {
        let asks = questions(id, input);
        return if asks.is_empty() {
            Verdict::Deny("there is no question in it".to_owned())
        } else {
            Verdict::Ask(asks)
        };
    }
    if tool.starts_with(&format!("mcp__{}__", tools::SERVER)) {
        // Each of them is checked by the hub.
        return Verdict::Allow;
    }
    let edits = edits(tool, input);
    if access == Access::Read && (edits.is_some() || runs(tool)) {
        return Verdict::Deny("this turn may only read; say what you would change instead".to_owned());
    }
    let free = |it: &Edit| inside(cwd, &it.path) && !steers(cwd, &it.path);
    if edits.as_ref().is_some_and(|it| !it.is_empty() && it.iter().all(free)) {
        return Verdict::Allow;
    }
    let wish = Wish::Permission(permission(tool, input, &edits.unwrap_or_default(), cwd));
    Verdict::Ask(vec![Ask { key: id.to_owned(), wish }])
}

/// Returns whether a tool runs programs.
fn runs(tool: &str) -> bool {
    matches!(tool, "Bash" | "BashOutput" | "KillShell" | "PowerShell" | "Task" | "Workflow")
}

/// A change of a file.
#[derive(Debug)]
struct Edit {
    path: PathBuf,
    /// What goes and what comes; the whole file where nothing is said to go.
    parts: Vec<(Option<String>, String)>,
}

/// Returns the changes that a tool would make; `None` where it is no tool that changes files.
fn edits(tool: &str, input: &Value) -> Option<Vec<Edit>> {
    let text = |value: &Value, name: &str| value[name].as_str().map(ToOwned::to_owned);
    let part = |it: &Value| Some((text(it, "old_string"), text(it, "new_string")?));
    let (path, parts) = match tool {
        "Write" => (text(input, "file_path"), text(input, "content").map(|it| vec![(None, it)])),
        "Edit" => (text(input, "file_path"), part(input).map(|it| vec![it])),
        "MultiEdit" => {
            let parts = input["edits"].as_array().and_then(|it| it.iter().map(part).collect());
            (text(input, "file_path"), parts)
        }
        "NotebookEdit" => {
            (text(input, "notebook_path"), text(input, "new_source").map(|it| vec![(Some(String::new()), it)]))
        }
        _ => return None,
    };
    Some(match (path, parts) {
        (Some(path), Some(parts)) => vec![Edit { path: path.into(), parts }],
        // In a form that is not known: a person sees all of it.
        _ => Vec::new(),
    })
}

fn permission(tool: &str, input: &Value, edits: &[Edit], cwd: &Path) -> Permission {
    let mut permission = Permission { tool: tool.to_owned(), ..Permission::default() };
    if let [edit] = edits {
        let path = shown(cwd, &edit.path);
        permission.title = format!("wants to change {path}");
        permission.pattern = Some(path.clone());
        permission.files = vec![FileEdit { path, diff: diff(edit) }];
        return permission;
    }
    if let Some(command) = input["command"].as_str().filter(|_| tool == "Bash") {
        permission.title = "wants to run a command".to_owned();
        permission.content = command.to_owned();
        let mut rest = input.as_object().cloned().unwrap_or_default();
        // The agent's own word for it is no part of what is done.
        rest.retain(|name, _| name != "command" && name != "description");
        if !rest.is_empty() {
            permission.content = format!("{command}\n\n{}", Value::Object(rest));
        }
    } else {
        permission.title = format!("wants to use {tool}");
        permission.content = format!("{input:#}");
    }
    permission.pattern = Some(permission.content.clone());
    permission
}

fn diff(edit: &Edit) -> String {
    let mut diff = String::new();
    for (old, new) in &edit.parts {
        let old = old.clone().unwrap_or_else(|| present(&edit.path));
        diff += &TextDiff::from_lines(&old, new).unified_diff().context_radius(3).to_string();
    }
    if diff.is_empty() { "(nothing changes)".to_owned() } else { diff }
}

/// Returns what a file has now; nothing where it is no ordinary file, or too long to be compared.
fn present(path: &Path) -> String {
    let is_fair = std::fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MOST_FILE);
    if is_fair { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

fn shown(cwd: &Path, path: &Path) -> String {
    path.strip_prefix(cwd).unwrap_or(path).to_string_lossy().into_owned()
}

/// Returns whether a path leads to a place below a folder, wherever links on the way lead.
fn inside(cwd: &Path, path: &Path) -> bool {
    if !path.is_absolute() || path.components().any(|it| matches!(it, Component::ParentDir)) {
        return false;
    }
    let Ok(root) = cwd.canonicalize() else { return false };
    // A link in the place itself would lead anywhere.
    if std::fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
        return false;
    }
    let there = path.ancestors().skip(1).find_map(|it| it.canonicalize().ok());
    there.is_some_and(|it| it.starts_with(&root))
}

/// Returns whether a path goes through something for which a person is asked, since it steers programs.
fn steers(cwd: &Path, path: &Path) -> bool {
    let Ok(rest) = path.strip_prefix(cwd) else { return true };
    steering::steers(rest).is_some_and(Steering::is_asked_for)
}

fn questions(id: &str, input: &Value) -> Vec<Ask> {
    let all = input["questions"].as_array().map_or(&[][..], |it| it);
    let ask = |(index, it): (usize, &Value)| {
        let mut text = it["question"].as_str().filter(|it| !it.is_empty())?.to_owned();
        let options = it["options"].as_array().map_or(&[][..], |it| it);
        let choices: Vec<String> = options.iter().filter_map(|it| it["label"].as_str()).map(str::to_owned).collect();
        for option in options {
            if let (Some(label), Some(what)) = (option["label"].as_str(), option["description"].as_str())
                && !what.is_empty()
            {
                let _ = write!(text, "\n\n{label}: {what}");
            }
        }
        Some(Ask { key: format!("{id}/{index}"), wish: Wish::Question(Question { text, choices }) })
    };
    all.iter().take(8).enumerate().filter_map(ask).collect()
}

/// A request that waits for what a person says.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: String,
    tool: String,
    input: Value,
    /// What is still to be said, by key.
    pub(super) open: Vec<String>,
    answers: Vec<(String, String)>,
}

impl Pending {
    pub(super) fn new(id: &str, tool: &str, input: &Value, asks: &[Ask]) -> Self {
        let open = asks.iter().map(|it| it.key.clone()).collect();
        Self { id: id.to_owned(), tool: tool.to_owned(), input: input.clone(), open, answers: Vec::new() }
    }

    /// Takes what was said to one of its asks. Returns the response once nothing is left to be said.
    pub(super) fn take(&mut self, key: &str, reply: AskReply) -> Option<Value> {
        self.open.retain(|it| it != key);
        match reply {
            AskReply::Deny { reason } => {
                let reason = if reason.trim().is_empty() { "The developer said no.".to_owned() } else { reason };
                return Some(json!({ "behavior": "deny", "message": reason }));
            }
            AskReply::Answer { text } => {
                let index: usize = key.rsplit('/').next().and_then(|it| it.parse().ok()).unwrap_or(0);
                let question = self.input["questions"][index]["question"].as_str().unwrap_or_default().to_owned();
                self.answers.push((question, text));
            }
            AskReply::Allow { .. } => {}
        }
        self.open.is_empty().then(|| {
            let mut input = self.input.clone();
            if self.tool == "AskUserQuestion" {
                let answers: serde_json::Map<String, Value> =
                    self.answers.drain(..).map(|(question, text)| (question, Value::String(text))).collect();
                input["answers"] = Value::Object(answers);
            }
            allow(&input)
        })
    }
}

/// Returns the response that allows a tool as it was asked for.
pub(super) fn allow(input: &Value) -> Value {
    json!({ "behavior": "allow", "updatedInput": input })
}

/// Returns the response that denies a tool.
pub(super) fn deny(reason: &str) -> Value {
    json!({ "behavior": "deny", "message": reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Scope;

    fn verdict(tool: &str, input: &Value, access: Access, cwd: &Path) -> String {
        match judge("k", tool, input, access, cwd) {
            Verdict::Allow => "allow".to_owned(),
            Verdict::Deny(_) => "deny".to_owned(),
            Verdict::Ask(asks) => match &asks[0].wish {
                Wish::Permission(it) => it.title.clone(),
                Wish::Question(it) => it.text.clone(),
            },
        }
    }

    #[test]
    fn an_agent_changes_files_where_it_works_and_asks_for_the_rest() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        let cwd = root.join("ws");
        std::fs::create_dir_all(cwd.join("src")).unwrap();
        std::fs::create_dir_all(root.join("other")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("other"), cwd.join("link")).unwrap();
        let write = |path: &str| json!({ "file_path": cwd.join(path), "content": "x" });
        let of = |path: &str| verdict("Write", &write(path), Access::Write, &cwd);
        assert_eq!(of("src/a.rs"), "allow");
        assert_eq!(of("new/deep/a.rs"), "allow");
        for path in
            [".git/hooks/pre-commit", ".GIT/config", "src/.vscode/tasks.json", ".mcp.json", ".claude/settings.json"]
        {
            assert_eq!(of(path), format!("wants to change {path}"));
        }
        for path in ["../other/a.rs", "src/../../other/a.rs", "link/a.rs"] {
            assert!(of(path).starts_with("wants to change"), "{path}");
        }
        assert!(
            verdict("Write", &json!({ "file_path": "a.rs", "content": "" }), Access::Write, &cwd).contains("change")
        );
        assert_eq!(verdict("Write", &json!({ "file": 1 }), Access::Write, &cwd), "wants to use Write");
        assert_eq!(verdict("Write", &write("src/a.rs"), Access::Read, &cwd), "deny");
        assert_eq!(verdict("Bash", &json!({ "command": "ls" }), Access::Read, &cwd), "deny");
        assert_eq!(verdict("Bash", &json!({ "command": "ls" }), Access::Write, &cwd), "wants to run a command");
        assert_eq!(verdict("mcp__callboard__channel_read", &json!({}), Access::Read, &cwd), "allow");
        assert_eq!(
            verdict("mcp__callboardx__run", &json!({}), Access::Write, &cwd),
            "wants to use mcp__callboardx__run"
        );
        assert_eq!(verdict("WebFetch", &json!({ "url": "x" }), Access::Read, &cwd), "wants to use WebFetch");
    }

    #[test]
    fn a_person_sees_all_of_what_is_asked() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join(".envrc");
        std::fs::write(&file, "one\ntwo\n").unwrap();
        let input = json!({ "command": "make", "description": "harmless", "dangerouslyDisableSandbox": true });
        let of =
            |tool: &str, input: &Value| permission(tool, input, &edits(tool, input).unwrap_or_default(), temp.path());
        let asked = of("Bash", &input);
        assert_eq!(asked.content, "make\n\n{\"dangerouslyDisableSandbox\":true}");
        assert_eq!(asked.pattern, Some(asked.content.clone()));
        let edit = of("Write", &json!({ "file_path": file, "content": "one\nthree\n" }));
        insta::assert_snapshot!(edit.files[0].diff, @r"
        @@ -1,2 +1,2 @@
         one
        -two
        +three
        ");
        let edit = of(
            "MultiEdit",
            &json!({ "file_path": file, "edits": [
            { "old_string": "one", "new_string": "1" }, { "old_string": "two", "new_string": "2" }] }),
        );
        assert!(edit.files[0].diff.contains("-one") && edit.files[0].diff.contains("+2"), "{edit:?}");
    }

    #[test]
    fn questions_are_asked_one_by_one_and_answered_together() {
        let input = json!({ "questions": [
            { "question": "Which width?", "options": [{ "label": "i32", "description": "small" }, { "label": "i64" }] },
            { "question": "Now?", "options": [] },
        ] });
        let Verdict::Ask(asks) = judge("k", "AskUserQuestion", &input, Access::Read, Path::new("/w")) else { panic!() };
        let mut pending = Pending::new("k", "AskUserQuestion", &input, &asks);
        let answer = |text: &str| AskReply::Answer { text: text.to_owned() };
        assert_eq!(pending.take("k/1", answer("yes")), None);
        let response = pending.take("k/0", answer("i64")).unwrap();
        assert_eq!(response["updatedInput"]["answers"], json!({ "Which width?": "i64", "Now?": "yes" }));
        let mut pending = Pending::new("k", "Bash", &json!({ "command": "ls" }), &[]);
        let allowed = pending.take("k", AskReply::Allow { scope: Scope::Once }).unwrap();
        assert_eq!(allowed, json!({ "behavior": "allow", "updatedInput": { "command": "ls" } }));
        assert!(
            pending.take("k", AskReply::Deny { reason: " ".to_owned() }).unwrap()["message"]
                .as_str()
                .unwrap()
                .contains("no")
        );
    }
}
