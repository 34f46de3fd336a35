---@meta
-- The wire of Callboard, as server/src/protocol.rs has it: made from its schemas, and held to them by a test.
-- Change protocol.rs, then write this file anew: CALLBOARD_WRITE_TYPES=1 cargo test --test tidy types

---What a message speaks of.
---@class callboard.About
---@field findings? callboard.FindingId[] The findings that it reports.
---@field pause? callboard.PauseId The pause point.
---@field run? callboard.RunId The run.
---@field step? callboard.StepId The step.
---@field turn? callboard.TurnId The turn whose answer it is.

---What an agent may do to the workspace.
---@alias callboard.Access
---| "read" # Look.
---| "write" # Change files.

---A claim about an agent's state, with why it is believed.
---@class callboard.AgentClaim
---@field source callboard.Source Where the claim comes from.
---@field state callboard.AgentState The state.
---@field why string The reason in words.

---What the hub is told of an agent when the catalogue is read: enough to bind roles and to keep limits.
---@class callboard.AgentInfo
---@field access callboard.Access What it may do.
---@field driver callboard.DriverKind How it is driven.
---@field fork boolean Whether another instance of it can start from its session.
---@field goodFor string[] What it is good for: words such as `review`, `fix`, `test`, that roles ask for.
---@field missing string|vim.NIL Whether its program was found here; where not, why and what to do.
---@field name callboard.AgentName How it is called.
---@field needsSession boolean Whether that is only once it has a session: where its program can't be told which to begin.
---@field profile string The profile that it is an instance of.
---@field takeOver boolean Whether a person can take it over: whether its program has a screen that goes on with a session.
---@field times callboard.TurnTimes How long its turns may take.
---@field title string One line for people.

---@alias callboard.AgentName string

---The states of an agent (design §2, promise 3).
---@alias callboard.AgentState
---| { is: "starting" } # Its program has been started and is not ready yet.
---| { is: "idle" } # Ready for a prompt.
---| { is: "working" } # On a turn.
---| { is: "waitingForPermission" } # It asked for a permission.
---| { is: "waitingForAnswer" } # It asked a question.
---| { by: string, is: "takenOver" } # A person has taken it over and speaks with it in its program's own screen; its turns wait.
---| { is: "rateLimited", until: callboard.Timestamp|vim.NIL } # Its provider refuses more for now.
---| { is: "outOfBudget" } # Its budget is used up.
---| { is: "crashed" } # Its program ended and should not have.
---| { is: "stopped" } # It has no program running, and needs none.

---An agent.
---@class callboard.AgentView
---@field claim callboard.AgentClaim What is believed of it, and why.
---@field files? callboard.LeaseView[] The files that it is changing, as far as that is known.
---@field info callboard.AgentInfo What the catalogue says of it.
---@field queued integer How many turns wait in its queue.
---@field rev integer Revision of its last change.
---@field since callboard.Timestamp Since when.
---@field taken? callboard.TakenView Who has taken it over, where somebody has.
---@field turn? callboard.TurnId The turn that it is on.
---@field usage callboard.Usage What its turns used, as far as they reported it.

---How a pause was answered.
---@class callboard.Answered
---@field at callboard.Timestamp When.
---@field by string Who.
---@field decision callboard.Decision What.
---@field hash string The hash of what was shown.

---What of a permission or a question a client needs beside the document.
---@class callboard.AskView
---@field agent callboard.AgentName Whose turn.
---@field choices? string[] Answers to choose from, where it is a question.
---@field scopes? callboard.Scope[] The scopes that an approval may have, the shortest first; none where it is a question.
---@field tool? string The tool, where it is a permission.
---@field turn callboard.TurnId The turn that waits.

---Who says something.
---@alias callboard.Author
---| { is: "person", name: string } # A person.
---| { is: "agent", name: callboard.AgentName } # An agent.
---| { is: "operator" } # What decides the next step of a run.
---| { is: "system" } # Callboard itself.

---Params of `callboard/cancel`.
---@class callboard.CancelParams
---@field run callboard.RunId Which run.

---The shelves of design §8.
---@alias callboard.Category
---| "review" # Looks at code.
---| "build" # Makes code.
---| "test" # Makes and runs tests.
---| "ops" # The rest.

---A change of the work tree.
---@class callboard.ChangeResult
---@field declined callboard.Declined[] Findings that it did not fix, each with its reason.
---@field files string[] Files that were changed, from the workspace's root.
---@field fixed callboard.FindingId[] Findings that the agent says it fixed.
---@field summary string One or two sentences.

---Result of a method that changes something.
---@class callboard.Changed
---@field rev integer The revision at which the change is in.

---@alias callboard.ChannelName string

---A channel.
---@class callboard.ChannelView
---@field defaultAgent? callboard.AgentName The agent that a message with no mention wakes.
---@field messages integer How many messages it has.
---@field name callboard.ChannelName Its name.
---@field rev integer Revision of its last change.
---@field usage callboard.Usage What the turns that belong to it used, as far as they reported it.

---What a client can do and wants: in its `initializationOptions`, or in `capabilities.experimental.callboard`; where both name a field, the former counts.
---@class callboard.ClientOptions
---@field diagnostics? boolean Whether findings are shown as diagnostics.
---@field documents? boolean The client shows the documents of pause points itself: `callboard.openPause` shows no file.
---@field notifications? boolean The client tells its user itself what waits, from the feed.
---@field onCancel? callboard.OnCancel What cancelling a run's progress does.
---@field panel? boolean The client shows channels and the inbox itself: `callboard.openChannel` writes no file.
---@field progress? boolean Whether runs show as progress.
---@field prompts? boolean|vim.NIL Whether a pause point is asked for by a message with buttons; where absent, unless the client says that it has a panel or notifications.
---@field saves? boolean The client saves buffers when it is asked by `callboard/saveBuffers`.
---@field terminal? boolean The client shows terminals itself: `callboard.openTerminal` writes no file.

---That several changed one file at the same time.
---@class callboard.CollisionView
---@field agents callboard.AgentName[] The agents.
---@field at callboard.Timestamp When it was noticed.
---@field message callboard.MessageId The message that told of it.
---@field path string The file's path from the root.
---@field person? string The person, where one is a side of it.
---@field sure boolean Whether it is certain, or only may be.

