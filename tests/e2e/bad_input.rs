//! Bad input (design §12): each gets a sentence that says what, where and what to do, and costs no state.

use std::process::Stdio;

use callboard::lsp::frame::{FrameReader, frame};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    journal, relay,
    support::{COMMAND_LIMIT, World},
};

/// Speaks to `callboard lsp` byte by byte: sends everything, and returns what it answered and its exit code.
async fn spoken(world: &World, messages: &[&[u8]]) -> (Vec<Value>, Option<i32>) {
    let mut command = tokio::process::Command::from(world.command(env!("CARGO_BIN_EXE_callboard")));
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("a language server");
    let mut input = child.stdin.take().expect("its input");
    let mut output = FrameReader::new(child.stdout.take().expect("its output"));
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "rootUri": format!("file://{}", world.workspace().display()), "capabilities": {} } });
    input.write_all(&frame(hello.to_string().as_bytes())).await.expect("the greeting");
    let greeting = tokio::time::timeout(COMMAND_LIMIT, output.next()).await.expect("a greeting in time");
    assert!(greeting.is_ok_and(|it| it.is_some()), "no greeting");
    let mut bytes = frame(br#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
    for message in messages {
        bytes.extend_from_slice(message);
    }
    // It may stop listening in the middle, which is right where it can't read on.
    let writing = async {
        let _ = input.write_all(&bytes).await;
        let _ = input.flush().await;
        drop(input);
    };
    let reading = async {
        let mut answers = Vec::new();
        while let Ok(Some(body)) = output.next().await {
            answers.push(serde_json::from_slice(&body).expect("JSON"));
        }
        answers
    };
    let both = async { tokio::join!(writing, reading).1 };
    let answers = tokio::time::timeout(COMMAND_LIMIT, both).await.expect("the server's end");
    let status = tokio::time::timeout(COMMAND_LIMIT, child.wait()).await.expect("the server's exit").expect("a status");
    (answers, status.code())
}

fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    frame(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string().as_bytes())
}

fn error_of(answers: &[Value], id: u64) -> (i64, String) {
    let answer = answers.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no answer to {id}: {answers:?}"));
    let error = &answer["error"];
    (error["code"].as_i64().expect("a code"), error["message"].as_str().expect("a message").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_editor_says_wrongly_is_told_so_and_costs_no_state() {
    let world = relay::world();
    world.callboard(&["channel", "post", "this stays"]).ok("a post");
    let hub = world.wait_for_hub();
    let before = journal::entries(&world);

    let unknown = request(1, "callboard/makeCoffee", &json!({}));
    let wrong = request(2, "callboard/decide", &json!({ "pause": 7, "decision": ["approve"] }));
    let good = request(3, "callboard/messages", &json!({ "channel": "main" }));
    let (answers, _) = spoken(&world, &[&unknown, &wrong, &good]).await;
    let (code, message) = error_of(&answers, 1);
    assert_eq!(
        (code, message.contains("not found") || message.contains("callboard/makeCoffee")),
        (-32601, true),
        "{message}"
    );
    let (code, message) = error_of(&answers, 2);
    assert_eq!((code, message.is_empty()), (-32602, false), "{message}");
    let good = answers.iter().find(|it| it["id"] == 3).expect("an answer after bad ones");
    assert!(good["result"].to_string().contains("this stays"), "{good}");

    let long = vec![b'a'; 20_000];
    for (bytes, says) in [
        (&b"Content-Length: nonsense\r\n\r\n"[..], "gives no length"),
        (&long[..], "longer than 8192 bytes"),
        (b"Content-Length: 99999999999\r\n\r\n", "at most"),
    ] {
        let (answers, code) = spoken(&world, &[bytes]).await;
        let last = answers.last().expect("a word before the end");
        let message = last["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{last}");
        assert_eq!(code, Some(70), "what it sent can't be read");
    }
    let (answers, _) = spoken(&world, &[&frame(b"[[[[{"), &frame(b"\"text\"")]).await;
    assert!(!answers.is_empty(), "JSON that is none ended the session without a word");

    assert_eq!(journal::entries(&world), before, "bad input was recorded");
    assert_eq!(world.hub_pid(), Some(hub), "the hub minded");
}

#[test]
fn a_workflow_with_errors_is_refused_with_every_place() {
    let world = relay::world();
    world.workflow("broken", "title: B\nsteps:\n  - { id: a, role: nobody, prompt: \"{{ x }}\" }\n");
    let ran = world.callboard(&["run", "broken"]).code(1, "a workflow with errors");
    insta::assert_snapshot!(world.normal(&ran.stderr), @r"
    error: the workflow broken can't be run:
        3:20: error[unknown-role]: there is no role `nobody`; add it under `roles:`, or use `tool:` for a tool agent
        3:40: error[unknown-variable]: there is no `x` here; use one of `inputs`, `round`, `run`, `roles`
    ");
    let ran = world.callboard(&["run", "nowhere"]).code(2, "a workflow that is not there");
    assert!(ran.stderr.starts_with("error: there is no workflow \"nowhere\"; use one of "), "{}", ran.stderr);
    assert!(ran.stderr.contains("`callboard workflows list`"), "{}", ran.stderr);
    let listed = world.callboard(&["runs", "--json"]).ok("the runs");
    assert_eq!(listed.stdout, "", "a run came of it");
}

#[test]
fn an_agent_whose_program_is_missing_is_named_with_what_to_do() {
    let world = relay::world();
    world.profile(
        "ghost",
        "name: ghost\ntitle: G\ndriver: tool\ncommand: [no-such-program]\nmissing: install it from its site\n",
    );
    world.workflow(
        "haunted",
        "title: H\nroles:\n  r: { prefer: [ghost] }\nsteps:\n  - { id: a, role: r, prompt: hi }\n",
    );
    let ran = world.callboard(&["run", "haunted"]).code(1, "a run that nobody can play in");
    insta::assert_snapshot!(world.normal(&ran.stderr), @r#"
    error: nobody here can play the role r. Tried @ghost: the tool "no-such-program" was not found on PATH outside the workspace; install it from its site. Install one of them, or choose an agent with --agent r=NAME
    help: `callboard doctor` says which agents are here and how to get the others
    "#);
    let ran = world.callboard(&["run", "haunted", "--json"]).code(1, "the same for programs");
    let said = if ran.stdout.is_empty() { &ran.stderr } else { &ran.stdout };
    let error: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect("one object a line");
    assert_eq!(error["error"]["code"], "no_agent", "{error}");
    world.callboard(&["run", "relay", "--yes"]).ok("others still run");
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let world = World::new();
    for args in [&["frobnicate"][..], &["decide", "x1", "approve"], &["decide", "p1", "maybe"], &["show"]] {
        let ran = world.callboard(args).code(2, &args.join(" "));
        assert!(ran.stderr.starts_with("error:"), "{}", ran.stderr);
    }
    assert_eq!(world.hub_pid(), None, "a hub was started for nothing");
}
