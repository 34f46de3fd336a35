//! Conversations as recorded, and what they come to; and the same cut, split and put in another order.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const RECORDED: &str = include_str!("../../../../../../tests/fixtures/agents/codex-app-server.txt");

fn dialogue() -> Dialogue {
    Dialogue::new("codex".parse().unwrap())
}

fn leave(may_edit: bool) -> Leave {
    Leave { cwd: "/ws".into(), may_edit }
}

fn purpose(method: &str) -> Purpose {
    match method {
        "initialize" => Purpose::Initialize,
        "turn/start" => Purpose::Turn,
        "turn/interrupt" => Purpose::Interrupt,
        "turn/steer" => Purpose::Steer,
        _ => Purpose::Session,
    }
}

/// Plays a recorded conversation: what the client said is said again, what Codex said is heard.
fn play(text: &str, may_edit: bool) -> String {
    let mut dialogue = dialogue();
    let mut story = String::new();
    let mut open: Vec<String> = Vec::new();
    // What the client asks now and did not when this was recorded moves the numbers of what it asks after that.
    let mut unrecorded = 0;
    for line in text.lines().filter(|it| !it.starts_with('#')) {
        let (side, message) = line.split_at(2);
        if side == "> " {
            let message: Value = serde_json::from_str(message).unwrap();
            if let Some(method) = message["method"].as_str().filter(|_| message["id"].is_u64()) {
                if method == "turn/start" {
                    dialogue.begin(leave(may_edit));
                    let _ = writeln!(story, "# {}", message["params"]["input"][0]["text"].as_str().unwrap());
                }
                let sent = dialogue.request(purpose(method), method, &message["params"]);
                assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), moved(message, unrecorded));
            } else if let Some(key) = open.pop() {
                let allows = message["result"]["decision"] == "accept" || message["result"]["action"] == "accept";
                let reply = if allows {
                    AskReply::Allow { scope: crate::ask::Scope::Always }
                } else {
                    AskReply::Deny { reason: String::new() }
                };
                for step in dialogue.reply(&key, &reply) {
                    tell(&mut story, &mut open, &dialogue, step);
                }
            }
            continue;
        }
        let message: Value = serde_json::from_str(message).unwrap();
        let is_answer = message.get("method").is_none();
        let message = if is_answer { moved(message, unrecorded) } else { message };
        for step in dialogue.hear(&message.to_string()) {
            unrecorded += u64::from(matches!(&step, Step::Send(it) if it.contains("\"method\"")));
            if let Step::Answered(Purpose::Session, Ok(answer)) = &step {
                dialogue.speaks_in(answer["thread"]["id"].as_str().unwrap());
            }
            tell(&mut story, &mut open, &dialogue, step);
        }
    }
    story
}

/// Returns a message with the number it has after so many that were not recorded.
fn moved(mut message: Value, by: u64) -> Value {
    if let Some(id) = message["id"].as_u64() {
        message["id"] = (id + by).into();
    }
    message
}

fn tell(story: &mut String, open: &mut Vec<String>, dialogue: &Dialogue, step: Step) {
    let _ = match step {
        Step::Progress | Step::Show(_) | Step::Answered(_, Ok(_)) => return,
        Step::Send(line) => writeln!(story, "send {line}"),
        Step::Ask(ask) => {
            open.push(ask.key.clone());
            match ask.wish {
                Wish::Permission(it) => {
                    let files: String = it.files.iter().map(|it| format!("\n{}", it.diff.trim_end())).collect();
                    writeln!(story, "ask {} [{}] {:?}{files}", it.title, it.tool, it.content)
                }
                Wish::Question(it) => writeln!(story, "ask {:?} {:?}", it.text, it.choices),
            }
        }
        Step::Over(over) => {
            let class = over.map_err(|it| it.class);
            writeln!(story, "over {class:?} said {:?} tokens {:?}", dialogue.said().0, dialogue.tokens())
        }
        Step::Retrying(it) => writeln!(story, "retrying after {:?}", it.class),
        other => writeln!(story, "{other:?}"),
    };
}