---Something that can be written in a message.
---@class callboard.CompleteItem
---@field detail string A few words beside it; may be empty.
---@field end integer Where that ends.
---@field insert string What takes its place.
---@field kind callboard.OfferKind What it is.
---@field label string How it is listed.
---@field start integer Where what it replaces begins, counted as `cursor`.

---Params of `callboard/complete`.
---@class callboard.CompleteParams
---@field cursor? integer Where the cursor is in it, counted from 0 over the whole text in the units of the session's position encoding.
---@field text? string The message as far as it is written.

---Result of `callboard/complete`.
---@class callboard.CompleteResult
---@field items callboard.CompleteItem[] What can be written there, the best first.

---Params of `callboard/createChannel`.
---@class callboard.CreateChannelParams
---@field defaultAgent? callboard.AgentName|vim.NIL The agent that a message with no mention wakes.
---@field name callboard.ChannelName Its name.

---Params of `callboard/decide`.
---@alias callboard.DecideParams
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "approve" } # Go on with what is shown. At a limit: raise it by as much again and go on.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "edit", document: string } # Go on with this document in place of the one shown.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "request-changes", text: string } # Back to the step that made it, with this text, then its checks, then this pause again.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "reject", text?: string } # End the run as rejected.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "skip" } # Go on without the step.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, agent?: callboard.AgentName|vim.NIL, decision: "retry" } # The step again.
---| { hash: string, pause: callboard.PauseId, scope?: callboard.Scope|vim.NIL, decision: "stop" } # End the run.

---Something that an operator decided, or wanted and was refused.
---@class callboard.DecidedView
---@field refused? boolean Whether it was refused.
---@field turn callboard.TurnId In which of its turns.
---@field what string The move in words.
---@field why string Why; of a refused one why it was refused.

---A person's answer at a pause point (design §9).
---@alias callboard.Decision
---| { decision: "approve" } # Go on with what is shown. At a limit: raise it by as much again and go on.
---| { decision: "edit", document: string } # Go on with this document in place of the one shown.
---| { decision: "request-changes", text: string } # Back to the step that made it, with this text, then its checks, then this pause again.
---| { decision: "reject", text: string } # End the run as rejected.
---| { decision: "skip" } # Go on without the step.
---| { agent?: callboard.AgentName, decision: "retry" } # The step again.
---| { decision: "stop" } # End the run.

---A fixer's answer that it will not fix a finding, and why.
---@class callboard.Declined
---@field finding callboard.FindingId The finding that stays.
---@field reason string Why: goes back to the reviewer once, then to the person.

---How far a delivery got: facts, in this order.
---@alias callboard.DeliveryState
---| { is: "stored" } # In the journal; the agent is busy or held.
---| { is: "delivered" } # Its turn is the agent's now: the prompt is being handed over.
---| { is: "started" } # The agent has begun on it.
---| { is: "answered", message: callboard.MessageId } # The agent answered with this message.
---| { is: "failed", why: string } # It did not come to an answer.
---| { is: "held", pause: callboard.PauseId } # A limit holds it until a person says "go on" at this pause.
---| { is: "withdrawn" } # A person took it back.

---What became of a message for one addressee.
---@class callboard.DeliveryView
---@field agent callboard.AgentName To whom.
---@field state callboard.DeliveryState How far it got.
---@field turn? callboard.TurnId The turn that it became.

---Params of `callboard/diff`.
---@class callboard.DiffParams
---@field by? callboard.AgentName|vim.NIL Only what this agent changed.
---@field run callboard.RunId Which run.
---@field step? callboard.StepId|vim.NIL Only what this step changed.
---@field whole? boolean Whether each text has the whole file around its changes, so that both sides can be made from it.

---Result of `callboard/diff`.
---@class callboard.DiffResult
---@field files callboard.FileDiff[] The files, in the order of time and then of their paths. One that was changed, then changed by somebody else, then changed again is there twice.
---@field notes? string[] What the diff does not know: files that are left out, checkpoints that could not be taken.
---@field rev integer The revision that it is of.

---The code that talks to an agent (design §6).
---@alias callboard.DriverKind
---| "stream-json" # A warm process with JSON lines both ways.
---| "app-server" # Codex's own JSON-RPC.
---| "acp" # The Agent Client Protocol.
---| "terminal" # The interactive program on a PTY.
---| "tool" # A deterministic program on a PTY that gives a typed result.

---Params of `callboard/editPlan`.
---@class callboard.EditPlanParams
---@field dryRun? boolean Only say what would change.
---@field hash string The hash of the plan that was edited.
---@field run callboard.RunId Which run.
---@field text string The whole plan as it is to be: a workflow file.

---Result of `callboard/editPlan`.
---@class callboard.EditPlanResult
---@field after string The hash of the plan after.
---@field before string The hash of the plan before.
---@field changes string[] What changed, or would: a line each.
---@field rev integer The revision at which it is in.

---The `data` of an error answer: what a program can match.
---@class callboard.ErrorData
---@field code callboard.RefusalCode The class.

---A failed turn.
---@class callboard.Failure
---@field class callboard.FailureClass What kind of failure, for programs.
---@field message string What happened, where, and what to do next, for people.
---@field retryAt? callboard.Timestamp When it is worth trying again, where the program said so.

---Why a turn failed, as a class that a workflow's policy can match (design §6).
---@alias callboard.FailureClass
---| "not_installed" # The program is not on this machine, or cannot be executed.
---| "not_signed_in" # The program wants a login that it does not have.
---| "rate_limited" # The provider refuses more for now; `retry_at` says until when, where it is known.
---| "overloaded" # The provider is overloaded or answers with an error.
---| "context_full" # The conversation no longer fits the model.
---| "crashed" # The program ended without a result, or was killed by somebody else.
---| "start_timeout" # It was not ready in time.
---| "idle_timeout" # Nothing was heard from it for too long.
---| "total_timeout" # The turn took longer than it may.
---| "invalid_result" # Its result had not the form asked for, twice.
---| "denied" # A permission that it needed was denied.
---| "over_budget" # A budget was used up.
---| "interrupted" # A person or a limit stopped the turn.
---| "untrusted" # What the workspace configures was changed since a person trusted it. No policy matches it: a person looks, always.

