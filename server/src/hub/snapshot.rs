//! What readers see: the state at a revision, as the wire shows it.

use crate::{
    finding::Finding,
    hub::event::Refusal,
    protocol::{
        AgentView, ChannelView, Feed, FindingsParams, InboxParams, MessagesParams, MessagesResult, PauseView, RunView,
        RunsParams, SentParams, SubscribeParams, TurnView,
    },
};

/// The state at a revision. Cheap to keep: it shares what later ones do not change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The journal's last record in it.
    pub rev: u64,
}

impl Snapshot {
    /// Returns the channels in the order of their making.
    pub fn channels(&self) -> Vec<ChannelView> {
        Vec::new()
    }

    /// Returns messages of a channel or thread, oldest first.
    pub fn messages(&self, _params: &MessagesParams) -> Result<MessagesResult, Refusal> {
        Ok(MessagesResult { messages: Vec::new(), rev: self.rev })
    }

    /// Returns what was sent in a turn, or for a message.
    pub fn sent(&self, _params: &SentParams) -> Result<Vec<TurnView>, Refusal> {
        Ok(Vec::new())
    }

    /// Returns runs, oldest first.
    pub fn runs(&self, _params: &RunsParams) -> Result<Vec<RunView>, Refusal> {
        Ok(Vec::new())
    }

    /// Returns what waits for a person, oldest first.
    pub fn inbox(&self, _params: &InboxParams) -> Result<Vec<PauseView>, Refusal> {
        Ok(Vec::new())
    }

    /// Returns the agents by name.
    pub fn agents(&self) -> Vec<AgentView> {
        Vec::new()
    }

    /// Returns findings by id.
    pub fn findings(&self, _params: &FindingsParams) -> Result<Vec<Finding>, Refusal> {
        Ok(Vec::new())
    }

    /// Returns the present form of all that changed after `since` and passes the filter, oldest change first.
    pub fn changed_since(&self, _since: u64, _filter: &SubscribeParams) -> Feed {
        Feed { rev: self.rev, items: Vec::new() }
    }
}
