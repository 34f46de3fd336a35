//! `callboard permissions …`: what agents were allowed for longer than once, and taking it back.

use super::{
    args::PermissionsCommand,
    fail::{self, Fail},
    lists::{objects, told},
    out::Out,
    render::{Line, Tone, table::table},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    ask::Rule,
    protocol::{Changed, PermissionsParams, RevokePermissionParams, method},
};

/// Lists the remembered permissions, or takes one back.
pub async fn permissions(wire: &mut impl Wire, out: &mut Out, command: &PermissionsCommand) -> Result<i32, Fail> {
    match command {
        PermissionsCommand::List { all } => {
            let found: Vec<Rule> = ask(wire, method::PERMISSIONS, &PermissionsParams { all: *all }).await?;
            if out.json {
                return objects(out, &found);
            }
            out.lines(&lines(&found, out.view.width))?;
            Ok(fail::OK)
        }
        PermissionsCommand::Revoke { permission } => {
            let params = RevokePermissionParams { permission: *permission };
            let changed: Changed = ask(wire, method::REVOKE_PERMISSION, &params).await?;
            told(out, &changed, &format!("{permission} is revoked: it is asked for again."))
        }
    }
}

fn lines(rules: &[Rule], width: usize) -> Vec<Line> {
    if rules.is_empty() {
        return vec![Line::plain("No permission is remembered: agents ask each time.")];
    }
    let row = |it: &Rule| {
        let until = match (&it.ended, it.run) {
            (Some(by), _) => format!("revoked by {}", plain(by)),
            (None, Some(run)) => format!("{run} ends"),
            (None, None) => "revoked".to_owned(),
        };
        vec![
            Line::new().with(Tone::Strong, it.id.to_string()),
            Line::new().with(Tone::Name, it.agent.to_string()),
            Line::plain(plain(&it.tool)),
            Line::plain(until),
            Line::plain(it.used.to_string()),
            Line::plain(plain(&it.by)),
            Line::new().with(Tone::Code, plain(&it.pattern.replace('\n', "⏎"))),
        ]
    };
    let rows: Vec<_> = rules.iter().map(row).collect();
    table(&["id", "agent", "tool", "until", "used", "given by", "for exactly"], &rows, width)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            out::Buffer,
            wire::fake::{Fake, changed},
        },
        ids::RuleId,
    };

    async fn play(hub: &mut Fake, command: PermissionsCommand) -> String {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, false);
        permissions(hub, &mut out, &command).await.unwrap();
        hub.assert_played();
        shown.text()
    }

    #[tokio::test]
    async fn permissions_are_listed_with_exactly_what_they_are_for_and_revoked() {
        let rule = |id: u64, run: Option<&str>, pattern: &str| {
            json!({ "id": format!("a{id}"), "agent": "claude", "tool": "Bash", "pattern": pattern, "run": run,
                    "by": "ada", "at": 0, "pause": "p1", "used": 3 })
        };
        let rules = json!([rule(1, None, "cargo test"), rule(2, Some("r4"), "rm -r \u{1b}[2Jtarget\nls")]);
        let mut hub = Fake::default().on(method::PERMISSIONS, json!({ "all": false }), rules);
        insta::assert_snapshot!(play(&mut hub, PermissionsCommand::List { all: false }).await, @r"
        id  agent    tool  until    used  given by  for exactly
        a1  @claude  Bash  revoked  3     ada       cargo test
        a2  @claude  Bash  r4 ends  3     ada       rm -r target⏎ls
        ");
        let mut hub = Fake::default().on(method::REVOKE_PERMISSION, json!({ "permission": "a2" }), changed());
        let revoke = PermissionsCommand::Revoke { permission: RuleId(2) };
        assert_eq!(play(&mut hub, revoke).await, "a2 is revoked: it is asked for again.\n");
        let mut hub = Fake::default().on(method::PERMISSIONS, json!({}), json!([]));
        assert!(play(&mut hub, PermissionsCommand::List { all: false }).await.contains("agents ask each time"));
    }
}