---A notification `callboard/feed`: what changed up to a revision, oldest change first.
---@class callboard.Feed
---@field items callboard.Item[] The present form of each thing that changed.
---@field rev integer The revision that the client has with this.

---What became of a file.
---@alias callboard.FileChange
---| "added" # It is new.
---| "deleted" # It is gone.
---| "modified" # It is another.
---| "renamed" # It has another name.

---A file's difference.
---@class callboard.FileDiff
---@field binary boolean Whether its content is no text.
---@field by callboard.AgentName[] Who was at work when it changed: one, or several in parallel.
---@field from? string Where it was, where it was renamed.
---@field kind callboard.FileChange What became of it.
---@field newMode? string Its mode after.
---@field oldMode? string Its mode before, as git writes it.
---@field path string Where it is, or was.
---@field steps callboard.StepId[] The steps that they were on.
---@field text string The difference as a unified diff, with git's header; empty where all of it together is too long.

---A file, and something to say of it.
---@class callboard.FileNote
---@field path string Where, from the workspace's root.
---@field why string Why it is named.

---A finding as the hub keeps it.
---@class callboard.Finding
---@field code? string The rule's name, such as `clippy::len_zero`.
---@field contested boolean Whether a reviewer reported it again after it was declined: now it is a person's to settle.
---@field declined? string A fixer's latest reason not to fix it.
---@field excerpt? string The source line spoken of, as it stood when the finding was made.
---@field id callboard.FindingId Its name for good.
---@field message? callboard.MessageId The message that it was first reported in, once that was said.
---@field place? callboard.Place Where; absent for a remark on the whole.
---@field rev integer Revision of the record that changed it last.
---@field run? callboard.RunId The run that it was first reported in, where there was one.
---@field severity callboard.Severity How much it matters.
---@field sources callboard.AgentName[] The agents that reported it.
---@field state callboard.FindingState What has become of it.
---@field suggestion? string What to do about it, where the agent knows.
---@field text string What is wrong, and why it matters: one paragraph.

---A finding as an agent reports it, before the hub has matched it with what it knows.
---@class callboard.FindingDraft
---@field code? string The rule's name, such as `clippy::len_zero`.
---@field excerpt? string The source line spoken of, as it stood when the finding was made.
---@field id? callboard.FindingId The id of the finding that this one repeats, where the agent was told of it and says so.
---@field place? callboard.Place Where; absent for a remark on the whole.
---@field severity callboard.Severity How much it matters.
---@field suggestion? string What to do about it, where the agent knows.
---@field text string What is wrong, and why it matters: one paragraph.

---@alias callboard.FindingId string

---What has become of a finding.
---@alias callboard.FindingState
---| { is: "open" } # To be dealt with.
---| { is: "fixed" } # A later review of the same scope no longer reported it.
---| { by: string, is: "dismissed", reason: string } # A person said that it is not one.
---| { by: string, is: "accepted" } # A person knows and lives with it.
---| { is: "stale" } # The text that it speaks of changed; a re-check will tell.

---Params of `callboard/findings`.
---@class callboard.FindingsParams
---@field all? boolean Settled ones too.
---@field run? callboard.RunId|vim.NIL Only those of this run.

---Params of `callboard/fork`.
---@class callboard.ForkParams
---@field agent callboard.AgentName Whose session.
---@field to? callboard.AgentName|vim.NIL Which other instance starts from it; one that is free where absent.

---Result of `callboard/fork`.
---@class callboard.Forked
---@field agent callboard.AgentName Who starts from it, with its next turn.
---@field rev integer The revision at which that is in.

---Params of `callboard/handBack`.
---@class callboard.HandBackParams
---@field agent callboard.AgentName Which agent.

---Params of `callboard/history`.
---@class callboard.HistoryParams
---@field run callboard.RunId Which run.

---Params of `callboard/pause`.
---@class callboard.HoldParams
---@field interrupt? boolean Whether turns that are going on are interrupted too.
---@field run? callboard.RunId|vim.NIL Which run; the whole workspace where absent.

---Result of `callboard/hubStatus`.
---@class callboard.HubStatus
---@field clients integer How many clients are connected.
---@field inProcess boolean Whether the hub runs inside its client, and ends with it.
---@field liveRuns integer How many runs have not ended.
---@field pid integer The hub's process.
---@field protocol integer The protocol's version.
---@field rev integer The journal's last revision.
---@field started callboard.Timestamp Since when.
---@field trusted boolean Whether the workspace is trusted.
---@field version string Callboard's version.
---@field workspace string The workspace's root.

---Params of `callboard/inbox`.
---@class callboard.InboxParams
---@field all? boolean Answered ones too.
---@field pause? callboard.PauseId|vim.NIL Only this one, answered or not.

---What an input may be.
---@alias callboard.InputKind
---| "text" # Any text.
---| "path" # A file or folder of the workspace.
---| "number" # A whole number.
---| "flag" # Yes or no.
---| "list" # Several values.

---What a workflow wants to be told.
---@class callboard.InputView
---@field default? any What it is when nobody says; absent where it must be said.
---@field description string One line for people.
---@field kind callboard.InputKind What it may be.
---@field name string Its name.

---A channel.
---@class callboard.ItemChannel: callboard.ChannelView
---@field item "channel"

---A message.
---@class callboard.ItemMessage: callboard.MessageView
---@field item "message"

---A run.
---@class callboard.ItemRun: callboard.RunView
---@field item "run"

---A pause.
---@class callboard.ItemPause: callboard.PauseView
---@field item "pause"

---An agent.
---@class callboard.ItemAgent: callboard.AgentView
---@field item "agent"

---A finding.
---@class callboard.ItemFinding: callboard.Finding
---@field item "finding"

---One thing in its present form.
---@alias callboard.Item
---| callboard.ItemChannel # A channel.
---| callboard.ItemMessage # A message.
---| callboard.ItemRun # A run.
---| callboard.ItemPause # A pause.
---| callboard.ItemAgent # An agent.
---| callboard.ItemFinding # A finding.

---A result of a form that the workflow itself gives.
---@class callboard.JsonResult
---@field value any The value.

