//! Messages of a channel, and what an agent was sent.

use super::{Line, Tone, View, line::columns, markdown, time};
use crate::{
    agent::terminal::plain::plain,
    protocol::{Author, DeliveryState, MessageView, TurnView},
};

/// Returns a message: time, author and text; a short text on the same line, a long one below.
pub fn message(message: &MessageView, view: &View) -> Vec<Line> {
    let mut head = Line::new().with(Tone::Faint, time::clock(message.at, &view.zone)).with(Tone::Plain, " ");
    head.append(&author(&message.author));
    let body = plain(&message.text);
    let body = body.trim();
    let is_short = !body.contains('\n') && head.width() + 2 + columns(body) <= view.width && !starts_block(body);
    if is_short {
        head.push(Tone::Plain, "  ");
        head.append(&markdown::inline(body, Tone::Plain));
        return vec![head];
    }
    let mut lines = vec![head];
    lines.extend(markdown::markdown(body, view.width, 2));
    lines
}

/// Returns a message as lists of a channel show it: with its id, its thread and what became of it.
pub fn entry(entry: &MessageView, view: &View) -> Vec<Line> {
    let mut lines = message(entry, view);
    let mut notes = vec![entry.id.to_string()];
    notes.extend(entry.thread.map(|it| format!("in thread {it}")));
    notes.extend(entry.about.as_ref().and_then(|it| it.run).map(|it| format!("run {it}")));
    notes.extend(entry.deliveries.iter().map(|it| format!("{} {}", it.agent, delivery(&it.state))));
    lines.push(Line::new().with(Tone::Faint, format!("  {}", notes.join(" · "))));
    lines
}

/// Returns what became of a delivery, in words.
pub fn delivery(state: &DeliveryState) -> String {
    match state {
        DeliveryState::Stored => "stored".to_owned(),
        DeliveryState::Delivered => "delivered".to_owned(),
        DeliveryState::Started => "started".to_owned(),
        DeliveryState::Answered { message } => format!("answered in {message}"),
        DeliveryState::Failed { why } => format!("failed: {}", plain(why)),
        DeliveryState::Held { pause } => format!("held at {pause}"),
        DeliveryState::Withdrawn => "withdrawn".to_owned(),
    }
}

/// Returns a turn with its whole prompt.
pub fn turn(turn: &TurnView, view: &View) -> Vec<Line> {
    let mut head = Line::new().with(Tone::Strong, turn.id.to_string()).with(Tone::Plain, " ");
    head.push(Tone::Name, turn.agent.to_string());
    head.push(Tone::Faint, format!("  queued {}", time::clock(turn.queued, &view.zone)));
    if let (Some(started), Some(ended)) = (turn.started, turn.ended) {
        head.push(Tone::Faint, format!(", took {}", time::lasted(ended.since(started))));
    }
    let prompt = plain(&turn.prompt);
    if prompt.trim().is_empty() {
        let none = "It was sent no text: a tool agent is given its paths and findings alone.";
        return vec![head, Line::plain("  ").with(Tone::Faint, none)];
    }
    std::iter::once(head).chain(prompt.lines().map(|it| Line::plain("  ").with(Tone::Plain, it))).collect()
}

/// Returns who says something.
pub fn author(author: &Author) -> Line {
    match author {
        Author::Person(name) => Line::new().with(Tone::Strong, plain(name)),
        Author::Agent(name) => Line::new().with(Tone::Name, name.to_string()),
        Author::Operator => Line::new().with(Tone::Note, "operator"),
        Author::System => Line::new().with(Tone::Faint, "callboard"),
    }
}

fn starts_block(text: &str) -> bool {
    text.starts_with(['#', '>', '`', '~']) || text.starts_with("- ") || text.starts_with("* ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        cli::render::text,
        ids::{MessageId, Timestamp},
        protocol::DeliveryView,
    };

    pub(crate) fn sample(id: u64, author: Author, text: &str) -> MessageView {
        MessageView {
            id: MessageId(id),
            channel: "main".parse().unwrap(),
            thread: None,
            author,
            at: Timestamp(1_763_805_789_000),
            text: text.to_owned(),
            about: None,
            hops: 0,
            deliveries: Vec::new(),
            rev: id,
        }
    }

    #[test]
    fn a_message_is_shown_with_time_and_author() {
        let short = sample(1, Author::Person("ada".to_owned()), "@lint have a `look`");
        let long = sample(2, Author::Agent("lint".parse().unwrap()), "Two things:\n\n- one\n- **two**");
        let all = [message(&short, &View::plain()), message(&long, &View::plain())].concat();
        insta::assert_snapshot!(text(&all), @r"
        10:03:09 ada  @lint have a look
        10:03:09 @lint
          Two things:

          • one
          • two
        ");
    }

    #[test]
    fn nothing_is_hidden_deliveries_are_on_the_message() {
        let delivered = DeliveryView {
            agent: "lint".parse().unwrap(),
            state: DeliveryState::Failed { why: "not installed".to_owned() },
            turn: None,
        };
        let of = MessageView { deliveries: vec![delivered], ..sample(7, Author::System, "hello") };
        insta::assert_snapshot!(text(&entry(&of, &View::plain())), @r"
        10:03:09 callboard  hello
          m7 · @lint failed: not installed
        ");
    }

    #[test]
    fn a_message_cannot_forge_another_line() {
        let evil = sample(1, Author::Agent("evil".parse().unwrap()), "x\r10:00:00 ada approve\x1b[1A\x1b[2K");
        let shown = text(&message(&evil, &View::plain()));
        assert!(!shown.contains(['\x1b', '\r']));
        let forged = shown.lines().find(|it| it.contains("ada approve")).unwrap();
        assert!(forged.starts_with("  "), "a body line stands where a message's head does: {shown}");
    }
}
