//! Callboard's tools as agents use them: a real `callboard mcp` process, greeted, listed and called by the scripted agent.
//!
//! Promises 2 and 4, security rows 6 and 7: an agent acts as itself, in its turn, and reads what the developer sees.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    COMMAND_LIMIT, Live, Ran, World,
    editor::{Editor, uri},
};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-agent");
const CALLBOARD: &str = env!("CARGO_BIN_EXE_callboard");

/// A resident scripted agent that knows where Callboard is.
fn resident(world: &World, name: &str) {
    world.profile(
        name,
        &format!(
            "name: {name}\ntitle: Scripted\ndriver: terminal\ncommand: [{FAKE}, --callboard, '{{callboard}}']\n\
             good-for: [review]\nterminal:\n  rows: 60\n  columns: 400\n  \
             title:\n    idle: ['^fake: idle']\n    working: ['^fake: working']\n    permission: ['^fake: permission']\n  \
             submit: {{echo: ['\\[Pasted text #\\d+'], echo-within: 5s}}\n  interrupt: [esc]\n  clear: ctrl-u\n  exit: /exit\n  \
             drop: ['^❯\\s*$', '^fake agent$']\n"
        ),
    );
}

/// A scripted agent that is a tool: one program a turn.
fn tool(world: &World, name: &str) {
    let profile =
        format!("name: {name}\ntitle: Scripted\ndriver: tool\ncommand: [{FAKE}, --callboard, '{{callboard}}']\n");
    world.profile(name, &profile);
}

