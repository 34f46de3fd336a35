//! An agent as operator, on a real PTY with Callboard's tools, and without them: it decides, others do it, a person answers the
//! gate.

use serde_json::{Value, json};

use crate::support::{COMMAND_LIMIT, World, wait_for};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-agent");

/// A scripted operator: what it does in its turns is in a script of its own, told by how many turns it has had.
fn world(turns: &[&str]) -> World {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    let folder = world.config().join("agents");
    std::fs::create_dir_all(&folder).unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    // Each turn of a tool is a program of its own: it counts them in a file, and plays the scripted agent for that turn.
    let out = world.root().join("turns");
    std::fs::create_dir(&out).unwrap();
    for (number, directives) in turns.iter().enumerate() {
        std::fs::write(out.join(format!("{}.script", number + 1)), directives).unwrap();
    }
    script(
        "lead.sh",
        &format!(
            "cd '{0}' || exit 1\nn=$(ls | grep -c '^began')\nn=$((n + 1))\n: > began$n\n\
             cp \"$2\" request$n.json\n\
             sed -i 's/\"prompt\":\"/\"prompt\":\"(told) /; s/\\[\\[/((/g' \"$2\"\n\
             {FAKE} --callboard \"$CB\" --script-file $n.script \"$@\"\ncode=$?\n: > ended$n\nexit $code\n",
            out.display()
        ),
    );
    world.profile(
        "lead",
        &format!(
            "name: lead\ntitle: Lead\ndriver: tool\ncommand: [./lead.sh]\nset: {{ CB: '{}' }}\n",
            env!("CARGO_BIN_EXE_callboard")
        ),
    );
    // What is assigned goes on until the operator's first turn is over, so that there is something to wait for.
    let made = format!(
        "until [ -e '{}/ended1' ]; do sleep 0.02; done\nprintf '{{\"kind\":\"text\",\"text\":\"made\"}}' > \"$CALLBOARD_RESULT\"\n",
        out.display()
    );
    for name in ["maker", "other"] {
        script(&format!("{name}.sh"), &made);
        world.profile(name, &format!("name: {name}\ntitle: Maker\ndriver: tool\ncommand: [./{name}.sh]\n"));
    }
    world.workflow(
        "led",
        "title: Led\nroles:\n  lead: { prefer: [lead] }\n  maker: { prefer: [maker, other] }\nsteps:\n  - id: work\n    repeat:\n      \
         operator: lead\n      prompt: Make it right.\n      max: 10\n      steps:\n        \
         - { id: make, role: maker, prompt: Make it. }\n        \
         - { id: check, role: maker, prompt: Check it., needs: [make] }\n        \
         - { id: gate, needs: [make], pause: { show: make, message: Keep it? } }\n",
    );
    world
}

fn show(world: &World) -> Value {
    world.callboard(&["runs", "--json"]).ok("runs").json()[0].clone()
}

fn step<'a>(run: &'a Value, id: &str) -> &'a Value {
    run["steps"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()
}

fn said(world: &World, turn: u32) -> String {
    let text = std::fs::read_to_string(world.root().join(format!("turns/request{turn}.json"))).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["prompt"].as_str().unwrap().to_owned()
}

fn decided(world: &World) -> Vec<String> {
    let messages = world.callboard(&["channel", "show", "--json"]).ok("channel show").json();
    let of_operator = messages.iter().filter(|it| it["author"]["is"] == "operator");
    let texts = of_operator.map(|it| it["text"].as_str().unwrap().lines().next().unwrap().to_owned());
    texts.filter(|it| it.starts_with("@lead ")).collect()
}

#[test]
fn an_operator_leads_its_part_by_tools_and_meets_the_gate() {
    let world = world(&[
        r#"[[mcp-tools]] [[mcp finish {"text": "done", "reason": "I am quick"}]] [[mcp assign {"step": "gate", "reason": "skip the work"}]]
           [[mcp assign {"step": "make", "agent": "@stranger", "reason": "a friend"}]]
           [[mcp assign {"step": "make", "agent": "@other", "text": "small", "reason": "it is first"}]] [[mcp wait {"reason": "it runs"}]]"#,
        r#"[[mcp assign {"step": "gate", "reason": "it is made"}]] [[mcp assign {"step": "check", "reason": "beside it"}]]"#,
        r#"[[mcp finish {"text": "It is right.", "reason": "the developer keeps it"}]]"#,
    ]);
    let ran = world.callboard(&["run", "led", "--detach"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    let gate = || {
        let inbox = world.callboard(&["inbox", "--json"]).ok("inbox").json();
        inbox.iter().any(|it| it["id"] == "p1" && it["step"] == "gate").then_some(())
    };
    wait_for("the gate", COMMAND_LIMIT, gate, || world.story());
    assert_eq!(step(&show(&world), "make")["agent"], "other");
    world.callboard(&["decide", "p1", "approve"]).ok("a person answers the gate");
    world.callboard(&["show", "r1", "--follow"]).ok("the run's end");
    let run = show(&world);
    assert_eq!(run["status"], "done", "{run}");
    assert_eq!(step(&run, "work")["result"]["text"], "It is right.");
    assert_eq!(
        decided(&world),
        [
            "@lead wanted: **finish**. Refused: the pause gate was not met; assign it, and a person answers it",
            "@lead wanted: **assign gate**. Refused: gate needs make, which was not done; assign that first",
            "@lead wanted: **assign make to @stranger**. Refused: @stranger is not of this run for make; it can be done by @maker, @other",
            "@lead decided: **assign make to @other**, because it is first",
            "@lead decided: **wait**, because it runs",
            "@lead decided: **assign gate**, because it is made",
            "@lead decided: **assign check**, because beside it",
            "@lead decided: **finish**, because the developer keeps it",
        ]
    );
    let prompt = said(&world, 2);
    assert!(prompt.starts_with("Make it right.") && prompt.contains("> made"), "{prompt}");
    assert!(prompt.contains("assign make to @stranger was refused: @stranger is not of this run"), "{prompt}");
}

/// An agent with no tools gives its moves in its result, under the same rules; and a kill of the hub costs no decision.
#[test]
fn an_operator_without_tools_gives_its_moves_in_its_result_promise_1() {
    let moves = |list: &Value| format!("[[result {}]]", json!({ "kind": "json", "value": { "moves": list } }));
    let first = moves(&json!([{ "move": "assign", "step": "make", "reason": "it is first" }]));
    let second = moves(&json!([
        { "move": "approve", "step": "gate", "reason": "I may" },
        { "move": "assign", "step": "gate", "reason": "so be it" },
    ]));
    let third = moves(&json!([{ "move": "finish", "text": "kept", "reason": "it is kept" }]));
    let world = world(&[&first, &second, &third]);
    let ran = world.callboard(&["run", "led", "--detach"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    let gate = || {
        let inbox = world.callboard(&["inbox", "--json"]).ok("inbox").json();
        inbox.iter().any(|it| it["step"] == "gate").then_some(())
    };
    wait_for("the gate", COMMAND_LIMIT, gate, || world.story());
    world.kill_hub();
    world.callboard(&["decide", "p1", "approve"]).ok("a person answers the gate");
    world.callboard(&["show", "r1", "--follow"]).ok("the run's end");
    let run = show(&world);
    assert_eq!((&run["status"], &run["turns"]), (&json!("done"), &json!(4)), "{run}");
    let decided = decided(&world);
    assert_eq!(decided.len(), 4, "{decided:?}");
    assert!(decided[1].starts_with("@lead wanted: **approve**. Refused: there is no such move"), "{decided:?}");
}