---A file that an agent is changing in the turn that it is on.
---@class callboard.LeaseView
---@field path string The file's path from the root.
---@field sign string How it is known: `said` by the agent's program, `seen` on the disk, or `perhaps` this one of several.
---@field since callboard.Timestamp Since when.
---@field turn callboard.TurnId In which turn.
---@field with? callboard.AgentName[] Others that are changing it too.

---@alias callboard.MessageId string

---A message.
---@class callboard.MessageView
---@field about? callboard.About What of Callboard it speaks of, where it does.
---@field at callboard.Timestamp When.
---@field author callboard.Author Who.
---@field channel callboard.ChannelName Where.
---@field deliveries? callboard.DeliveryView[] What became of it, per addressee.
---@field hops integer How many agents passed the word on since a person last spoke.
---@field id callboard.MessageId Its id.
---@field rev integer Revision of its last change.
---@field text string Markdown.
---@field thread? callboard.MessageId The message that its thread began with.

---Params of `callboard/messages`.
---@class callboard.MessagesParams
---@field before? callboard.MessageId|vim.NIL Only messages before this one.
---@field channel? callboard.ChannelName|vim.NIL Which channel; the default one where absent.
---@field limit? integer|vim.NIL At most so many, the newest; 100 where absent, 1,000 at most.
---@field thread? callboard.MessageId|vim.NIL Only entries of this thread, its first message included.

---Result of `callboard/messages`.
---@class callboard.MessagesResult
---@field messages callboard.MessageView[] Oldest first.
---@field rev integer The revision that this is of.

---Params of a method that takes none.
---@class callboard.Nothing

---What an item is.
---@alias callboard.OfferKind
---| "agent" # An agent, or several.
---| "channel" # A channel.
---| "command" # A command.
---| "workflow" # A workflow.
---| "input" # An input or a role of a workflow.
---| "run" # A run.
---| "path" # A file or a folder.

---What cancelling a run's progress does.
---@alias callboard.OnCancel
---| "pause" # Pause now: the run can go on later.
---| "stop" # End the run.

---What a step came to in a round that is over.
---@class callboard.PastStep
---@field agent? callboard.AgentName Who did it.
---@field attempt integer The try, from 1; 0 where nobody tried.
---@field ended? callboard.Timestamp When it ended.
---@field outcome? string What came of it, in a line; empty where nothing did.
---@field round integer The lap of the loop, from 1; 0 where it is in none.
---@field started? callboard.Timestamp When it began.
---@field status callboard.StepStatus How it ended.
---@field step callboard.StepId Which.
---@field title string Its title, or its id where it has none.
---@field usage callboard.Usage What its turns used.
---@field within callboard.StepId The loop, or other step, that it stands in.

---@alias callboard.PauseId string

---Why something waits for a person.
---@alias callboard.PauseKind
---| "step" # A step of the workflow is a pause.
---| "failure" # A step failed.
---| "limit" # A limit was reached: rounds, turns, time, tokens, money, hops.
---| "stuck" # A loop only repeats itself, or all that is left was declined.
---| "conflict" # What a step did in its worktree and what is in the work tree now don't go together.
---| "clash" # What was typed into a file and what was written to it on the disk do not go together.
---| "permission" # An agent asks for a permission, and its turn waits.
---| "question" # An agent asks a question, and its turn waits.
---| "trust" # What the workspace configures was changed since a person trusted it, and a step needs it.

---A thing that waits for a person.
---@class callboard.PauseView
---@field answered? callboard.Answered How it was answered.
---@field ask? callboard.AskView What asks, where it is a permission or a question.
---@field channel callboard.ChannelName The channel.
---@field decisions string[] The decisions that it takes, the usual one first.
---@field document string What is shown: Markdown, the text that an edit changes.
---@field hash string SHA-256 of the document, in hex. A decision must carry it.
---@field id callboard.PauseId Its id.
---@field kind callboard.PauseKind Why it waits.
---@field opened callboard.Timestamp Since when.
---@field rev integer Revision of its last change.
---@field run? callboard.RunId The run.
---@field steering? string Which files that steer programs (CI, hooks, builds, editors, agents) the run has changed, in words; empty where there are none, or it asks for something else. Nobody but a person approves it then.
---@field step? callboard.StepId The step.
---@field title string One line: what is asked.

---Params of `callboard/permissions`.
---@class callboard.PermissionsParams
---@field all? boolean Those that no longer hold too.

---A place in a file of the workspace.
---@class callboard.Place
---@field column integer First column, from 1, in characters; 1 where it is not known.
---@field endColumn? integer Column behind the last character, from 1; absent where it is not known.
---@field endLine? integer Last line, from 1; absent where the place is one line.
---@field line integer First line, from 1.
---@field path string Path from the workspace's root, with `/` between its parts.

---A plan is shown as it is; its form follows the workflow language.
---@alias callboard.Plan table<string, any>

---Params of `callboard/plan`.
---@class callboard.PlanParams
---@field run callboard.RunId Which run.

---A plan.
---@class callboard.PlanResult
---@field steps string[] What to do, in order.
---@field summary string One or two sentences.

---A run's plan as a workflow file, to be edited.
---@class callboard.PlanText
---@field hash string The hash of the plan; an edit must carry it.
---@field text string The file: YAML. A comment at its head says which steps can't change.

---Params of `callboard/planText`.
---@class callboard.PlanTextParams
---@field run callboard.RunId Which run.

---Who plays a role: one agent, or several side by side.
---@alias callboard.Players
---| callboard.AgentName # One.
---| callboard.AgentName[] # Several, in the order of their seats.

---Params of `callboard/post`.
---@class callboard.PostParams
---@field channel? callboard.ChannelName|vim.NIL Where; the default channel where absent.
---@field key? string|vim.NIL Chosen by the sender: a second post with the same key is the first one's.
---@field text? string Markdown.
---@field thread? callboard.MessageId|vim.NIL The message that this one answers.

---Result of `callboard/post`.
---@class callboard.Posted
---@field message callboard.MessageId The message.
---@field rev integer The revision at which it is in.

