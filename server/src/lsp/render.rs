//! A channel as a page of Markdown, for editors that have no panel for it.
//!
//! Pure: messages to text.

use std::fmt::Write as _;

use crate::{
    document::visible,
    protocol::{Author, DeliveryState, MessageView},
};

/// Returns the page of a channel's messages, oldest first.
pub fn channel(name: &str, messages: &[MessageView]) -> String {
    let mut page = format!("# #{name}\n");
    if messages.is_empty() {
        page += "\nNobody has said anything here yet.\n";
    }
    for message in messages {
        let who = match &message.author {
            Author::Person(name) => visible(name),
            Author::Agent(name) => name.to_string(),
            Author::Operator => "the operator".to_owned(),
            Author::System => "Callboard".to_owned(),
        };
        let answers = message.thread.map_or(String::new(), |it| format!(", in the thread of {it}"));
        let _ = write!(page, "\n## {who}, {}{answers}\n\n{}\n", message.id, visible(message.text.trim_end()));
        for delivery in &message.deliveries {
            let state = match &delivery.state {
                DeliveryState::Stored => "waits in the queue".to_owned(),
                DeliveryState::Delivered => "is handed over".to_owned(),
                DeliveryState::Started => "works on it".to_owned(),
                DeliveryState::Answered { message } => format!("answered with {message}"),
                DeliveryState::Failed { why } => format!("did not answer: {}", visible(why).replace('\n', " ")),
                DeliveryState::Held { pause } => format!("is held at {pause}"),
                DeliveryState::Withdrawn => "was not asked after all".to_owned(),
            };
            let _ = write!(page, "\n> {} {state}\n", delivery.agent);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{MessageId, Timestamp},
        protocol::DeliveryView,
    };

    #[test]
    fn a_channel_reads_like_a_page() {
        let message = |id, thread, author, text: &str, deliveries| MessageView {
            id: MessageId(id),
            channel: "main".parse().unwrap(),
            thread,
            author,
            at: Timestamp(0),
            text: text.to_owned(),
            about: None,
            hops: 0,
            deliveries,
            rev: id,
        };
        let agent = "claude".parse::<crate::ids::AgentName>().unwrap();
        let answered = DeliveryState::Answered { message: MessageId(2) };
        let deliveries = vec![DeliveryView { agent: agent.clone(), state: answered, turn: None }];
        let messages = [
            message(1, None, Author::Person("ada".to_owned()), "@claude why?", deliveries),
            message(2, Some(MessageId(1)), Author::Agent(agent), "Because\u{1b}[2J.", Vec::new()),
        ];
        insta::assert_snapshot!(channel("main", &messages), @r"
        # #main

        ## ada, m1

        @claude why?

        > @claude answered with m2

        ## @claude, m2, in the thread of m1

        Because␛[2J.
        ");
        assert!(channel("main", &[]).contains("Nobody"));
    }
}