#[test]
fn a_recorded_conversation_comes_to_its_asks_answers_and_ends() {
    let story = play(RECORDED, false);
    insta::assert_snapshot!(story, @r##"
    # one @@write s1.txt|x@@
    Touches { paths: ["/ws/s1.txt"], over: false }
    ask wants to change s1.txt [edit] ""
    --- /dev/null
    +++ b/s1.txt
    @@ -0,0 +1,1 @@
    +x
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":0,"result":{"decision":"accept"}}
    Claim(Working, "it has its answer")
    Touches { paths: ["/ws/s1.txt"], over: true }
    over Ok(()) said "MOCK-OK turn=1" tokens Some(240)
    # two @@bash touch s2.txt@@
    ask wants to run a command [command] "/bin/bash -lc 'touch s2.txt'"
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":1,"result":{"decision":"accept"}}
    Claim(Working, "it has its answer")
    over Ok(()) said "MOCK-OK turn=2" tokens Some(240)
    # three @@tool mcp__orch::echo {"text":"yo"}@@
    ask wants to use echo of orch [orch/echo] "{\n  \"text\": \"yo\"\n}\n\nWhat the server says of it: Echo text"
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":2,"result":{"action":"accept","content":{}}}
    Claim(Working, "it has its answer")
    over Ok(()) said "MOCK-OK turn=3" tokens Some(240)
    # four @@bash touch s4.txt@@
    ask wants to run a command [command] "/bin/bash -lc 'touch s4.txt'"
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":3,"result":{"decision":"decline"}}
    Claim(Working, "it has its answer")
    over Ok(()) said "MOCK-OK turn=4" tokens Some(240)
    # five @@bash touch s5.txt@@
    ask wants to run a command [command] "/bin/bash -lc 'touch s5.txt'"
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":4,"result":{"decision":"decline"}}
    Claim(Working, "it has its answer")
    send {"id":8,"method":"thread/backgroundTerminals/clean","params":{"threadId":"01a201eb-8a72-7583-b47e-5c745d3b0243"}}
    over Err(Interrupted) said "" tokens Some(120)
    # warm
    over Ok(()) said "MOCK-OK turn=6" tokens Some(120)
    # warm
    over Ok(()) said "MOCK-OK turn=7" tokens Some(120)
    # warm
    over Ok(()) said "MOCK-OK turn=8" tokens Some(120)
    # warm
    over Ok(()) said "MOCK-OK turn=9" tokens Some(120)
    # warm
    over Ok(()) said "MOCK-OK turn=10" tokens Some(120)
    # six @@slow 15@@
    send {"id":17,"method":"thread/backgroundTerminals/clean","params":{"threadId":"01a201eb-8a72-7583-b47e-5c745d3b0243"}}
    over Err(Interrupted) said "" tokens Some(0)
    # seven @@fail 500@@
    retrying after Overloaded
    over Err(Overloaded) said "" tokens Some(0)
    # eight ok
    over Ok(()) said "MOCK-OK turn=13" tokens Some(120)
    # bg @@bash sleep 20@@
    ask wants to run a command [command] "/bin/bash -lc 'sleep 20'"
    Claim(WaitingForPermission, "it asks for a permission")
    send {"id":5,"result":{"decision":"accept"}}
    Claim(Working, "it has its answer")
    send {"id":22,"method":"thread/backgroundTerminals/clean","params":{"threadId":"01a201eb-8a72-7583-b47e-5c745d3b0243"}}
    over Err(Interrupted) said "" tokens Some(120)
    "##);
}

#[test]
fn who_may_write_edits_files_in_its_folder_unasked_and_asks_for_all_else() {
    let story = play(RECORDED, true);
    assert!(!story.contains("wants to change"), "{story}");
    assert_eq!(story.matches("wants to run a command").count(), 4, "{story}");
}

#[test]
fn a_denial_with_a_reason_is_told_to_the_turn() {
    let mut dialogue = dialogue();
    dialogue.speaks_in("t");
    dialogue.begin(leave(true));
    dialogue.hear(r#"{"method":"turn/started","params":{"turn":{"id":"u"}}}"#);
    let asked = dialogue.hear(
        r#"{"id":7,"method":"item/commandExecution/requestApproval","params":{"command":"rm x","cwd":"/","reason":"tidy"}}"#,
    );
    let Some(Step::Ask(ask)) = asked.first() else { panic!("{asked:?}") };
    let Wish::Permission(permission) = &ask.wish else { panic!("{ask:?}") };
    assert_eq!(permission.content, "rm x\n\nin /\n\nIts reason: tidy");
    assert_eq!(permission.pattern, None, "what it would do depends on the folder");
    assert!(dialogue.waits());
    let steps = dialogue.reply(&ask.key, &AskReply::Deny { reason: "keep it".to_owned() });
    assert_eq!(steps[0], Step::Send(r#"{"id":7,"result":{"decision":"decline"}}"#.to_owned()));
    assert!(
        matches!(&steps[1], Step::Send(line) if line.contains("turn/steer") && line.contains("keep it")),
        "{steps:?}"
    );
    assert_eq!(dialogue.reply(&ask.key, &AskReply::Allow { scope: crate::ask::Scope::Once }), [], "answered twice");
}

#[test]
fn questions_are_asked_one_after_the_other_and_secrets_never() {
    let mut dialogue = dialogue();
    dialogue.begin(leave(true));
    dialogue.hear(r#"{"method":"turn/started","params":{"turn":{"id":"u"}}}"#);
    let asked = dialogue.hear(
        r#"{"id":1,"method":"item/tool/requestUserInput","params":{"questions":[{"id":"a","header":"","question":"Which?","options":[{"label":"x","description":""}]},{"id":"b","header":"H","question":"Why?"}]}}"#,
    );
    let Some(Step::Ask(first)) = asked.first() else { panic!("{asked:?}") };
    assert_eq!(first.wish, Wish::Question(crate::ask::Question { text: "Which?".into(), choices: vec!["x".into()] }));
    let next = dialogue.reply(&first.key, &AskReply::Answer { text: "x".to_owned() });
    let Some(Step::Ask(second)) = next.first() else { panic!("{next:?}") };
    assert_ne!(first.key, second.key);
    let done = dialogue.reply(&second.key, &AskReply::Answer { text: "because".to_owned() });
    let expect = r#"{"id":1,"result":{"answers":{"a":{"answers":["x"]},"b":{"answers":["because"]}}}}"#;
    assert_eq!(done[0], Step::Send(expect.to_owned()));

    let secret = r#"{"id":2,"method":"item/tool/requestUserInput","params":{"questions":[{"id":"a","header":"","question":"Key?","isSecret":true}]}}"#;
    assert_eq!(dialogue.hear(secret)[1], Step::Send(r#"{"id":2,"result":{"answers":{}}}"#.to_owned()));
}

#[test]
fn a_form_with_one_field_is_a_question_and_any_other_is_declined() {
    let mut dialogue = dialogue();
    dialogue.begin(leave(true));
    dialogue.hear(r#"{"method":"turn/started","params":{"turn":{"id":"u"}}}"#);
    let form = |id: u32, fields: &str| {
        format!(
            r#"{{"id":{id},"method":"mcpServer/elicitation/request","params":{{"serverName":"s","mode":"form","message":"Which?","requestedSchema":{{"type":"object","properties":{fields}}}}}}}"#
        )
    };
    let asked = dialogue.hear(&form(1, r#"{"branch":{"type":"string"}}"#));
    let Some(Step::Ask(ask)) = asked.first() else { panic!("{asked:?}") };
    let steps = dialogue.reply(&ask.key, &AskReply::Answer { text: "main".to_owned() });
    let expect = r#"{"id":1,"result":{"action":"accept","content":{"branch":"main"}}}"#;
    assert_eq!(steps[0], Step::Send(expect.to_owned()));
    let declined = dialogue.hear(&form(2, r#"{"a":{"type":"string"},"b":{"type":"string"}}"#));
    assert_eq!(declined[1], Step::Send(r#"{"id":2,"result":{"action":"decline"}}"#.to_owned()));
}

#[test]
fn nothing_is_allowed_between_turns_and_unknown_requests_are_refused() {
    let mut dialogue = dialogue();
    let asked = dialogue.hear(r#"{"id":1,"method":"item/fileChange/requestApproval","params":{"itemId":"x"}}"#);
    assert_eq!(asked, [Step::Send(r#"{"id":1,"result":{"decision":"decline"}}"#.to_owned())]);
    let asked = dialogue.hear(r#"{"id":2,"method":"item/tool/call","params":{}}"#);
    assert!(matches!(&asked[1], Step::Send(line) if line.contains("-32601")), "{asked:?}");
}

#[test]
fn an_ask_that_codex_gave_up_is_withdrawn() {
    let mut dialogue = dialogue();
    dialogue.begin(leave(false));
    dialogue.hear(r#"{"method":"turn/started","params":{"turn":{"id":"u"}}}"#);
    let asked = dialogue.hear(r#"{"id":9,"method":"item/commandExecution/requestApproval","params":{"command":"x"}}"#);
    let Some(Step::Ask(ask)) = asked.first() else { panic!("{asked:?}") };
    let steps = dialogue.hear(r#"{"method":"serverRequest/resolved","params":{"requestId":9}}"#);
    assert!(steps.contains(&Step::Unask(ask.key.clone())), "{steps:?}");
    assert!(!dialogue.waits());
}

#[test]
fn a_thread_that_was_resumed_counts_only_what_the_turn_used() {
    let mut dialogue = dialogue();
    dialogue.begin(leave(false));
    let tokens = |total: u64, last: u64| {
        format!(
            r#"{{"method":"thread/tokenUsage/updated","params":{{"tokenUsage":{{"total":{{"totalTokens":{total}}},"last":{{"totalTokens":{last}}}}}}}}}"#
        )
    };
    dialogue.hear(&tokens(1_120, 120));
    dialogue.hear(&tokens(1_250, 130));
    assert_eq!(dialogue.tokens(), Some(250));
    dialogue.begin(leave(false));
    assert_eq!(dialogue.tokens(), Some(0));
    dialogue.hear(&tokens(1_300, 50));
    assert_eq!(dialogue.tokens(), Some(50));
}

#[test]
fn a_used_up_limit_says_when_it_begins_anew() {
    let mut dialogue = dialogue();
    dialogue.begin(leave(false));
    dialogue.hear(r#"{"method":"account/rateLimits/updated","params":{"rateLimits":{"primary":{"usedPercent":100.0,"resetsAt":1800000000},"secondary":{"usedPercent":20,"resetsAt":1900000000}}}}"#);
    dialogue.hear(r#"{"method":"turn/started","params":{"turn":{"id":"u"}}}"#);
    let steps = dialogue.hear(r#"{"method":"turn/completed","params":{"turn":{"id":"u","status":"failed","error":{"message":"usage limit","codexErrorInfo":"usageLimitExceeded"}}}}"#);
    let Some(Step::Over(Err(failure))) = steps.last() else { panic!("{steps:?}") };
    assert_eq!((failure.class, failure.retry_at), (FailureClass::RateLimited, Some(Timestamp(1_800_000_000_000))));
}

proptest! {
    /// Promise 1: whatever of a conversation is lost, cut or comes twice or in another order, a turn ends once at most, and
    /// nothing is allowed that nobody allowed.
    #[test]
    fn broken_conversations_end_a_turn_once_and_allow_nothing(
        picks in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(any::<prop::sample::Index>())), 1..200),
    ) {
        let lines: Vec<&str> = RECORDED.lines().filter_map(|it| it.strip_prefix("< ")).collect();
        let mut dialogue = dialogue();
        dialogue.begin(leave(false));
        let mut overs = 0;
        let mut turns = 0;
        for (line, cut) in picks {
            let line = line.get(&lines);
            let line = match cut {
                Some(cut) => {
                    let at = cut.index(line.len());
                    &line[..(0..=at).rev().find(|it| line.is_char_boundary(*it)).unwrap_or(0)]
                }
                None => line,
            };
            for step in dialogue.hear(line) {
                match step {
                    Step::Over(_) => overs += 1,
                    Step::Send(line) => prop_assert!(!line.contains("accept"), "{line}"),
                    _ => {}
                }
            }
            if line.starts_with(r#"{"method": "turn/started""#) && serde_json::from_str::<Value>(line).is_ok() {
                turns += 1;
            }
        }
        prop_assert!(overs <= turns, "{overs} ends of {turns} turns");
    }
}