---The kinds of refusal, for programs.
---@alias callboard.RefusalCode
---| "not_found" # No such run, pause, message, agent, channel or finding.
---| "exists" # It exists already.
---| "invalid" # A value is not what it must be.
---| "humans_only" # Only a person may do this.
---| "already_answered" # The pause was answered before; the message says by whom.
---| "changed" # What was shown is not what is there now.
---| "untrusted" # The workspace is not trusted.
---| "no_agent" # No agent can play a role.
---| "busy" # Too much at once.
---| "journal" # The journal can't be written; nothing was recorded.

---Params of `callboard/resume`.
---@class callboard.ReleaseParams
---@field run? callboard.RunId|vim.NIL Which run; the whole workspace where absent.

---Result of `callboard/reload`.
---@class callboard.ReloadResult
---@field agents integer How many agents the catalogue has.
---@field trusted boolean Whether the workspace is trusted now.

---Params of `callboard/removeWorktree`.
---@class callboard.RemoveWorktreeParams
---@field worktree callboard.WorktreeId Which.

---A review.
---@class callboard.ReviewResult
---@field findings callboard.FindingDraft[] The remarks, most severe first.
---@field summary string One or two sentences.
---@field verdict callboard.ReviewVerdict The reviewer's word on the whole.

---What a reviewer says of the whole.
---@alias callboard.ReviewVerdict
---| "approved" # Nothing material is left.
---| "changes_requested" # Something material is to be changed.

---Params of `callboard/revokePermission`.
---@class callboard.RevokePermissionParams
---@field permission callboard.RuleId Which.

---@alias callboard.RoleId string

---A part that an agent plays.
---@class callboard.RoleView
---@field access callboard.Access What it may do.
---@field description string One line for people; may be empty.
---@field goodFor? string What an agent must be good for, where none of the preferred is available.
---@field id callboard.RoleId Its name.
---@field prefer callboard.AgentName[] Agents that would play it, best first.
---@field seats integer How many agents may play it side by side: 1 where the file says nothing.

---A permission that is remembered.
---@class callboard.Rule
---@field agent callboard.AgentName Whose.
---@field at callboard.Timestamp When.
---@field by string Who gave it.
---@field ended? string Who took it back, where it no longer holds: a person, or the run's end.
---@field id callboard.RuleId Its id.
---@field pattern string For exactly what.
---@field pause callboard.PauseId At which pause.
---@field run? callboard.RunId Until the end of which run; until it is revoked where absent.
---@field tool string For which tool.
---@field used integer How often it has been used.

---@alias callboard.RuleId string

---What the rounds of a run that are over came to.
---@class callboard.RunHistory
---@field forgotten integer How many older ones are no longer kept.
---@field rev integer The revision that this is of.
---@field steps callboard.PastStep[] The steps of rounds that are over, oldest first: the last thousand. The present round is in the run.

---@alias callboard.RunId string

---Params of `callboard/run`.
---@class callboard.RunParams
---@field channel? callboard.ChannelName|vim.NIL Where it is shown.
---@field inputs? table<string, any> What it is told.
---@field key? string|vim.NIL Chosen by the sender: a second start with the same key is the first one's.
---@field roles? table<string, callboard.Players> Who plays which role: one agent, or a list for a role that several play.
---@field workflow? string The workflow's name.

---Where a run stands.
---@alias callboard.RunStatus
---| "running" # Something is being done.
---| "waiting" # Nothing goes on until a person answers.
---| "held" # A person said "pause now".
---| "approved" # Ended: the reviews approve.
---| "done" # Ended: all steps are over.
---| "failed" # Ended: a step failed and the workflow says so.
---| "rejected" # Ended: a person rejected it.
---| "stopped" # Ended: a person stopped it.

---A turn of a run, without its prompt.
---@class callboard.RunTurn
---@field agent callboard.AgentName Who.
---@field ended? callboard.Timestamp When it ended.
---@field failure? callboard.Failure Its failure.
---@field id callboard.TurnId Its id.
---@field outcome? string How it ended: `answered`, `failed`, `lost` or `withdrawn`; absent while it goes on.
---@field queued callboard.Timestamp When it was put in the agent's queue.
---@field started? callboard.Timestamp When the agent began.
---@field step callboard.StepId The step that it was for.
---@field usage callboard.Usage What it used, as far as its agent reported it.

---A run.
---@class callboard.RunView
---@field by string Who started it.
---@field casts? table<string, callboard.AgentName[]> Who plays the roles that several agents may play, in the order of their seats.
---@field changedFiles integer How many files its agents changed, as far as they are known: up to 1,000.
---@field channel callboard.ChannelName Where it is shown.
---@field collisions? callboard.CollisionView[] Files that several of its agents, or one and a person, changed at the same time.
---@field ended? callboard.Timestamp When it ended.
---@field hash string The hash that the run is pinned to.
---@field id callboard.RunId Its id.
---@field inputs table<string, any> What it was told.
---@field rev integer Revision of its last change.
---@field roles table<string, callboard.AgentName> Who plays which role; of a role that several play, the first.
---@field started callboard.Timestamp When.
---@field status callboard.RunStatus Where it stands.
---@field steps callboard.StepView[] Its steps in the file's order, children behind their parents.
---@field thread? callboard.MessageId The message that its thread began with.
---@field title string The workflow's title.
---@field turns integer Turns taken so far.
---@field usage callboard.Usage What it used, as far as agents reported it.
---@field why? string Why it stands there, in words, where that needs words.
---@field workflow string The workflow's name.

---Params of `callboard/runs`.
---@class callboard.RunsParams
---@field live? boolean Only those that have not ended.
---@field run? callboard.RunId|vim.NIL Only this one.

---Params of `callboard/saveBuffers`, which the hub asks of a client.
---@class callboard.SaveBuffersParams
---@field uris string[] The files.

---Result of `callboard/saveBuffers`.
---@class callboard.SaveBuffersResult
---@field saved? string[] Those that are saved now.

---For how long a permission is given. Always to the agent that asked, and to no other.
---@alias callboard.Scope
---| "once" # This once.
---| "run" # For exactly this until the run ends.
---| "always" # For exactly this until it is revoked.

---Params of `callboard/sent`: one of the two.
---@class callboard.SentParams
---@field message? callboard.MessageId|vim.NIL A message: what was sent for each of its deliveries, or, of an agent's answer, what the agent had been sent.
---@field turn? callboard.TurnId|vim.NIL The turn.

