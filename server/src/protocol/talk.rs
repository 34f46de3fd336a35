//! The wire of channels: messages, what became of them for each addressee, and what an agent was sent.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AgentName, ChannelName, FindingId, MessageId, PauseId, RunId, StepId, Timestamp, TurnId},
    outcome::Usage,
};

/// Params of `callboard/post`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PostParams {
    /// Where; the default channel where absent.
    pub channel: Option<ChannelName>,
    /// The message that this one answers.
    pub thread: Option<MessageId>,
    /// Markdown.
    pub text: String,
    /// Chosen by the sender: a second post with the same key is the first one's.
    pub key: Option<String>,
}

/// Result of `callboard/post`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    /// The message.
    pub message: MessageId,
    /// The revision at which it is in.
    pub rev: u64,
}

/// Params of `callboard/createChannel`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateChannelParams {
    /// Its name.
    pub name: ChannelName,
    /// The agent that a message with no mention wakes.
    #[serde(default)]
    pub default_agent: Option<AgentName>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    /// Its name.
    pub name: ChannelName,
    /// The agent that a message with no mention wakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_agent: Option<AgentName>,
    /// How many messages it has.
    pub messages: u64,
    /// What the turns that belong to it used, as far as they reported it.
    #[serde(default)]
    pub usage: Usage,
    /// Revision of its last change.
    pub rev: u64,
}

/// Params of `callboard/messages`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MessagesParams {
    /// Which channel; the default one where absent.
    pub channel: Option<ChannelName>,
    /// Only entries of this thread, its first message included.
    pub thread: Option<MessageId>,
    /// Only messages before this one.
    pub before: Option<MessageId>,
    /// At most so many, the newest; 100 where absent, 1,000 at most.
    pub limit: Option<u32>,
}

/// Result of `callboard/messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagesResult {
    /// Oldest first.
    pub messages: Vec<MessageView>,
    /// The revision that this is of.
    pub rev: u64,
}

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", content = "name", rename_all = "camelCase")]
pub enum Author {
    /// A person.
    Person(String),
    /// An agent.
    Agent(AgentName),
    /// What decides the next step of a run.
    Operator,
    /// Callboard itself.
    System,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Where.
    pub channel: ChannelName,
    /// The message that its thread began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
    /// Who.
    pub author: Author,
    /// When.
    pub at: Timestamp,
    /// Markdown.
    pub text: String,
    /// What of Callboard it speaks of, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// How many agents passed the word on since a person last spoke.
    pub hops: u32,
    /// What became of it, per addressee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryView>,
    /// Revision of its last change.
    pub rev: u64,
}

/// What a message speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The turn whose answer it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The pause point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseId>,
    /// The findings that it reports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingId>,
}

/// What became of a message for one addressee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// To whom.
    pub agent: AgentName,
    /// How far it got.
    pub state: DeliveryState,
    /// The turn that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
}

/// How far a delivery got: facts, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DeliveryState {
    /// In the journal; the agent is busy or held.
    Stored,
    /// Its turn is the agent's now: the prompt is being handed over.
    Delivered,
    /// The agent has begun on it.
    Started,
    /// The agent answered with this message.
    Answered {
        /// The answer.
        message: MessageId,
    },
    /// It did not come to an answer.
    Failed {
        /// Why, in words.
        why: String,
    },
    /// A limit holds it until a person says "go on" at this pause.
    Held {
        /// Where.
        pause: PauseId,
    },
    /// A person took it back.
    Withdrawn,
}

/// Params of `callboard/withdraw`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawParams {
    /// Which message.
    pub message: MessageId,
    /// From whom.
    pub agent: AgentName,
}

/// Params of `callboard/sent`: one of the two.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SentParams {
    /// The turn.
    pub turn: Option<TurnId>,
    /// A message: what was sent for each of its deliveries, or, of an agent's answer, what the agent had been sent.
    pub message: Option<MessageId>,
}

/// A turn: what was sent, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TurnView {
    /// Its id.
    pub id: TurnId,
    /// Who.
    pub agent: AgentName,
    /// The prompt, whole.
    pub prompt: String,
    /// When it was put in the agent's queue.
    pub queued: Timestamp,
    /// When the agent began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What it used, as far as its agent reported it.
    #[serde(default)]
    pub usage: Usage,
}
