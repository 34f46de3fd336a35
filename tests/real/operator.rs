//! A real program as the operator of a part of a run: it decides by Callboard's tools alone, another real program does what it
//! assigns, it stays inside the rules, and a person answers the gate.

use serde_json::{Value, json};

use crate::support::{Cli, World, each, world};

each!(promise_2_an_operator_assigns_and_finishes_by_tools_and_opens_no_gate);

const LED: &str = "title: Led\nroles:\n  lead: { prefer: [claude] }\n  maker: { prefer: [codex], access: write }\nsteps:\n  \
                   - id: work\n    repeat:\n      operator: lead\n      prompt: Lead this to its end.\n      max: 10\n      steps:\n        \
                   - { id: make, role: maker, result: text, prompt: Please make it }\n        \
                   - { id: gate, needs: [make], pause: { show: make, message: 'Keep it?' } }\n";

/// Returns the directive by which a model uses one of an operator's tools.
fn moves(tool: &str, arguments: &Value) -> String {
    format!("[[tool callboard/{tool} {arguments}]]")
}

fn decided(world: &World, cli: Cli) -> Vec<String> {
    let of_operator = world.messages().into_iter().filter(|it| it["author"]["is"] == "operator");
    let texts = of_operator.filter_map(|it| it["text"].as_str()?.lines().next().map(str::to_owned));
    texts.filter_map(|it| it.strip_prefix(&format!("@{} ", cli.name())).map(str::to_owned)).collect()
}

fn promise_2_an_operator_assigns_and_finishes_by_tools_and_opens_no_gate(cli: Cli) {
    let Some(world) = world() else { return };
    world.e2e.workflow("led", LED);
    let maker = if cli == Cli::Codex { Cli::Claude } else { Cli::Codex };
    let first = [
        moves("finish", &json!({ "text": "done", "reason": "I am quick" })),
        moves("assign", &json!({ "step": "make", "text": "keep it short", "reason": "it is first" })),
        "[[say it is begun]]".to_owned(),
    ];
    let second =
        [moves("assign", &json!({ "step": "gate", "reason": "it is made" })), "[[say to the person]]".to_owned()];
    let third = [
        moves("finish", &json!({ "text": "It is kept.", "reason": "the developer keeps it" })),
        "[[say over]]".to_owned(),
    ];
    let turns = [first.join(" "), second.join(" "), third.join(" ")];
    world.script(cli, &["Lead this to its end."], &turns.each_ref().map(String::as_str));
    world.script(
        maker,
        &["Please make it"],
        &[&format!("{} [[say it is made]]", world.write(maker, "made.txt", "it"))],
    );
    let casts = [format!("lead={}", cli.name()), format!("maker={}", maker.name())];
    let ran = world.e2e.callboard(&["run", "led", "--agent", &casts[0], "--agent", &casts[1], "--detach"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);

    let gate = world.pause();
    assert_eq!(gate["step"], "gate", "{gate:#}");
    assert_eq!(world.e2e.read("made.txt").trim_end(), "it");
    let told = world.model.wait_for("the maker's turn", |it| it.prompt.contains("Please make it"));
    assert!(told.prompt.contains("keep it short"), "{}", told.prompt);
    // It can only ask for the gate: whoever opens it is a person.
    world.decide(&gate, &["approve"]);
    world.e2e.callboard(&["show", "r1", "--follow"]).ok("the run's end");
    let run = world.e2e.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run");
    assert_eq!((&run["status"], &run["turns"]), (&json!("done"), &json!(4)), "{run:#}");
    let work = run["steps"].as_array().expect("steps").iter().find(|it| it["id"] == "work").expect("the part");
    assert_eq!(work["result"]["text"], "It is kept.", "{run:#}");
    assert_eq!(
        decided(&world, cli),
        [
            "wanted: **finish**. Refused: the pause gate was not met; assign it, and a person answers it",
            "decided: **assign make**, because it is first",
            "decided: **assign gate**, because it is made",
            "decided: **finish**, because the developer keeps it",
        ]
    );
    // What was refused it was told at once, as the tool's own answer.
    world.model.wait_for("the refusal", |it| {
        it.dialect == Some(cli.dialect())
            && it.answered > 0
            && it.body.to_string().contains("the pause gate was not met")
    });
}