---What the server offers: `capabilities.experimental.callboard` of its answer to `initialize`.
---@class callboard.ServerOffer
---@field notifications string[] The notifications that it may send.
---@field protocol integer The protocol's version.
---@field requests string[] The requests that it takes: one that is not here is another version's.

---Params of `callboard/settleFinding`.
---@class callboard.SettleFindingParams
---@field finding callboard.FindingId Which.
---@field how string `dismiss`, `accept` or `reopen`.
---@field reason? string Why: needed to dismiss.

---How much a finding matters, most first.
---@alias callboard.Severity
---| "error" # Wrong: it fails, loses data or is unsafe.
---| "warning" # Likely wrong, or will be.
---| "info" # Worth knowing. Never opens another round of a loop.
---| "hint" # A matter of taste. Never opens another round of a loop.

---Why a state is believed, strongest first.
---@alias callboard.Source
---| "hub" # The hub did it itself.
---| "protocol" # The agent's protocol said so.
---| "hook" # One of the agent's hooks said so.
---| "exitStatus" # Its process ended.
---| "title" # Its terminal's title says so.
---| "screen" # Its screen looks like it: the last resort, and labelled so.

---Result of `callboard/run`.
---@class callboard.Started
---@field rev integer The revision at which it is in.
---@field run callboard.RunId The run.

---@alias callboard.StepId string

---Where a step stands.
---@alias callboard.StepStatus
---| "waiting" # What it needs is not over yet.
---| "queued" # Its turn is in the agent's queue.
---| "running" # It is going on.
---| "backoff" # It waits to be tried again.
---| "paused" # It waits for a person.
---| "done" # Over, with a result.
---| "skipped" # Over, without one: its condition was false, or it was told to be skipped.
---| "failed" # Over: it failed.

---A step of a run.
---@class callboard.StepView
---@field agent? callboard.AgentName Who does it, where an agent does.
---@field attempt integer The try, from 1; 0 before the first.
---@field decided? callboard.DecidedView[] Of a part that an agent operates: what that decided, oldest first: the last fifty.
---@field depth integer How deep it stands: 0 for the outermost list.
---@field ended? callboard.Timestamp When it ended.
---@field failure? callboard.Failure Its failure, the last one.
---@field id callboard.StepId Its id.
---@field item? string Of a step that is done for each item of a list: its item, in short.
---@field pause? callboard.PauseId The pause that it waits at.
---@field result? callboard.TypedResult Its result.
---@field round integer The lap of the loop that it is in, from 1; 0 outside a loop.
---@field started? callboard.Timestamp When it began.
---@field status callboard.StepStatus Where it stands.
---@field title string Its title, or its id where it has none.
---@field turn? callboard.TurnId The turn that it is in, or was.
---@field usage? callboard.Usage What its turns used in this round, as far as its agent reported it.

---Params of `callboard/subscribe`. A second call replaces the first.
---@class callboard.SubscribeParams
---@field channel? callboard.ChannelName|vim.NIL Only what belongs to this channel.
---@field run? callboard.RunId|vim.NIL Only what belongs to this run.
---@field since? integer|vim.NIL The revision that the client has: 0 for everything, absent for what comes from now on.

---Params of `callboard/takeOver`.
---@class callboard.TakeOverParams
---@field afterTurn? boolean Whether to wait for the end of the turn that it is on; else it is refused as `busy` then.
---@field agent callboard.AgentName Which agent.

---How far a take-over is.
---@alias callboard.TakenStage
---| "afterTurn" # It waits for the end of the turn that the agent is on.
---| "opening" # The agent's screen is being opened.
---| "open" # The agent's terminal is the person's.
---| "closing" # It is being handed back.

---That a person has taken an agent over. Its turns wait in its queue.
---@class callboard.TakenView
---@field by string Who.
---@field since callboard.Timestamp Since when.
---@field stage callboard.TakenStage How far that is.

---A colour.
---@alias callboard.TerminalColor
---| integer # One of the 256 that terminals number; the first 16 are the theme's.
---| string # `#rrggbb`.

---Where a terminal's cursor is.
---@class callboard.TerminalCursor
---@field column integer From 0, from the left.
---@field row integer From 0, from the top.
---@field visible boolean Whether it shows.

---How frames are written.
---@alias callboard.TerminalForm
---| "rows" # The rows that changed, as text with colours.
---| "raw" # Bytes for a terminal emulator of the same size.

---A notification `callboard/terminalFrame`: what changed on a screen since the frame before it.
---@class callboard.TerminalFrame
---@field agent callboard.AgentName Whose.
---@field cursor callboard.TerminalCursor Where the cursor is.
---@field frame integer Counted from 1 by each watch.
---@field full boolean Whether it is the whole screen; what was shown before is to be cleared.
---@field locked boolean Whether Callboard is typing into it: then a person's keys are refused.
---@field raw? string The bytes to be written to the emulator, in the form `raw`.
---@field rows? callboard.TerminalRow[] The rows that changed, in the form `rows`.
---@field scrolled integer How many rows have left the top so far. Where it rose `callboard/terminalScrollback` has more: new lines, or more of the last one.
---@field size callboard.TerminalSize How large it is.
---@field state callboard.TerminalState Whether its program runs.
---@field terminal integer Another number is another terminal: the agent's program was started again. 0 where there is none.
---@field title string The title that the program gave it; empty where it gave none.

---Params of `callboard/terminalInput`.
---@class callboard.TerminalInputParams
---@field agent callboard.AgentName Whose terminal.
---@field paste? boolean Whether it is a paste: it is put in brackets where the program asked for that, and never submitted.
---@field text string The keys as a terminal sends them, sequences too; or the text to be pasted.

---Params of `callboard/terminalResize`.
---@class callboard.TerminalResizeParams
---@field agent callboard.AgentName Whose terminal.
---@field columns integer From left to right.
---@field rows integer From top to bottom.

---A row of a screen, whole: it replaces what was in it.
---@class callboard.TerminalRow
---@field row integer Which, from 0.
---@field runs callboard.TerminalRun[] Its text from the left, without the blanks at its end.

