//! A conversation as recorded, everything that the protocol allows in any order, and the same cut.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const RECORDED: &str = include_str!("../../../../../tests/fixtures/agents/acp-gemini.txt");

fn opening(access: Access) -> Opening<'static> {
    Opening {
        cwd: Path::new("/ws"),
        workspace: Path::new("/ws"),
        access,
        tools: None,
        model: None,
        homes: (Path::new("/"), Path::new("/own")),
    }
}

/// A conversation in which a session is open.
fn open(access: Access) -> Acp {
    let mut acp = Acp::anew("gemini".parse().unwrap());
    acp.initialize();
    let answer = json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } });
    assert_eq!(acp.initialized(&answer), Ok(None));
    acp.opened(&json!({ "sessionId": "s" })).unwrap();
    acp.prompt(&opening(access), "hello");
    acp
}

fn ask(id: u32, kind: &str, rest: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"session/request_permission","params":{{"sessionId":"s","options":[{{"optionId":"A","kind":"allow_always"}},{{"optionId":"a","kind":"allow_once"}},{{"optionId":"r","kind":"reject_once"}}],"toolCall":{{"toolCallId":"c{id}","kind":"{kind}"{rest}}}}}}}"#
    )
}

fn picked(steps: &[Step]) -> Option<String> {
    steps.iter().find_map(|it| match it {
        Step::Send(line) => {
            let value: Value = serde_json::from_str(line).unwrap();
            let outcome = &value["result"]["outcome"];
            Some(outcome["optionId"].as_str().or(outcome["outcome"].as_str()).unwrap_or("error").to_owned())
        }
        _ => None,
    })
}

#[test]
fn what_is_no_message_says_nothing() {
    let mut acp = open(Access::Write);
    for line in ["[1, 2]", "null", "3", "\"x\"", "{}", r#"{"params": [1]}"#, r#"{"id": [], "result": 1}"#] {
        assert!(acp.hear(line).iter().all(|it| !matches!(it, Step::Over { .. })), "{line}");
    }
    let steps = acp.hear(&"x".repeat(1 << 20));
    assert!(matches!(&*steps, [Step::Show(text)] if text.len() < 3_000), "only its beginning is shown");
}

