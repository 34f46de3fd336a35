//! The commands that only look: runs, one run, the inbox, agents, and those that hold, release or end runs.

use serde::Serialize;

use super::{
    fail::{self, Fail},
    out::Out,
    render::{self, Line, Tone},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    finding::Finding,
    ids::{AgentName, PauseId, RunId, Timestamp},
    protocol::{
        AgentView, CancelParams, Changed, FindingsParams, ForkParams, Forked, HistoryParams, HoldParams, InboxParams,
        Nothing, PauseView, ReleaseParams, RunHistory, RunView, RunsParams, method,
    },
};

/// `callboard runs`.
pub async fn runs(wire: &mut impl Wire, out: &mut Out, live: bool) -> Result<i32, Fail> {
    let runs: Vec<RunView> = ask(wire, method::RUNS, &RunsParams { run: None, live }).await?;
    if out.json {
        return objects(out, &runs);
    }
    let lines = match (live, runs.is_empty()) {
        (true, true) => vec![Line::plain("No run is going on.")],
        _ => render::run::runs(&runs, Timestamp::now(), &out.view),
    };
    out.lines(&lines)?;
    Ok(fail::OK)
}

/// `callboard show RUN`.
pub async fn show(wire: &mut impl Wire, out: &mut Out, run: RunId) -> Result<i32, Fail> {
    let runs: Vec<RunView> = ask(wire, method::RUNS, &RunsParams { run: Some(run), live: false }).await?;
    let view = only(runs, run)?;
    let pauses: Vec<PauseView> = ask(wire, method::INBOX, &InboxParams { pause: None, all: true }).await?;
    let pauses: Vec<_> = pauses.into_iter().filter(|it| it.run == Some(run)).collect();
    let findings: Vec<Finding> = ask(wire, method::FINDINGS, &FindingsParams { run: Some(run), all: true }).await?;
    let history: RunHistory = ask(wire, method::HISTORY, &HistoryParams { run }).await?;
    if out.json {
        let whole = serde_json::json!({ "run": view, "pauses": pauses, "findings": findings, "history": history });
        return objects(out, &[whole]);
    }
    let mut lines = render::run::run(&view, &pauses, &findings, Timestamp::now(), &out.view);
    lines.extend(render::run::rounds(&history, &view, &out.view));
    out.lines(&lines)?;
    Ok(fail::OK)
}

/// Returns the run that was asked for.
pub fn only(runs: Vec<RunView>, run: RunId) -> Result<RunView, Fail> {
    runs.into_iter().next().ok_or_else(|| {
        Fail::new("not_found", format!("there is no run {run} in this workspace")).help("`callboard runs` lists them")
    })
}

/// `callboard inbox`.
pub async fn inbox(wire: &mut impl Wire, out: &mut Out, pause: Option<PauseId>, all: bool) -> Result<i32, Fail> {
    let pauses: Vec<PauseView> = ask(wire, method::INBOX, &InboxParams { pause, all }).await?;
    if out.json {
        return objects(out, &pauses);
    }
    let lines = match (pause, pauses.first()) {
        (Some(_), Some(it)) => {
            let mut lines = render::pause::pause(it, &out.view);
            if it.answered.is_none() {
                lines.extend(render::pause::how_to_decide(it));
            }
            lines
        }
        (Some(id), None) => return Err(no_pause(id)),
        (None, _) => render::pause::inbox(&pauses, &out.view),
    };
    out.lines(&lines)?;
    Ok(fail::OK)
}

/// `callboard inbox PAUSE --document`: the document as it is, so that it can be edited anywhere and given to `decide`. A
/// terminal gets it without what would steer it.
pub async fn document(wire: &mut impl Wire, out: &mut Out, pause: PauseId) -> Result<i32, Fail> {
    let pauses: Vec<PauseView> = ask(wire, method::INBOX, &InboxParams { pause: Some(pause), all: true }).await?;
    let pause = pauses.first().ok_or_else(|| no_pause(pause))?;
    if out.json {
        return objects(out, &pauses);
    }
    if out.is_terminal {
        let lines: Vec<Line> = pause.document.lines().map(|it| Line::plain(plain(it))).collect();
        out.lines(&lines)?;
    } else {
        out.raw(&pause.document)?;
    }
    Ok(fail::OK)
}

/// `callboard agents`.
pub async fn agents(wire: &mut impl Wire, out: &mut Out) -> Result<i32, Fail> {
    let agents: Vec<AgentView> = ask(wire, method::AGENTS, &Nothing {}).await?;
    if out.json {
        return objects(out, &agents);
    }
    out.lines(&render::lists::agents(&agents, Timestamp::now(), &out.view))?;
    Ok(fail::OK)
}

/// `callboard agents fork`.
pub async fn fork(wire: &mut impl Wire, out: &mut Out, agent: AgentName, to: Option<AgentName>) -> Result<i32, Fail> {
    let params = ForkParams { agent, to };
    let forked: Forked = ask(wire, method::FORK, &params).await?;
    let sentence = format!("{} starts from {}'s conversation with its next turn.", forked.agent, params.agent);
    told(out, &forked, &sentence)
}