---Text of one look.
---@class callboard.TerminalRun
---@field bg? callboard.TerminalColor The colour behind it, where it is not the usual one.
---@field fg? callboard.TerminalColor Its colour, where it is not the usual one.
---@field style? string Letters: `b` bold, `d` dim, `i` italic, `u` underlined, `r` reversed.
---@field text string The text; no control in it, and nothing invisible.

---Result of `callboard/terminalScrollback`: lines that left the top of the screen.
---@class callboard.TerminalScrollback
---@field first integer The number of the first line here, from 0. Lines before it may be gone.
---@field lines string[] The lines, oldest first.
---@field terminal integer Which terminal, as in its frames; 0 where there is none.
---@field total integer How many lines have left the top so far; the last of them may still grow.

---Params of `callboard/terminalScrollback`.
---@class callboard.TerminalScrollbackParams
---@field agent callboard.AgentName Whose terminal.
---@field count? integer|vim.NIL At most so many; 200 where absent, 1,000 at most.
---@field from? integer|vim.NIL The first line; the last `count` lines where absent.

---The size of a terminal, in characters.
---@class callboard.TerminalSize
---@field columns integer From left to right.
---@field rows integer From top to bottom.

---Whether an agent has a terminal.
---@alias callboard.TerminalState
---| "absent" # None was started since the hub began.
---| "live" # Its program runs.
---| "ended" # Its program has ended; what it showed last is kept.

---One test that failed.
---@class callboard.TestFailure
---@field message string The end of what it printed.
---@field name string The test's full name, or the build step that failed.
---@field place? callboard.Place Where it failed, where that is known.

---Whether tests passed.
---@alias callboard.TestVerdict
---| "passed" # All that ran passed, and at least one ran.
---| "failed" # One failed, or they could not be built.
---| "none" # There was none to run.

---What a test run came to.
---@class callboard.TestsResult
---@field failed integer How many failed.
---@field failures callboard.TestFailure[] The failures, bounded by the agent.
---@field passed integer How many passed.
---@field skipped integer How many were skipped.
---@field summary string One line, such as `41 passed, 1 failed`.
---@field verdict callboard.TestVerdict The whole.

---Free text.
---@class callboard.TextResult
---@field text string The text, as Markdown.

---Milliseconds since the Unix epoch. The core gets it with each event and never asks a clock.
---@alias callboard.Timestamp integer

---Params of `callboard/trust`.
---@class callboard.TrustParams
---@field digest? string|vim.NIL What the person was shown, by the digest of an earlier answer; without one nothing is trusted, only told.

---Result of `callboard/trust`.
---@class callboard.TrustResult
---@field digest string What trust is bound to: SHA-256 in hex of what the workspace configures.
---@field text string What Callboard would do here, for the person who decides.
---@field trusted boolean Whether the workspace is trusted as it is now.

---@alias callboard.TurnId string

---How long the parts of a turn may take, in milliseconds. `None` is no limit, which only a user's profile can ask for.
---@class callboard.TurnTimes
---@field idle integer|vim.NIL Without a byte from it while it works.
---@field start integer|vim.NIL From the start of its program until it is ready for a prompt.
---@field total integer|vim.NIL From the prompt to the end.

---A turn: what was sent, and what came of it.
---@class callboard.TurnView
---@field agent callboard.AgentName Who.
---@field ended? callboard.Timestamp When it ended.
---@field id callboard.TurnId Its id.
---@field prompt string The prompt, whole.
---@field queued callboard.Timestamp When it was put in the agent's queue.
---@field started? callboard.Timestamp When the agent began.
---@field usage callboard.Usage What it used, as far as its agent reported it.

---Params of `callboard/turns`.
---@class callboard.TurnsParams
---@field run callboard.RunId Which run.

---Free text.
---@class callboard.TypedResultText: callboard.TextResult
---@field kind "text"

---A verdict and findings.
---@class callboard.TypedResultReview: callboard.ReviewResult
---@field kind "review"

---What was changed, and what was declined.
---@class callboard.TypedResultChange: callboard.ChangeResult
---@field kind "change"

---A verdict and failures.
---@class callboard.TypedResultTests: callboard.TestsResult
---@field kind "tests"

---Steps to take.
---@class callboard.TypedResultPlan: callboard.PlanResult
---@field kind "plan"

---Anything that fits the step's JSON Schema.
---@class callboard.TypedResultJson: callboard.JsonResult
---@field kind "json"

---A result that has the form its step asked for.
---@alias callboard.TypedResult
---| callboard.TypedResultText # Free text.
---| callboard.TypedResultReview # A verdict and findings.
---| callboard.TypedResultChange # What was changed, and what was declined.
---| callboard.TypedResultTests # A verdict and failures.
---| callboard.TypedResultPlan # Steps to take.
---| callboard.TypedResultJson # Anything that fits the step's JSON Schema.

---Params of `callboard/undo`.
---@class callboard.UndoParams
---@field force? boolean Whether files that were changed since by somebody else are put back too.
---@field run callboard.RunId Which run.
---@field step? callboard.StepId|vim.NIL Only what this step changed.

---Result of `callboard/undo`.
---@class callboard.UndoResult
---@field clashes callboard.FileNote[] The files that are left as they are.
---@field files string[] The files that are as they were before.
---@field rev integer The revision at which it is in.

---Params of `callboard/unwatchTerminal`.
---@class callboard.UnwatchTerminalParams
---@field agent callboard.AgentName Whose.

---What a turn used, as far as its program reports it. Absent is "not known", never zero.
---@class callboard.Usage
---@field microDollars? integer Money in millionths of a US dollar.
---@field tokens? integer Tokens in and out together.

---Params of `callboard/watchTerminal`. A second call for the same agent replaces the first.
---@class callboard.WatchTerminalParams
---@field agent callboard.AgentName Whose.
---@field form? callboard.TerminalForm How frames are written.

---Result of `callboard/watchTerminal`: where the terminal stands now. Frames follow.
---@class callboard.WatchTerminalResult
---@field size callboard.TerminalSize How large it is; what it will be where there is none yet.
---@field state callboard.TerminalState Whether there is one.

---Params of `callboard/withdraw`.
---@class callboard.WithdrawParams
---@field agent callboard.AgentName From whom.
---@field message callboard.MessageId Which message.