#[test]
fn a_recorded_conversation_comes_to_its_asks_answers_and_ends() {
    let mut acp = Acp::anew("gemini".parse().unwrap());
    let mut story = String::new();
    let mut open: Vec<String> = Vec::new();
    for line in RECORDED.lines().filter(|it| !it.starts_with('#')) {
        let (side, message) = line.split_at(2);
        let value: Value = serde_json::from_str(message).unwrap();
        let steps = match (side, value["method"].as_str()) {
            ("> ", Some("session/prompt")) => {
                let text = value["params"]["prompt"][0]["text"].as_str().unwrap();
                let _ = writeln!(story, "# {text}");
                let sent: Value = serde_json::from_str(&acp.prompt(&opening(Access::Write), text)).unwrap();
                assert_eq!(sent, value);
                continue;
            }
            ("> ", Some("session/cancel")) => {
                let _ = writeln!(story, "cancel {}", acp.interrupt().len());
                open.clear();
                continue;
            }
            ("> ", Some(method)) => {
                let purpose = if method == "initialize" { Purpose::Initialize } else { Purpose::Session };
                acp.request(purpose, method, &value["params"]);
                continue;
            }
            ("> ", None) => {
                let Some(key) = open.pop() else { continue };
                let allows = value["result"]["outcome"]["optionId"] == "proceed_once";
                let denied = AskReply::Deny { reason: String::new() };
                acp.reply(&key, if allows { &AskReply::Allow { scope: Scope::Run } } else { &denied })
            }
            _ => acp.hear(message),
        };
        for step in steps {
            let _ = match step {
                Step::Progress | Step::Show(_) | Step::Claim(..) => Ok(()),
                Step::Answered(Purpose::Session, Ok(answer)) => {
                    acp.opened(&answer);
                    Ok(())
                }
                Step::Answered(..) => Ok(()),
                Step::Send(line) => writeln!(story, "send {line}"),
                Step::Ask(it) => {
                    open.push(it.key.clone());
                    let Wish::Permission(it) = it.wish else { panic!("{it:?}") };
                    writeln!(story, "ask {} [{}] {:?} {:?}", it.title, it.tool, it.content, it.files)
                }
                Step::Over(over) => {
                    let class = over.map_err(|it| it.class);
                    writeln!(story, "over {class:?} said {:?} tokens {:?}", acp.said, acp.tokens)
                }
                other => writeln!(story, "{other:?}"),
            };
        }
    }
    insta::assert_snapshot!(story, @r##"
    # one @@write /ws/one.txt|acp@@
    Touches { paths: ["one.txt"], over: false }
    send {"id":0,"jsonrpc":"2.0","result":{"outcome":{"optionId":"proceed_once","outcome":"selected"}}}
    Touches { paths: ["/ws/one.txt"], over: true }
    over Ok(()) said "MOCK-OK turn=1" tokens Some(240)
    # two @@bash touch /ws/two.txt@@
    ask wants to run a command [execute] "touch /ws/two.txt\n\n[current working directory /ws] (mock)" []
    send {"id":1,"jsonrpc":"2.0","result":{"outcome":{"optionId":"proceed_once","outcome":"selected"}}}
    over Ok(()) said "MOCK-OK turn=2" tokens Some(240)
    # three @@tool mcp_orch_echo {"text":"yo"}@@
    ask wants to use a tool [other] "echo (orch MCP Server)\n\n{\"text\":\"yo\"}" []
    send {"id":2,"jsonrpc":"2.0","result":{"outcome":{"optionId":"proceed_once","outcome":"selected"}}}
    over Ok(()) said "MOCK-OK turn=3" tokens Some(240)
    # four @@bash touch /ws/four.txt@@
    ask wants to run a command [execute] "touch /ws/four.txt\n\n[current working directory /ws] (mock)" []
    send {"id":3,"jsonrpc":"2.0","result":{"outcome":{"optionId":"cancel","outcome":"selected"}}}
    over Ok(()) said "MOCK-OK turn=4" tokens Some(240)
    # five @@read /ws/one.txt@@
    over Ok(()) said "MOCK-OK turn=5" tokens Some(240)
    # warm 0
    over Ok(()) said "MOCK-OK turn=6" tokens Some(120)
    # warm 1
    over Ok(()) said "MOCK-OK turn=7" tokens Some(120)
    # warm 2
    over Ok(()) said "MOCK-OK turn=8" tokens Some(120)
    # warm 3
    over Ok(()) said "MOCK-OK turn=9" tokens Some(120)
    # warm 4
    over Ok(()) said "MOCK-OK turn=10" tokens Some(120)
    # six @@slow 15@@
    cancel 1
    over Err(Interrupted) said "tick0 " tokens None
    # seven @@bash touch /ws/seven.txt@@
    ask wants to run a command [execute] "touch /ws/seven.txt\n\n[current working directory /ws] (mock)" []
    cancel 2
    over Err(Interrupted) said "" tokens None
    # eight @@fail 500@@
    over Err(Overloaded) said "" tokens None
    # nine after error
    over Ok(()) said "MOCK-OK turn=12" tokens Some(120)
    # ten @@bash touch /ws/ten.txt@@
    ask wants to run a command [execute] "touch /ws/ten.txt\n\n[current working directory /ws] (mock)" []
    send {"id":5,"jsonrpc":"2.0","result":{"outcome":{"optionId":"proceed_once","outcome":"selected"}}}
    over Ok(()) said "MOCK-OK turn=13" tokens Some(240)
    # second session
    over Ok(()) said "MOCK-OK turn=1" tokens Some(120)
    "##);
}

#[test]
fn a_permission_is_chosen_by_its_kind_and_one_without_a_kind_allows_nothing() {
    let mut acp = open(Access::Write);
    let steps = acp.hear(&ask(1, "execute", r#","title":"rm x""#));
    let Some(Step::Ask(asked)) = steps.first() else { panic!("{steps:?}") };
    assert_eq!(picked(&acp.reply(&asked.key, &AskReply::Allow { scope: Scope::Always })), Some("a".to_owned()));
    assert_eq!(acp.reply(&asked.key, &AskReply::Allow { scope: Scope::Once }), [], "answered twice");
    let bare = r#"{"id":2,"method":"session/request_permission","params":{"sessionId":"s","options":[{"optionId":"allow","name":"Allow"}],"toolCall":{"kind":"execute","title":"x"}}}"#;
    let steps = acp.hear(bare);
    let Some(Step::Ask(asked)) = steps.first() else { panic!("{steps:?}") };
    assert_eq!(picked(&acp.reply(&asked.key, &AskReply::Allow { scope: Scope::Once })), Some("cancelled".to_owned()));
    // Of another session, or after the turn.
    let other = ask(3, "execute", "").replace(r#""sessionId":"s""#, r#""sessionId":"t""#);
    assert_eq!(picked(&acp.hear(&other)), Some("r".to_owned()));
    acp.hear(r#"{"id":2,"result":{"stopReason":"end_turn"}}"#);
    assert_eq!(picked(&acp.hear(&ask(4, "execute", ""))), Some("r".to_owned()));
}

#[test]
fn who_may_write_edits_in_its_folder_and_who_reads_may_do_nothing_else() {
    let edit = |path: &str| format!(r#","content":[{{"type":"diff","path":"{path}","oldText":"a","newText":"b"}}]"#);
    let mut acp = open(Access::Write);
    assert_eq!(picked(&acp.hear(&ask(1, "edit", &edit("/ws/a.rs")))), Some("a".to_owned()));
    for path in ["/ws/.git/config", "/etc/hosts", "/ws/../x"] {
        let steps = acp.hear(&ask(2, "edit", &edit(path)));
        assert!(matches!(steps.first(), Some(Step::Ask(_))), "{path}: {steps:?}");
    }
    let elsewhere = format!(r#"{},"locations":[{{"path":"/etc/hosts"}}]"#, edit("/ws/a.rs"));
    assert!(matches!(acp.hear(&ask(3, "edit", &elsewhere)).first(), Some(Step::Ask(_))));
    let mut acp = open(Access::Read);
    for kind in ["edit", "execute", "delete", "move", "fetch", "other", "new"] {
        assert_eq!(picked(&acp.hear(&ask(1, kind, &edit("/ws/a.rs")))), Some("r".to_owned()), "{kind}");
    }
}

#[test]
fn callboards_own_tools_need_no_permission_and_nothing_passes_for_one() {
    let mut acp = open(Access::Write);
    let own = ask(1, "other", "").replace(r#""toolCallId":"c1""#, r#""toolCallId":"mcp_callboard_submit_result__1""#);
    assert_eq!(picked(&acp.hear(&own)), Some("a".to_owned()));
    for forged in [
        ask(2, "execute", r#","title":"mcp__callboard__x (callboard MCP Server)""#),
        ask(3, "other", r#","title":"x (callboard MCP Server)""#),
    ] {
        assert!(matches!(acp.hear(&forged).first(), Some(Step::Ask(_))), "{forged}");
    }
}

#[test]
fn what_was_not_offered_is_refused_and_unknown_things_are_no_failure() {
    let mut acp = open(Access::Write);
    for method in ["fs/read_text_file", "terminal/create", "new/thing"] {
        let steps = acp.hear(&format!(r#"{{"id":"x","method":"{method}","params":{{}}}}"#));
        assert!(matches!(&steps[..], [Step::Send(line)] if line.contains("-32601")), "{method}: {steps:?}");
    }
    let new = r#"{"method":"session/update","params":{"sessionId":"s","update":{"sessionUpdate":"new_thing"}}}"#;
    assert_eq!(acp.hear(new), [Step::Progress]);
    assert!(matches!(&acp.hear("not JSON")[..], [Step::Show(_)]));
    // A session's history that is told again is no part of the answer.
    let old = r#"{"method":"session/update","params":{"sessionId":"old","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"old"}}}}"#;
    acp.hear(old);
    assert_eq!(acp.said().0, "");
}

#[test]
fn each_end_and_each_refusal_has_its_class() {
    let end = |answer: &str| {
        let mut acp = open(Access::Write);
        let steps = acp.hear(&format!(r#"{{"id":2,{answer}}}"#));
        match steps.into_iter().find_map(|it| if let Step::Over(over) = it { Some(over) } else { None }) {
            Some(over) => over.map_err(|it| it.class),
            None => panic!("no end: {answer}"),
        }
    };
    assert_eq!(end(r#""result":{"stopReason":"end_turn"}"#), Ok(()));
    assert_eq!(end(r#""result":{"stopReason":"cancelled"}"#), Err(FailureClass::Interrupted));
    assert_eq!(end(r#""result":{"stopReason":"refusal"}"#), Err(FailureClass::Denied));
    assert_eq!(end(r#""result":{"stopReason":"max_tokens"}"#), Err(FailureClass::ContextFull));
    assert_eq!(end(r#""result":{"stopReason":"new"}"#), Err(FailureClass::Crashed));
    assert_eq!(end(r#""error":{"code":500,"message":"x"}"#), Err(FailureClass::Overloaded));
    assert_eq!(end(r#""error":{"code":429,"message":"x"}"#), Err(FailureClass::RateLimited));
    assert_eq!(end(r#""error":{"code":-32000,"message":"Authentication required"}"#), Err(FailureClass::NotSignedIn));
    let inner = r#""error":{"code":-32603,"message":"{\"error\":{\"code\":401,\"message\":\"no key\"}}"}"#;
    assert_eq!(end(inner), Err(FailureClass::NotSignedIn));
    let acp = open(Access::Read);
    assert_eq!(acp.refusal("Authentication required"), FailureClass::NotSignedIn);
}

#[test]
fn an_interrupt_answers_what_is_asked() {
    let mut acp = open(Access::Write);
    acp.hear(&ask(1, "execute", r#","title":"x""#));
    let lines = acp.interrupt();
    assert!(lines[0].contains("session/cancel") && lines[1].contains("cancelled"), "{lines:?}");
    assert!(!acp.waits());
}

proptest! {
    /// Promise 1: in whatever order, cut or doubled, a turn ends once, and nothing is allowed that nobody allowed.
    #[test]
    fn broken_conversations_end_a_turn_once_and_allow_nothing(
        picks in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(any::<prop::sample::Index>())), 1..200),
    ) {
        let lines: Vec<&str> = RECORDED.lines().filter_map(|it| it.strip_prefix("< ")).collect();
        let mut acp = open(Access::Read);
        let mut overs = 0;
        for (line, cut) in picks {
            let line = line.get(&lines);
            let line = match cut {
                Some(cut) => {
                    let at = cut.index(line.len());
                    &line[..(0..=at).rev().find(|it| line.is_char_boundary(*it)).unwrap_or(0)]
                }
                None => line,
            };
            for step in acp.hear(line) {
                overs += usize::from(matches!(step, Step::Over(_)));
                if let Step::Send(line) = step {
                    prop_assert!(!line.contains("proceed"), "{line}");
                }
            }
        }
        prop_assert!(overs <= 1, "{overs} ends of one turn");
    }
}
