//! `callboard trust`: a person's explicit word on a workspace (promise 7).
//!
//! Invariant: what is granted is what was shown; a workspace that changed between showing and granting is refused.

use serde_json::json;

use super::{
    args::TrustArgs,
    fail::{self, Fail},
    out::Out,
    person::Person,
    render::{self, Line, Tone},
    setting::Setting,
};
use crate::workspace::trust::{Trust, TrustError, TrustReport, TrustStatus};

/// Shows, gives or takes trust. Returns the exit code, and whether a hub has to read trust again.
pub async fn trust(
    setting: &Setting,
    out: &mut Out,
    person: &mut Person,
    args: &TrustArgs,
) -> Result<(i32, bool), Fail> {
    let trust = Trust::new(&setting.places);
    let workspace = &setting.workspace;
    if args.revoke {
        trust.revoke(workspace).map_err(|why| failed(&why))?;
        said(out, "revoked", &Line::plain(format!("{} is no longer trusted.", workspace.root.display())))?;
        return Ok((fail::OK, true));
    }
    let report = trust.what_would_be_used(workspace).map_err(|why| failed(&why))?;
    let status = trust.status(workspace);
    if out.json {
        out.object(&json!({ "status": word(&status), "report": report }))?;
    } else {
        out.lines(&render::trust::report(&report, &status, out.view.width))?;
    }
    if args.show || status == TrustStatus::Trusted {
        return Ok((fail::OK, false));
    }
    if !args.yes {
        confirm(out, person).await?;
    }
    grant(&trust, setting, &report)?;
    said(out, "granted", &Line::new().with(Tone::Good, format!("{} is trusted.", workspace.root.display())))?;
    Ok((fail::OK, true))
}

async fn confirm(out: &mut Out, person: &mut Person) -> Result<(), Fail> {
    let no = || Fail::new("untrusted", "the workspace is not trusted; nothing was changed");
    if !person.is_there || out.json {
        return Err(no().help("there is no terminal to ask on: `callboard trust --yes` trusts what is shown"));
    }
    out.line(&Line::new())?;
    out.ask(&Line::new().with(Tone::Strong, "Trust it? Type yes, or anything else to leave it >"))?;
    let typed = person.keys.line().await.unwrap_or_default();
    if typed.trim().eq_ignore_ascii_case("yes") { Ok(()) } else { Err(no()) }
}

fn grant(trust: &Trust, setting: &Setting, shown: &TrustReport) -> Result<(), Fail> {
    trust.grant_shown(&setting.workspace, shown).map_err(|why| failed(&why))
}

/// Returns a status as programs read it.
pub fn word(status: &TrustStatus) -> &'static str {
    match status {
        TrustStatus::Trusted => "trusted",
        TrustStatus::Untrusted => "untrusted",
        TrustStatus::Changed { .. } => "changed",
    }
}

fn said(out: &mut Out, word: &str, line: &Line) -> Result<(), Fail> {
    if out.json { out.object(&json!({ "trust": word })) } else { out.line(line) }
}

fn failed(why: &TrustError) -> Fail {
    Fail::new("trust", why.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        cli::out::Buffer,
        config::{Places, Workspace},
    };

    /// Makes a workspace with its own user's folders around it.
    pub(crate) fn setting() -> (tempfile::TempDir, Setting) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("work");
        std::fs::create_dir_all(root.join(".callboard")).unwrap();
        let places = Places {
            state: folder.path().join("state"),
            config: folder.path().join("config"),
            runtime: None,
            temporary: folder.path().to_owned(),
        };
        let workspace = Workspace::at(&root).unwrap();
        let from = workspace.root.clone();
        (folder, Setting { places, workspace, from })
    }

    async fn play(setting: &Setting, mut person: Person, args: TrustArgs) -> (Result<(i32, bool), Fail>, String) {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, false);
        let done = trust(setting, &mut out, &mut person, &args).await;
        (done, shown.text())
    }

    const ASK: TrustArgs = TrustArgs { yes: false, revoke: false, show: false };

    #[tokio::test]
    async fn promise_7_trust_is_given_by_a_typed_yes_and_by_nothing_less() {
        let (_folder, setting) = setting();
        let status = || Trust::new(&setting.places).status(&setting.workspace);
        for person in [Person::scripted(&["y"]), Person::scripted(&[""]), Person::scripted(&[]), Person::nobody()] {
            assert_eq!(play(&setting, person, ASK).await.0.unwrap_err().code, "untrusted");
            assert_eq!(status(), TrustStatus::Untrusted);
        }
        let (done, shown) = play(&setting, Person::scripted(&["yes"]), ASK).await;
        assert_eq!(done, Ok((fail::OK, true)));
        assert!(shown.contains("It is not trusted.") && shown.contains("is trusted."), "{shown}");
        assert_eq!(status(), TrustStatus::Trusted);
        let (done, _) = play(&setting, Person::nobody(), TrustArgs { revoke: true, ..ASK }).await;
        assert_eq!(done, Ok((fail::OK, true)));
        assert_eq!(status(), TrustStatus::Untrusted);
    }

    #[tokio::test]
    async fn showing_changes_nothing() {
        let (_folder, setting) = setting();
        let (done, shown) = play(&setting, Person::nobody(), TrustArgs { show: true, ..ASK }).await;
        assert_eq!(done, Ok((fail::OK, false)));
        assert!(shown.contains("test and lint commands"), "{shown}");
        assert_eq!(Trust::new(&setting.places).status(&setting.workspace), TrustStatus::Untrusted);
    }
}