---A workflow that can be started here, or could if it had no errors.
---@class callboard.WorkflowView
---@field broken boolean Whether it has errors and can't be run.
---@field category callboard.Category Its shelf.
---@field description? string A paragraph for people; may be empty.
---@field from string Where it comes from: `builtIn`, `user` or `workspace`.
---@field inputs callboard.InputView[] What it wants to be told, in the file's order.
---@field name string What it is run by.
---@field path? string Its file, where it has one.
---@field roles callboard.RoleView[] The parts that agents play, in the file's order.
---@field title string One line for people.

---@alias callboard.WorktreeId string

---How far a worktree is.
---@alias callboard.WorktreeState
---| "atWork" # Its step works in it, or is about to.
---| "merging" # What was done in it is being merged, or waits for its place.
---| "conflict" # A person is asked about what does not go together.
---| "kept" # It has what is nowhere else, and nothing goes on with it: a person lets it go.
---| "going" # It is needed no more, and is being removed.

---A folder in which a step works apart from the developer's files.
---@class callboard.WorktreeView
---@field folder string Its folder; empty before it was made.
---@field id callboard.WorktreeId Its id.
---@field run callboard.RunId Of which run.
---@field stage callboard.WorktreeState How far it is.
---@field step callboard.StepId Of which step.
---@field why? string Why it is kept; empty where it is not.

---Result of `callboard/worktrees`.
---@class callboard.WorktreesResult
---@field rev integer The revision that this is of.
---@field worktrees callboard.WorktreeView[] Those whose folder is needed or still there, by id.

---Every request: what it takes and what it gives.
---@class callboard.Requests
---@field ["callboard/post"] { params: callboard.PostParams, result: callboard.Posted }
---@field ["callboard/createChannel"] { params: callboard.CreateChannelParams, result: callboard.Changed }
---@field ["callboard/channels"] { params: callboard.Nothing, result: callboard.ChannelView[] }
---@field ["callboard/messages"] { params: callboard.MessagesParams, result: callboard.MessagesResult }
---@field ["callboard/withdraw"] { params: callboard.WithdrawParams, result: callboard.Changed }
---@field ["callboard/sent"] { params: callboard.SentParams, result: callboard.TurnView[] }
---@field ["callboard/complete"] { params: callboard.CompleteParams, result: callboard.CompleteResult }
---@field ["callboard/run"] { params: callboard.RunParams, result: callboard.Started }
---@field ["callboard/runs"] { params: callboard.RunsParams, result: callboard.RunView[] }
---@field ["callboard/turns"] { params: callboard.TurnsParams, result: callboard.RunTurn[] }
---@field ["callboard/plan"] { params: callboard.PlanParams, result: callboard.Plan }
---@field ["callboard/history"] { params: callboard.HistoryParams, result: callboard.RunHistory }
---@field ["callboard/planText"] { params: callboard.PlanTextParams, result: callboard.PlanText }
---@field ["callboard/editPlan"] { params: callboard.EditPlanParams, result: callboard.EditPlanResult }
---@field ["callboard/workflows"] { params: callboard.Nothing, result: callboard.WorkflowView[] }
---@field ["callboard/inbox"] { params: callboard.InboxParams, result: callboard.PauseView[] }
---@field ["callboard/decide"] { params: callboard.DecideParams, result: callboard.Changed }
---@field ["callboard/permissions"] { params: callboard.PermissionsParams, result: callboard.Rule[] }
---@field ["callboard/revokePermission"] { params: callboard.RevokePermissionParams, result: callboard.Changed }
---@field ["callboard/pause"] { params: callboard.HoldParams, result: callboard.Changed }
---@field ["callboard/resume"] { params: callboard.ReleaseParams, result: callboard.Changed }
---@field ["callboard/cancel"] { params: callboard.CancelParams, result: callboard.Changed }
---@field ["callboard/diff"] { params: callboard.DiffParams, result: callboard.DiffResult }
---@field ["callboard/undo"] { params: callboard.UndoParams, result: callboard.UndoResult }
---@field ["callboard/worktrees"] { params: callboard.Nothing, result: callboard.WorktreesResult }
---@field ["callboard/removeWorktree"] { params: callboard.RemoveWorktreeParams, result: callboard.Changed }
---@field ["callboard/agents"] { params: callboard.Nothing, result: callboard.AgentView[] }
---@field ["callboard/takeOver"] { params: callboard.TakeOverParams, result: callboard.Changed }
---@field ["callboard/handBack"] { params: callboard.HandBackParams, result: callboard.Changed }
---@field ["callboard/fork"] { params: callboard.ForkParams, result: callboard.Forked }
---@field ["callboard/findings"] { params: callboard.FindingsParams, result: callboard.Finding[] }
---@field ["callboard/settleFinding"] { params: callboard.SettleFindingParams, result: callboard.Changed }
---@field ["callboard/watchTerminal"] { params: callboard.WatchTerminalParams, result: callboard.WatchTerminalResult }
---@field ["callboard/unwatchTerminal"] { params: callboard.UnwatchTerminalParams, result: callboard.Nothing }
---@field ["callboard/terminalInput"] { params: callboard.TerminalInputParams, result: callboard.Nothing }
---@field ["callboard/terminalResize"] { params: callboard.TerminalResizeParams, result: callboard.TerminalSize }
---@field ["callboard/terminalScrollback"] { params: callboard.TerminalScrollbackParams, result: callboard.TerminalScrollback }
---@field ["callboard/subscribe"] { params: callboard.SubscribeParams, result: callboard.Changed }
---@field ["callboard/reload"] { params: callboard.Nothing, result: callboard.ReloadResult }
---@field ["callboard/trust"] { params: callboard.TrustParams, result: callboard.TrustResult }
---@field ["callboard/hubStatus"] { params: callboard.Nothing, result: callboard.HubStatus }
---@field ["callboard/stopHub"] { params: callboard.Nothing, result: callboard.Changed }

---Every request from the hub: what it asks and what it is answered.
---@class callboard.ServerRequests
---@field ["callboard/saveBuffers"] { params: callboard.SaveBuffersParams, result: callboard.SaveBuffersResult }

---Every notification from the hub: what it brings.
---@class callboard.Notifications
---@field ["callboard/feed"] callboard.Feed
---@field ["callboard/terminalFrame"] callboard.TerminalFrame