/// `callboard pause [RUN]`.
pub async fn hold(wire: &mut impl Wire, out: &mut Out, run: Option<RunId>, interrupt: bool) -> Result<i32, Fail> {
    let changed: Changed = ask(wire, method::PAUSE, &HoldParams { run, interrupt }).await?;
    let how = if interrupt { "at once" } else { "at the end of the turns that are going on" };
    let again = run.map_or_else(|| "callboard resume".to_owned(), |it| format!("callboard resume {it}"));
    told(out, &changed, &format!("{} stops {how}. To let it go on: {again}", named(run)))
}

/// `callboard resume [RUN]`.
pub async fn release(wire: &mut impl Wire, out: &mut Out, run: Option<RunId>) -> Result<i32, Fail> {
    let changed: Changed = ask(wire, method::RESUME, &ReleaseParams { run }).await?;
    told(out, &changed, &format!("{} goes on.", named(run)))
}

/// `callboard cancel RUN`.
pub async fn cancel(wire: &mut impl Wire, out: &mut Out, run: RunId) -> Result<i32, Fail> {
    let changed: Changed = ask(wire, method::CANCEL, &CancelParams { run }).await?;
    told(out, &changed, &format!("{run} is stopped."))
}

/// Writes things as objects, one a line.
pub fn objects(out: &mut Out, things: &[impl Serialize]) -> Result<i32, Fail> {
    for it in things {
        out.object(it)?;
    }
    Ok(fail::OK)
}

/// Writes that a change is durable: a sentence for people, the answer for programs.
pub fn told(out: &mut Out, answer: &impl Serialize, sentence: &str) -> Result<i32, Fail> {
    if out.json {
        out.object(answer)?;
    } else {
        out.line(&Line::new().with(Tone::Plain, sentence))?;
    }
    Ok(fail::OK)
}

/// Makes the failure for a pause that is not there.
pub fn no_pause(id: PauseId) -> Fail {
    Fail::new("not_found", format!("there is no pause {id} in this workspace"))
        .help("`callboard inbox --all` lists them")
}

fn named(run: Option<RunId>) -> String {
    run.map_or_else(|| "All work of this workspace".to_owned(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            out::Buffer,
            render::{pause::tests::sample as pause, run::tests::sample as run_view},
            wire::fake::{Fake, changed},
        },
        protocol::RunStatus,
    };

    fn out(json: bool) -> (Out, Buffer) {
        let shown = Buffer::default();
        (Out::into_buffers(shown.clone(), Buffer::default(), json, false), shown)
    }

    #[tokio::test]
    async fn a_list_for_programs_is_one_object_a_line() {
        let runs_there = [run_view(1, RunStatus::Done, vec![]), run_view(2, RunStatus::Running, vec![])];
        let mut hub = Fake::default().on(method::RUNS, json!({ "live": false }), json!(runs_there));
        let (mut out, shown) = out(true);
        assert_eq!(runs(&mut hub, &mut out, false).await.unwrap(), fail::OK);
        let ids: Vec<_> =
            shown.text().lines().map(|it| serde_json::from_str::<RunView>(it).unwrap().id.to_string()).collect();
        assert_eq!(ids, ["r1", "r2"]);
    }

    #[tokio::test]
    async fn one_run_is_shown_with_its_own_pauses_only() {
        let mut hub = Fake::default()
            .on(method::RUNS, json!({ "run": "r3" }), json!([run_view(3, RunStatus::Waiting, vec![])]))
            .on(method::INBOX, json!({ "all": true }), json!([pause(1), PauseView { run: Some(RunId(9)), ..pause(2) }]))
            .on(method::FINDINGS, json!({ "run": "r3", "all": true }), json!([]))
            .on(method::HISTORY, json!({ "run": "r3" }), json!({ "steps": [], "forgotten": 0, "rev": 3 }));
        let (mut out, shown) = out(false);
        show(&mut hub, &mut out, RunId(3)).await.unwrap();
        hub.assert_played();
        assert!(shown.text().contains("p1") && !shown.text().contains("p2"), "{}", shown.text());
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_with_what_to_do() {
        let mut hub = Fake::default().on(method::RUNS, json!({}), json!([])).on(
            method::INBOX,
            json!({ "pause": "p9" }),
            json!([]),
        );
        let fail = show(&mut hub, &mut out(false).0, RunId(9)).await.unwrap_err();
        assert_eq!((fail.code.as_str(), fail.exit), ("not_found", fail::FAILED));
        assert!(fail.help[0].contains("callboard runs"));
        let fail = inbox(&mut hub, &mut out(false).0, Some(PauseId(9)), false).await.unwrap_err();
        assert!(fail.help[0].contains("callboard inbox"));
    }

    #[tokio::test]
    async fn hold_release_and_cancel_tell_the_hub_and_the_person() {
        let mut hub = Fake::default()
            .on(method::PAUSE, json!({ "run": null, "interrupt": true }), changed())
            .on(method::RESUME, json!({ "run": "r3" }), changed())
            .on(method::CANCEL, json!({ "run": "r3" }), changed());
        let (mut out, shown) = out(false);
        hold(&mut hub, &mut out, None, true).await.unwrap();
        release(&mut hub, &mut out, Some(RunId(3))).await.unwrap();
        cancel(&mut hub, &mut out, RunId(3)).await.unwrap();
        hub.assert_played();
        insta::assert_snapshot!(shown.text(), @r"
        All work of this workspace stops at once. To let it go on: callboard resume
        r3 goes on.
        r3 is stopped.
        ");
    }
}