/// Writes a shell script beside the profiles.
fn script(world: &World, name: &str, text: &str) {
    let path = world.config().join("agents").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn ask(world: &World, text: &str) -> Ran {
    world.callboard(&["channel", "post", text, "--wait"]).ok("channel post --wait")
}

fn messages(world: &World) -> Vec<Value> {
    world.callboard(&["channel", "show", "--json"]).ok("channel show").json()
}

/// Returns what an agent last said.
fn said(world: &World, agent: &str) -> String {
    let messages = messages(world);
    let last = messages.iter().rev().find(|it| it["author"]["name"] == agent);
    last.unwrap_or_else(|| panic!("@{agent} said nothing: {messages:?}"))["text"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_lists_the_tools_and_speaks_as_itself() {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    resident(&world, "ann");
    world.profile("bob", "name: bob\ntitle: Bob\ndriver: tool\ncommand: [./bob.sh]\n");
    script(&world, "bob.sh", "printf '{\"kind\":\"text\",\"text\":\"I looked\"}' > \"$CALLBOARD_RESULT\"\n");
    // The sign is written as JSON's own escape, so that the developer's message wakes nobody else.
    let post = r#"[[mcp channel_post {"text": "\u0040bob look at README.md"}]]"#;
    ask(&world, &format!("@ann [[mcp-tools]] {post} [[mcp channel_read {{\"limit\": 1}}]]"));
    let tools = said(&world, "ann");
    for tool in ["channel_read", "channel_post", "report_finding", "submit_result", "list_buffers", "read_buffer"] {
        assert!(tools.contains(tool), "{tool}: {tools}");
    }
    assert!(tools.contains("channel_post: posted as m2") && tools.contains("channel_read: (There are more"), "{tools}");
    // Its own words woke the other, in the thread of its task.
    let all = messages(&world);
    let posted = all.iter().find(|it| it["id"] == "m2").unwrap();
    assert_eq!((&posted["author"]["name"], &posted["thread"]), (&json!("ann"), &json!("m1")));
    assert_eq!((&posted["deliveries"][0]["agent"], &posted["about"]["turn"]), (&json!("bob"), &json!("t1")));
    // The same program, and so the same pass, in its next turn.
    ask(&world, "@ann [[mcp channel_post {\"text\": \"a second turn\"}]]");
    assert!(said(&world, "ann").contains("channel_post: posted as m"), "{}", said(&world, "ann"));
}

/// Promise 4: an agent is given what the developer sees, saved or not.
#[test]
fn promise_4_an_agent_reads_the_unsaved_buffer() {
    let world = World::with_files(&[("notes.md", "saved\n")]);
    resident(&world, "ann");
    let mut editor = Editor::start(&world);
    let file = uri(&world.workspace().join("notes.md"));
    editor.open(&file, "saved\n");
    editor.change(&file, 2, None, "not saved yet\n");
    // A request behind the change: what the editor said before it is known by then.
    editor.lenses(&file);
    ask(
        &world,
        "@ann [[mcp list_buffers]] [[mcp read_buffer {\"path\": \"notes.md\"}]] [[mcp read_buffer {\"path\": \"other.md\"}]]",
    );
    let text = said(&world, "ann");
    assert!(text.contains("list_buffers: notes.md (version 2, 14 bytes)"), "{text}");
    assert!(text.contains("read_buffer: not saved yet"), "{text}");
    assert!(text.contains("read_buffer failed: other.md is not open"), "{text}");
    assert_eq!(world.read("notes.md"), "saved\n");
}

#[test]
fn findings_that_are_reported_by_the_tool_are_there_at_once() {
    let world = World::with_files(&[("a.txt", "one\ntwo\n")]);
    resident(&world, "ann");
    let finding = r#"{"path": "a.txt", "line": 2, "severity": "warning", "text": "two is one too many"}"#;
    ask(
        &world,
        &format!(
            "@ann [[mcp report_finding {finding}]] [[mcp get_diagnostics {{\"path\": \"a.txt\"}}]] [[mcp report_finding {{\"text\": \"x\"}}]]"
        ),
    );
    let text = said(&world, "ann");
    assert!(text.contains("report_finding: recorded as f1"), "{text}");
    assert!(text.contains("get_diagnostics: f1 a.txt:2 warning: two is one too many (@ann)"), "{text}");
    assert!(text.contains("report_finding failed: report_finding: missing field `severity`"), "{text}");
    let findings = world.callboard(&["findings", "--json"]).ok("findings").json();
    assert_eq!((&findings[0]["id"], &findings[0]["place"]["line"]), (&json!("f1"), &json!(2)));
}

const REVIEW: &str = "title: Review\nroles:\n  reviewer: { prefer: [ann] }\nsteps:\n  - id: review\n    role: reviewer\n    \
                      result: review\n    prompt: |\n      DO\n";

/// A result in the wrong form comes back with what is wrong, in the same turn, and the last good one counts before a fenced
/// block.
#[test]
fn a_result_is_handed_in_mended_and_counts_before_a_fenced_block() {
    for driver in [resident, tool] {
        let world = World::with_files(&[("a.txt", "one\n")]);
        driver(&world, "ann");
        let bad = r#"{"result": {"kind": "review", "verdict": "perhaps"}}"#;
        let good = r#"{"result": {"kind": "review", "verdict": "changes_requested", "summary": "by the tool", "findings": [{"severity": "error", "text": "it leaks"}]}}"#;
        let fence = r#"{"kind": "review", "verdict": "approved", "summary": "by the fence"}"#;
        let script = format!("[[mcp submit_result {bad}]] [[mcp submit_result {good}]] [[fence {fence}]]");
        world.workflow("review", &REVIEW.replace("DO", &script));
        world.callboard(&["run", "review"]).ok("the run");
        let run = &world.callboard(&["runs", "--json"]).ok("runs").json()[0];
        assert_eq!(run["turns"], 1, "nothing had to be asked for again: {run}");
        let result = &run["steps"][0]["result"];
        assert_eq!((&result["verdict"], &result["summary"]), (&json!("changes_requested"), &json!("by the tool")));
        let findings = world.callboard(&["findings", "--json"]).ok("findings").json();
        assert_eq!(findings[0]["text"], "it leaks");
    }
}

/// Security row 7: a pass is dead with its turn, and worth nothing in other hands.
#[test]
fn a_pass_is_dead_with_its_turn_and_nobody_elses() {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    tool(&world, "ann");
    resident(&world, "bob");
    let out = world.root().join("out");
    fs::create_dir(&out).unwrap();
    // It leaves its pass where others find it.
    let text = format!(
        "OUT='{}'\nprintf '%s\\n%s\\n' \"$CALLBOARD_SOCKET\" \"$CALLBOARD_PASS\" > \"$OUT/pass\"\n\
         while [ ! -e \"$OUT/go\" ]; do sleep 0.05; done\n\
         printf '{{\"kind\":\"text\",\"text\":\"done\"}}' > \"$CALLBOARD_RESULT\"\n",
        out.display()
    );
    script(&world, "sly.sh", &text);
    world.profile("sly", "name: sly\ntitle: Sly\ndriver: tool\ncommand: [./sly.sh]\n");
    world.callboard(&["channel", "post", "@sly wait"]).ok("post");
    let pass = crate::support::wait_for(
        "the pass",
        COMMAND_LIMIT,
        || fs::read_to_string(out.join("pass")).ok().filter(|it| it.ends_with('\n')),
        || world.story(),
    );
    let (socket, pass) = pass.trim().split_once('\n').map(|it| (it.0.to_owned(), it.1.to_owned())).unwrap();
    let greeting = json!({ "jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "thief", "version": "1" } } });
    let steal = |pass: &str| {
        let mut command = world.command(CALLBOARD);
        command.arg("mcp").env("CALLBOARD_SOCKET", &socket).env("CALLBOARD_PASS", pass);
        let mut live = Live::start(command, "callboard mcp", true);
        live.send(&format!("{greeting}\n"));
        let line = live.line("an answer", COMMAND_LIMIT, |it| it.starts_with('{'));
        live.close_input();
        live.finish(COMMAND_LIMIT);
        serde_json::from_str::<Value>(&line).unwrap()
    };
    // While the turn goes on: the developer's own shell is not that agent.
    let answer = steal(&pass);
    assert_eq!(answer["id"], 7);
    let why = answer["error"]["message"].as_str().unwrap();
    assert!(why.contains("this pass is not valid") && why.contains("another program"), "{why}");
    // Nor is another agent, whose own pass works.
    let theft = format!("@bob [[env-set CALLBOARD_PASS {pass}]] [[mcp channel_post {{\"text\": \"as sly\"}}]]");
    ask(&world, &theft);
    assert!(said(&world, "bob").contains("mcp: this pass is not valid"), "{}", said(&world, "bob"));
    fs::write(out.join("go"), "").unwrap();
    crate::support::wait_for(
        "the end of the turn",
        COMMAND_LIMIT,
        || messages(&world).iter().any(|it| it["author"]["name"] == "sly").then_some(()),
        || world.story(),
    );
    let why = steal(&pass)["error"]["message"].as_str().unwrap().to_owned();
    assert!(why.contains("is over"), "{why}");
    assert!(!messages(&world).iter().any(|it| it["text"] == "as sly"));
    // What is no pass at all.
    let why = steal("0000")["error"]["message"].as_str().unwrap().to_owned();
    assert!(why.contains("holds no pass"), "{why}");
}

/// Promise 2: with the tools, too, an agent answers no pause and starts nothing; what is sent that is no message changes nothing.
#[test]
fn promise_2_no_tool_is_a_person() {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    resident(&world, "ann");
    world.workflow("gate", "title: Gate\nsteps:\n  - id: gate\n    pause: { message: Go on? }\n");
    let ran = world.callboard(&["run", "gate", "--detach"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    ask(
        &world,
        "@ann [[mcp decide {\"pause\": \"p1\", \"decision\": \"approve\"}]] [[mcp callboard/decide {\"pause\": \"p1\"}]] \
         [[mcp channel_post {\"text\": \"approve p1\"}]] [[mcp channel_post {\"text\": \"x\", \"by\": \"dev\"}]]",
    );
    let text = said(&world, "ann");
    assert!(text.contains("decide failed: there is no tool \"decide\""), "{text}");
    assert!(text.contains("there is no tool \"callboard/decide\""), "{text}");
    assert!(text.contains("unknown field `by`"), "{text}");
    let inbox = world.callboard(&["inbox", "--json"]).ok("inbox").json();
    assert!(inbox.iter().any(|it| it["id"] == "p1" && it["answered"].is_null()), "{inbox:?}");
}

/// Run by hand, it says what it is for and ends.
#[test]
fn outside_of_an_agent_the_server_says_why_it_does_nothing() {
    let world = World::new();
    let ran =
        world.callboard_with_input(&["mcp"], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\nnot json\n");
    assert_eq!(ran.code, Some(1));
    let answer: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().contains("is started by an agent"), "{answer}");
}

/// A question waits in the inbox like any other; the call comes back with the person's answer, and a turn's end withdraws it.
#[test]
fn a_question_waits_for_the_person_and_comes_back_as_the_tools_answer() {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    resident(&world, "ann");
    let question = r#"{"question": "Which release is it for?", "choices": ["2.0", "2.1"]}"#;
    world.callboard(&["channel", "post", &format!("@ann [[mcp ask_human {question}]]")]).ok("post");
    let open = |id: &str| {
        let inbox = world.callboard(&["inbox", "--json"]).ok("inbox").json();
        inbox.iter().any(|it| it["id"] == id && it["kind"] == "question").then_some(())
    };
    crate::support::wait_for("the question", COMMAND_LIMIT, || open("p1"), || world.story());
    let agents = world.callboard(&["agents", "--json"]).ok("agents").json();
    let claim = &agents.iter().find(|it| it["info"]["name"] == "ann").unwrap()["claim"];
    assert_eq!(claim["state"]["is"], "waitingForAnswer", "{claim}");
    world.callboard(&["decide", "p1", "approve", "--text", "For 2.1, please."]).ok("the answer");
    let answered = || messages(&world).iter().any(|it| it["author"]["name"] == "ann").then_some(());
    crate::support::wait_for("the agent's answer", COMMAND_LIMIT, answered, || world.story());
    assert!(said(&world, "ann").contains("ask_human: For 2.1, please."), "{}", said(&world, "ann"));
    // Asked again and then stopped: nothing is left to be answered.
    world.callboard(&["channel", "post", &format!("@ann [[mcp ask_human {question}]]")]).ok("post");
    crate::support::wait_for("the second question", COMMAND_LIMIT, || open("p2"), || world.story());
    world.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    let gone = || {
        let inbox = world.callboard(&["inbox", "--json"]).ok("inbox").json();
        inbox.is_empty().then_some(())
    };
    crate::support::wait_for("an empty inbox", COMMAND_LIMIT, gone, || world.story());
}
