// The wire of Callboard, as server/src/protocol.rs has it: made from its schemas, and held to them by a test.
// Change protocol.rs, then write this file anew: CALLBOARD_WRITE_TYPES=1 cargo test --test tidy types

/** What a message speaks of. */
export interface About {
  /** The findings that it reports. */
  findings?: FindingId[];
  /** The pause point. */
  pause?: PauseId;
  /** The run. */
  run?: RunId;
  /** The step. */
  step?: StepId;
  /** The turn whose answer it is. */
  turn?: TurnId;
}

/** What an agent may do to the workspace. */
export type Access =
  /** Look. */
  | "read"
  /** Change files. */
  | "write";

/** A claim about an agent's state, with why it is believed. */
export interface AgentClaim {
  /** Where the claim comes from. */
  source: Source;
  /** The state. */
  state: AgentState;
  /** The reason in words. */
  why: string;
}

/** What the hub is told of an agent when the catalogue is read: enough to bind roles and to keep limits. */
export interface AgentInfo {
  /** What it may do. */
  access: Access;
  /** How it is driven. */
  driver: DriverKind;
  /** Whether another instance of it can start from its session. */
  fork: boolean;
  /** What it is good for: words such as `review`, `fix`, `test`, that roles ask for. */
  goodFor: string[];
  /** Whether its program was found here; where not, why and what to do. */
  missing: string | null;
  /** How it is called. */
  name: AgentName;
  /** Whether that is only once it has a session: where its program can't be told which to begin. */
  needsSession: boolean;
  /** The profile that it is an instance of. */
  profile: string;
  /** Whether a person can take it over: whether its program has a screen that goes on with a session. */
  takeOver: boolean;
  /** How long its turns may take. */
  times: TurnTimes;
  /** One line for people. */
  title: string;
}

export type AgentName = string;

/** The states of an agent (design §2, promise 3). */
export type AgentState =
  /** Its program has been started and is not ready yet. */
  | { is: "starting" }
  /** Ready for a prompt. */
  | { is: "idle" }
  /** On a turn. */
  | { is: "working" }
  /** It asked for a permission. */
  | { is: "waitingForPermission" }
  /** It asked a question. */
  | { is: "waitingForAnswer" }
  /** A person has taken it over and speaks with it in its program's own screen; its turns wait. */
  | { by: string; is: "takenOver" }
  /** Its provider refuses more for now. */
  | { is: "rateLimited"; until: Timestamp | null }
  /** Its budget is used up. */
  | { is: "outOfBudget" }
  /** Its program ended and should not have. */
  | { is: "crashed" }
  /** It has no program running, and needs none. */
  | { is: "stopped" };

/** An agent. */
export interface AgentView {
  /** What is believed of it, and why. */
  claim: AgentClaim;
  /** The files that it is changing, as far as that is known. */
  files?: LeaseView[];
  /** What the catalogue says of it. */
  info: AgentInfo;
  /** How many turns wait in its queue. */
  queued: number;
  /** Revision of its last change. */
  rev: number;
  /** Since when. */
  since: Timestamp;
  /** Who has taken it over, where somebody has. */
  taken?: TakenView;
  /** The turn that it is on. */
  turn?: TurnId;
  /** What its turns used, as far as they reported it. */
  usage: Usage;
}

/** How a pause was answered. */
export interface Answered {
  /** When. */
  at: Timestamp;
  /** Who. */
  by: string;
  /** What. */
  decision: Decision;
  /** The hash of what was shown. */
  hash: string;
}

/** What of a permission or a question a client needs beside the document. */
export interface AskView {
  /** Whose turn. */
  agent: AgentName;
  /** Answers to choose from, where it is a question. */
  choices?: string[];
  /** The scopes that an approval may have, the shortest first; none where it is a question. */
  scopes?: Scope[];
  /** The tool, where it is a permission. */
  tool?: string;
  /** The turn that waits. */
  turn: TurnId;
}

/** Who says something. */
export type Author =
  /** A person. */
  | { is: "person"; name: string }
  /** An agent. */
  | { is: "agent"; name: AgentName }
  /** What decides the next step of a run. */
  | { is: "operator" }
  /** Callboard itself. */
  | { is: "system" };

/** Params of `callboard/cancel`. */
export interface CancelParams {
  /** Which run. */
  run: RunId;
}

/** The shelves of design §8. */
export type Category =
  /** Looks at code. */
  | "review"
  /** Makes code. */
  | "build"
  /** Makes and runs tests. */
  | "test"
  /** The rest. */
  | "ops";

/** A change of the work tree. */
export interface ChangeResult {
  /** Findings that it did not fix, each with its reason. */
  declined: Declined[];
  /** Files that were changed, from the workspace's root. */
  files: string[];
  /** Findings that the agent says it fixed. */
  fixed: FindingId[];
  /** One or two sentences. */
  summary: string;
}

/** Result of a method that changes something. */
export interface Changed {
  /** The revision at which the change is in. */
  rev: number;
}

export type ChannelName = string;

/** A channel. */
export interface ChannelView {
  /** The agent that a message with no mention wakes. */
  defaultAgent?: AgentName;
  /** How many messages it has. */
  messages: number;
  /** Its name. */
  name: ChannelName;
  /** Revision of its last change. */
  rev: number;
  /** What the turns that belong to it used, as far as they reported it. */
  usage: Usage;
}

/** What a client can do and wants: in its `initializationOptions`, or in `capabilities.experimental.callboard`; where both name a field, the former counts. */
export interface ClientOptions {
  /** Whether findings are shown as diagnostics. */
  diagnostics?: boolean;
  /** The client shows the documents of pause points itself: `callboard.openPause` shows no file. */
  documents?: boolean;
  /** The client tells its user itself what waits, from the feed. */
  notifications?: boolean;
  /** What cancelling a run's progress does. */
  onCancel?: OnCancel;
  /** The client shows channels and the inbox itself: `callboard.openChannel` writes no file. */
  panel?: boolean;
  /** Whether runs show as progress. */
  progress?: boolean;
  /** Whether a pause point is asked for by a message with buttons; where absent, unless the client says that it has a panel or notifications. */
  prompts?: boolean | null;
  /** The client saves buffers when it is asked by `callboard/saveBuffers`. */
  saves?: boolean;
  /** The client shows terminals itself: `callboard.openTerminal` writes no file. */
  terminal?: boolean;
}

/** That several changed one file at the same time. */
export interface CollisionView {
  /** The agents. */
  agents: AgentName[];
  /** When it was noticed. */
  at: Timestamp;
  /** The message that told of it. */
  message: MessageId;
  /** The file's path from the root. */
  path: string;
  /** The person, where one is a side of it. */
  person?: string;
  /** Whether it is certain, or only may be. */
  sure: boolean;
}

/** Something that can be written in a message. */
export interface CompleteItem {
  /** A few words beside it; may be empty. */
  detail: string;
  /** Where that ends. */
  end: number;
  /** What takes its place. */
  insert: string;
  /** What it is. */
  kind: OfferKind;
  /** How it is listed. */
  label: string;
  /** Where what it replaces begins, counted as `cursor`. */
  start: number;
}

/** Params of `callboard/complete`. */
export interface CompleteParams {
  /** Where the cursor is in it, counted from 0 over the whole text in the units of the session's position encoding. */
  cursor?: number;
  /** The message as far as it is written. */
  text?: string;
}

/** Result of `callboard/complete`. */
export interface CompleteResult {
  /** What can be written there, the best first. */
  items: CompleteItem[];
}

/** Params of `callboard/createChannel`. */
export interface CreateChannelParams {
  /** The agent that a message with no mention wakes. */
  defaultAgent?: AgentName | null;
  /** Its name. */
  name: ChannelName;
}

/** Params of `callboard/decide`. */
export type DecideParams =
  /** Go on with what is shown. At a limit: raise it by as much again and go on. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "approve" }
  /** Go on with this document in place of the one shown. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "edit"; document: string }
  /** Back to the step that made it, with this text, then its checks, then this pause again. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "request-changes"; text: string }
  /** End the run as rejected. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "reject"; text?: string }
  /** Go on without the step. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "skip" }
  /** The step again. */
  | { hash: string; pause: PauseId; scope?: Scope | null; agent?: AgentName | null; decision: "retry" }
  /** End the run. */
  | { hash: string; pause: PauseId; scope?: Scope | null; decision: "stop" };

/** Something that an operator decided, or wanted and was refused. */
export interface DecidedView {
  /** Whether it was refused. */
  refused?: boolean;
  /** In which of its turns. */
  turn: TurnId;
  /** The move in words. */
  what: string;
  /** Why; of a refused one why it was refused. */
  why: string;
}

/** A person's answer at a pause point (design §9). */
export type Decision =
  /** Go on with what is shown. At a limit: raise it by as much again and go on. */
  | { decision: "approve" }
  /** Go on with this document in place of the one shown. */
  | { decision: "edit"; document: string }
  /** Back to the step that made it, with this text, then its checks, then this pause again. */
  | { decision: "request-changes"; text: string }
  /** End the run as rejected. */
  | { decision: "reject"; text: string }
  /** Go on without the step. */
  | { decision: "skip" }
  /** The step again. */
  | { agent?: AgentName; decision: "retry" }
  /** End the run. */
  | { decision: "stop" };

/** A fixer's answer that it will not fix a finding, and why. */
export interface Declined {
  /** The finding that stays. */
  finding: FindingId;
  /** Why: goes back to the reviewer once, then to the person. */
  reason: string;
}

/** How far a delivery got: facts, in this order. */
export type DeliveryState =
  /** In the journal; the agent is busy or held. */
  | { is: "stored" }
  /** Its turn is the agent's now: the prompt is being handed over. */
  | { is: "delivered" }
  /** The agent has begun on it. */
  | { is: "started" }
  /** The agent answered with this message. */
  | { is: "answered"; message: MessageId }
  /** It did not come to an answer. */
  | { is: "failed"; why: string }
  /** A limit holds it until a person says "go on" at this pause. */
  | { is: "held"; pause: PauseId }
  /** A person took it back. */
  | { is: "withdrawn" };

/** What became of a message for one addressee. */
export interface DeliveryView {
  /** To whom. */
  agent: AgentName;
  /** How far it got. */
  state: DeliveryState;
  /** The turn that it became. */
  turn?: TurnId;
}

/** Params of `callboard/diff`. */
export interface DiffParams {
  /** Only what this agent changed. */
  by?: AgentName | null;
  /** Which run. */
  run: RunId;
  /** Only what this step changed. */
  step?: StepId | null;
  /** Whether each text has the whole file around its changes, so that both sides can be made from it. */
  whole?: boolean;
}

/** Result of `callboard/diff`. */
export interface DiffResult {
  /** The files, in the order of time and then of their paths. One that was changed, then changed by somebody else, then changed again is there twice. */
  files: FileDiff[];
  /** What the diff does not know: files that are left out, checkpoints that could not be taken. */
  notes?: string[];
  /** The revision that it is of. */
  rev: number;
}

/** The code that talks to an agent (design §6). */
export type DriverKind =
  /** A warm process with JSON lines both ways. */
  | "stream-json"
  /** Codex's own JSON-RPC. */
  | "app-server"
  /** The Agent Client Protocol. */
  | "acp"
  /** The interactive program on a PTY. */
  | "terminal"
  /** A deterministic program on a PTY that gives a typed result. */
  | "tool";

/** Params of `callboard/editPlan`. */
export interface EditPlanParams {
  /** Only say what would change. */
  dryRun?: boolean;
  /** The hash of the plan that was edited. */
  hash: string;
  /** Which run. */
  run: RunId;
  /** The whole plan as it is to be: a workflow file. */
  text: string;
}

/** Result of `callboard/editPlan`. */
export interface EditPlanResult {
  /** The hash of the plan after. */
  after: string;
  /** The hash of the plan before. */
  before: string;
  /** What changed, or would: a line each. */
  changes: string[];
  /** The revision at which it is in. */
  rev: number;
}

/** The `data` of an error answer: what a program can match. */
export interface ErrorData {
  /** The class. */
  code: RefusalCode;
}

/** A failed turn. */
export interface Failure {
  /** What kind of failure, for programs. */
  class: FailureClass;
  /** What happened, where, and what to do next, for people. */
  message: string;
  /** When it is worth trying again, where the program said so. */
  retryAt?: Timestamp;
}

/** Why a turn failed, as a class that a workflow's policy can match (design §6). */
export type FailureClass =
  /** The program is not on this machine, or cannot be executed. */
  | "not_installed"
  /** The program wants a login that it does not have. */
  | "not_signed_in"
  /** The provider refuses more for now; `retry_at` says until when, where it is known. */
  | "rate_limited"
  /** The provider is overloaded or answers with an error. */
  | "overloaded"
  /** The conversation no longer fits the model. */
  | "context_full"
  /** The program ended without a result, or was killed by somebody else. */
  | "crashed"
  /** It was not ready in time. */
  | "start_timeout"
  /** Nothing was heard from it for too long. */
  | "idle_timeout"
  /** The turn took longer than it may. */
  | "total_timeout"
  /** Its result had not the form asked for, twice. */
  | "invalid_result"
  /** A permission that it needed was denied. */
  | "denied"
  /** A budget was used up. */
  | "over_budget"
  /** A person or a limit stopped the turn. */
  | "interrupted"
  /** What the workspace configures was changed since a person trusted it. No policy matches it: a person looks, always. */
  | "untrusted";

/** A notification `callboard/feed`: what changed up to a revision, oldest change first. */
export interface Feed {
  /** The present form of each thing that changed. */
  items: Item[];
  /** The revision that the client has with this. */
  rev: number;
}

/** What became of a file. */
export type FileChange =
  /** It is new. */
  | "added"
  /** It is gone. */
  | "deleted"
  /** It is another. */
  | "modified"
  /** It has another name. */
  | "renamed";

/** A file's difference. */
export interface FileDiff {
  /** Whether its content is no text. */
  binary: boolean;
  /** Who was at work when it changed: one, or several in parallel. */
  by: AgentName[];
  /** Where it was, where it was renamed. */
  from?: string;
  /** What became of it. */
  kind: FileChange;
  /** Its mode after. */
  newMode?: string;
  /** Its mode before, as git writes it. */
  oldMode?: string;
  /** Where it is, or was. */
  path: string;
  /** The steps that they were on. */
  steps: StepId[];
  /** The difference as a unified diff, with git's header; empty where all of it together is too long. */
  text: string;
}

/** A file, and something to say of it. */
export interface FileNote {
  /** Where, from the workspace's root. */
  path: string;
  /** Why it is named. */
  why: string;
}

/** A finding as the hub keeps it. */
export interface Finding {
  /** The rule's name, such as `clippy::len_zero`. */
  code?: string;
  /** Whether a reviewer reported it again after it was declined: now it is a person's to settle. */
  contested: boolean;
  /** A fixer's latest reason not to fix it. */
  declined?: string;
  /** The source line spoken of, as it stood when the finding was made. */
  excerpt?: string;
  /** Its name for good. */
  id: FindingId;
  /** The message that it was first reported in, once that was said. */
  message?: MessageId;
  /** Where; absent for a remark on the whole. */
  place?: Place;
  /** Revision of the record that changed it last. */
  rev: number;
  /** The run that it was first reported in, where there was one. */
  run?: RunId;
  /** How much it matters. */
  severity: Severity;
  /** The agents that reported it. */
  sources: AgentName[];
  /** What has become of it. */
  state: FindingState;
  /** What to do about it, where the agent knows. */
  suggestion?: string;
  /** What is wrong, and why it matters: one paragraph. */
  text: string;
}

/** A finding as an agent reports it, before the hub has matched it with what it knows. */
export interface FindingDraft {
  /** The rule's name, such as `clippy::len_zero`. */
  code?: string;
  /** The source line spoken of, as it stood when the finding was made. */
  excerpt?: string;
  /** The id of the finding that this one repeats, where the agent was told of it and says so. */
  id?: FindingId;
  /** Where; absent for a remark on the whole. */
  place?: Place;
  /** How much it matters. */
  severity: Severity;
  /** What to do about it, where the agent knows. */
  suggestion?: string;
  /** What is wrong, and why it matters: one paragraph. */
  text: string;
}

export type FindingId = string;

/** What has become of a finding. */
export type FindingState =
  /** To be dealt with. */
  | { is: "open" }
  /** A later review of the same scope no longer reported it. */
  | { is: "fixed" }
  /** A person said that it is not one. */
  | { by: string; is: "dismissed"; reason: string }
  /** A person knows and lives with it. */
  | { by: string; is: "accepted" }
  /** The text that it speaks of changed; a re-check will tell. */
  | { is: "stale" };

/** Params of `callboard/findings`. */
export interface FindingsParams {
  /** Settled ones too. */
  all?: boolean;
  /** Only those of this run. */
  run?: RunId | null;
}

/** Params of `callboard/fork`. */
export interface ForkParams {
  /** Whose session. */
  agent: AgentName;
  /** Which other instance starts from it; one that is free where absent. */
  to?: AgentName | null;
}

/** Result of `callboard/fork`. */
export interface Forked {
  /** Who starts from it, with its next turn. */
  agent: AgentName;
  /** The revision at which that is in. */
  rev: number;
}

/** Params of `callboard/handBack`. */
export interface HandBackParams {
  /** Which agent. */
  agent: AgentName;
}

/** Params of `callboard/history`. */
export interface HistoryParams {
  /** Which run. */
  run: RunId;
}

/** Params of `callboard/pause`. */
export interface HoldParams {
  /** Whether turns that are going on are interrupted too. */
  interrupt?: boolean;
  /** Which run; the whole workspace where absent. */
  run?: RunId | null;
}

/** Result of `callboard/hubStatus`. */
export interface HubStatus {
  /** How many clients are connected. */
  clients: number;
  /** Whether the hub runs inside its client, and ends with it. */
  inProcess: boolean;
  /** How many runs have not ended. */
  liveRuns: number;
  /** The hub's process. */
  pid: number;
  /** The protocol's version. */
  protocol: number;
  /** The journal's last revision. */
  rev: number;
  /** Since when. */
  started: Timestamp;
  /** Whether the workspace is trusted. */
  trusted: boolean;
  /** Callboard's version. */
  version: string;
  /** The workspace's root. */
  workspace: string;
}

/** Params of `callboard/inbox`. */
export interface InboxParams {
  /** Answered ones too. */
  all?: boolean;
  /** Only this one, answered or not. */
  pause?: PauseId | null;
}

/** What an input may be. */
export type InputKind =
  /** Any text. */
  | "text"
  /** A file or folder of the workspace. */
  | "path"
  /** A whole number. */
  | "number"
  /** Yes or no. */
  | "flag"
  /** Several values. */
  | "list";

/** What a workflow wants to be told. */
export interface InputView {
  /** What it is when nobody says; absent where it must be said. */
  default?: unknown;
  /** One line for people. */
  description: string;
  /** What it may be. */
  kind: InputKind;
  /** Its name. */
  name: string;
}

/** One thing in its present form. */
export type Item =
  /** A channel. */
  | ChannelView & { item: "channel" }
  /** A message. */
  | MessageView & { item: "message" }
  /** A run. */
  | RunView & { item: "run" }
  /** A pause. */
  | PauseView & { item: "pause" }
  /** An agent. */
  | AgentView & { item: "agent" }
  /** A finding. */
  | Finding & { item: "finding" };

/** A result of a form that the workflow itself gives. */
export interface JsonResult {
  /** The value. */
  value: unknown;
}

/** A file that an agent is changing in the turn that it is on. */
export interface LeaseView {
  /** The file's path from the root. */
  path: string;
  /** How it is known: `said` by the agent's program, `seen` on the disk, or `perhaps` this one of several. */
  sign: string;
  /** Since when. */
  since: Timestamp;
  /** In which turn. */
  turn: TurnId;
  /** Others that are changing it too. */
  with?: AgentName[];
}

export type MessageId = string;

/** A message. */
export interface MessageView {
  /** What of Callboard it speaks of, where it does. */
  about?: About;
  /** When. */
  at: Timestamp;
  /** Who. */
  author: Author;
  /** Where. */
  channel: ChannelName;
  /** What became of it, per addressee. */
  deliveries?: DeliveryView[];
  /** How many agents passed the word on since a person last spoke. */
  hops: number;
  /** Its id. */
  id: MessageId;
  /** Revision of its last change. */
  rev: number;
  /** Markdown. */
  text: string;
  /** The message that its thread began with. */
  thread?: MessageId;
}

/** Params of `callboard/messages`. */
export interface MessagesParams {
  /** Only messages before this one. */
  before?: MessageId | null;
  /** Which channel; the default one where absent. */
  channel?: ChannelName | null;
  /** At most so many, the newest; 100 where absent, 1,000 at most. */
  limit?: number | null;
  /** Only entries of this thread, its first message included. */
  thread?: MessageId | null;
}

/** Result of `callboard/messages`. */
export interface MessagesResult {
  /** Oldest first. */
  messages: MessageView[];
  /** The revision that this is of. */
  rev: number;
}

/** Params of a method that takes none. */
export interface Nothing {
}

/** What an item is. */
export type OfferKind =
  /** An agent, or several. */
  | "agent"
  /** A channel. */
  | "channel"
  /** A command. */
  | "command"
  /** A workflow. */
  | "workflow"
  /** An input or a role of a workflow. */
  | "input"
  /** A run. */
  | "run"
  /** A file or a folder. */
  | "path";

/** What cancelling a run's progress does. */
export type OnCancel =
  /** Pause now: the run can go on later. */
  | "pause"
  /** End the run. */
  | "stop";

/** What a step came to in a round that is over. */
export interface PastStep {
  /** Who did it. */
  agent?: AgentName;
  /** The try, from 1; 0 where nobody tried. */
  attempt: number;
  /** When it ended. */
  ended?: Timestamp;
  /** What came of it, in a line; empty where nothing did. */
  outcome?: string;
  /** The lap of the loop, from 1; 0 where it is in none. */
  round: number;
  /** When it began. */
  started?: Timestamp;
  /** How it ended. */
  status: StepStatus;
  /** Which. */
  step: StepId;
  /** Its title, or its id where it has none. */
  title: string;
  /** What its turns used. */
  usage: Usage;
  /** The loop, or other step, that it stands in. */
  within: StepId;
}

export type PauseId = string;

/** Why something waits for a person. */
export type PauseKind =
  /** A step of the workflow is a pause. */
  | "step"
  /** A step failed. */
  | "failure"
  /** A limit was reached: rounds, turns, time, tokens, money, hops. */
  | "limit"
  /** A loop only repeats itself, or all that is left was declined. */
  | "stuck"
  /** What a step did in its worktree and what is in the work tree now don't go together. */
  | "conflict"
  /** What was typed into a file and what was written to it on the disk do not go together. */
  | "clash"
  /** An agent asks for a permission, and its turn waits. */
  | "permission"
  /** An agent asks a question, and its turn waits. */
  | "question"
  /** What the workspace configures was changed since a person trusted it, and a step needs it. */
  | "trust";

/** A thing that waits for a person. */
export interface PauseView {
  /** How it was answered. */
  answered?: Answered;
  /** What asks, where it is a permission or a question. */
  ask?: AskView;
  /** The channel. */
  channel: ChannelName;
  /** The decisions that it takes, the usual one first. */
  decisions: string[];
  /** What is shown: Markdown, the text that an edit changes. */
  document: string;
  /** SHA-256 of the document, in hex. A decision must carry it. */
  hash: string;
  /** Its id. */
  id: PauseId;
  /** Why it waits. */
  kind: PauseKind;
  /** Since when. */
  opened: Timestamp;
  /** Revision of its last change. */
  rev: number;
  /** The run. */
  run?: RunId;
  /** Which files that steer programs (CI, hooks, builds, editors, agents) the run has changed, in words; empty where there are none, or it asks for something else. Nobody but a person approves it then. */
  steering?: string;
  /** The step. */
  step?: StepId;
  /** One line: what is asked. */
  title: string;
}

/** Params of `callboard/permissions`. */
export interface PermissionsParams {
  /** Those that no longer hold too. */
  all?: boolean;
}

/** A place in a file of the workspace. */
export interface Place {
  /** First column, from 1, in characters; 1 where it is not known. */
  column: number;
  /** Column behind the last character, from 1; absent where it is not known. */
  endColumn?: number;
  /** Last line, from 1; absent where the place is one line. */
  endLine?: number;
  /** First line, from 1. */
  line: number;
  /** Path from the workspace's root, with `/` between its parts. */
  path: string;
}

/** A plan is shown as it is; its form follows the workflow language. */
export type Plan = Record<string, unknown>;

/** Params of `callboard/plan`. */
export interface PlanParams {
  /** Which run. */
  run: RunId;
}

/** A plan. */
export interface PlanResult {
  /** What to do, in order. */
  steps: string[];
  /** One or two sentences. */
  summary: string;
}

/** A run's plan as a workflow file, to be edited. */
export interface PlanText {
  /** The hash of the plan; an edit must carry it. */
  hash: string;
  /** The file: YAML. A comment at its head says which steps can't change. */
  text: string;
}

/** Params of `callboard/planText`. */
export interface PlanTextParams {
  /** Which run. */
  run: RunId;
}

/** Who plays a role: one agent, or several side by side. */
export type Players =
  /** One. */
  | AgentName
  /** Several, in the order of their seats. */
  | AgentName[];

/** Params of `callboard/post`. */
export interface PostParams {
  /** Where; the default channel where absent. */
  channel?: ChannelName | null;
  /** Chosen by the sender: a second post with the same key is the first one's. */
  key?: string | null;
  /** Markdown. */
  text?: string;
  /** The message that this one answers. */
  thread?: MessageId | null;
}

/** Result of `callboard/post`. */
export interface Posted {
  /** The message. */
  message: MessageId;
  /** The revision at which it is in. */
  rev: number;
}

/** The kinds of refusal, for programs. */
export type RefusalCode =
  /** No such run, pause, message, agent, channel or finding. */
  | "not_found"
  /** It exists already. */
  | "exists"
  /** A value is not what it must be. */
  | "invalid"
  /** Only a person may do this. */
  | "humans_only"
  /** The pause was answered before; the message says by whom. */
  | "already_answered"
  /** What was shown is not what is there now. */
  | "changed"
  /** The workspace is not trusted. */
  | "untrusted"
  /** No agent can play a role. */
  | "no_agent"
  /** Too much at once. */
  | "busy"
  /** The journal can't be written; nothing was recorded. */
  | "journal";

/** Params of `callboard/resume`. */
export interface ReleaseParams {
  /** Which run; the whole workspace where absent. */
  run?: RunId | null;
}

/** Result of `callboard/reload`. */
export interface ReloadResult {
  /** How many agents the catalogue has. */
  agents: number;
  /** Whether the workspace is trusted now. */
  trusted: boolean;
}

/** Params of `callboard/removeWorktree`. */
export interface RemoveWorktreeParams {
  /** Which. */
  worktree: WorktreeId;
}

/** A review. */
export interface ReviewResult {
  /** The remarks, most severe first. */
  findings: FindingDraft[];
  /** One or two sentences. */
  summary: string;
  /** The reviewer's word on the whole. */
  verdict: ReviewVerdict;
}

/** What a reviewer says of the whole. */
export type ReviewVerdict =
  /** Nothing material is left. */
  | "approved"
  /** Something material is to be changed. */
  | "changes_requested";

/** Params of `callboard/revokePermission`. */
export interface RevokePermissionParams {
  /** Which. */
  permission: RuleId;
}

export type RoleId = string;

/** A part that an agent plays. */
export interface RoleView {
  /** What it may do. */
  access: Access;
  /** One line for people; may be empty. */
  description: string;
  /** What an agent must be good for, where none of the preferred is available. */
  goodFor?: string;
  /** Its name. */
  id: RoleId;
  /** Agents that would play it, best first. */
  prefer: AgentName[];
  /** How many agents may play it side by side: 1 where the file says nothing. */
  seats: number;
}

/** A permission that is remembered. */
export interface Rule {
  /** Whose. */
  agent: AgentName;
  /** When. */
  at: Timestamp;
  /** Who gave it. */
  by: string;
  /** Who took it back, where it no longer holds: a person, or the run's end. */
  ended?: string;
  /** Its id. */
  id: RuleId;
  /** For exactly what. */
  pattern: string;
  /** At which pause. */
  pause: PauseId;
  /** Until the end of which run; until it is revoked where absent. */
  run?: RunId;
  /** For which tool. */
  tool: string;
  /** How often it has been used. */
  used: number;
}

export type RuleId = string;

/** What the rounds of a run that are over came to. */
export interface RunHistory {
  /** How many older ones are no longer kept. */
  forgotten: number;
  /** The revision that this is of. */
  rev: number;
  /** The steps of rounds that are over, oldest first: the last thousand. The present round is in the run. */
  steps: PastStep[];
}

export type RunId = string;

/** Params of `callboard/run`. */
export interface RunParams {
  /** Where it is shown. */
  channel?: ChannelName | null;
  /** What it is told. */
  inputs?: Record<string, unknown>;
  /** Chosen by the sender: a second start with the same key is the first one's. */
  key?: string | null;
  /** Who plays which role: one agent, or a list for a role that several play. */
  roles?: Record<string, Players>;
  /** The workflow's name. */
  workflow?: string;
}

/** Where a run stands. */
export type RunStatus =
  /** Something is being done. */
  | "running"
  /** Nothing goes on until a person answers. */
  | "waiting"
  /** A person said "pause now". */
  | "held"
  /** Ended: the reviews approve. */
  | "approved"
  /** Ended: all steps are over. */
  | "done"
  /** Ended: a step failed and the workflow says so. */
  | "failed"
  /** Ended: a person rejected it. */
  | "rejected"
  /** Ended: a person stopped it. */
  | "stopped";

/** A turn of a run, without its prompt. */
export interface RunTurn {
  /** Who. */
  agent: AgentName;
  /** When it ended. */
  ended?: Timestamp;
  /** Its failure. */
  failure?: Failure;
  /** Its id. */
  id: TurnId;
  /** How it ended: `answered`, `failed`, `lost` or `withdrawn`; absent while it goes on. */
  outcome?: string;
  /** When it was put in the agent's queue. */
  queued: Timestamp;
  /** When the agent began. */
  started?: Timestamp;
  /** The step that it was for. */
  step: StepId;
  /** What it used, as far as its agent reported it. */
  usage: Usage;
}

/** A run. */
export interface RunView {
  /** Who started it. */
  by: string;
  /** Who plays the roles that several agents may play, in the order of their seats. */
  casts?: Record<string, AgentName[]>;
  /** How many files its agents changed, as far as they are known: up to 1,000. */
  changedFiles: number;
  /** Where it is shown. */
  channel: ChannelName;
  /** Files that several of its agents, or one and a person, changed at the same time. */
  collisions?: CollisionView[];
  /** When it ended. */
  ended?: Timestamp;
  /** The hash that the run is pinned to. */
  hash: string;
  /** Its id. */
  id: RunId;
  /** What it was told. */
  inputs: Record<string, unknown>;
  /** Revision of its last change. */
  rev: number;
  /** Who plays which role; of a role that several play, the first. */
  roles: Record<string, AgentName>;
  /** When. */
  started: Timestamp;
  /** Where it stands. */
  status: RunStatus;
  /** Its steps in the file's order, children behind their parents. */
  steps: StepView[];
  /** The message that its thread began with. */
  thread?: MessageId;
  /** The workflow's title. */
  title: string;
  /** Turns taken so far. */
  turns: number;
  /** What it used, as far as agents reported it. */
  usage: Usage;
  /** Why it stands there, in words, where that needs words. */
  why?: string;
  /** The workflow's name. */
  workflow: string;
}

/** Params of `callboard/runs`. */
export interface RunsParams {
  /** Only those that have not ended. */
  live?: boolean;
  /** Only this one. */
  run?: RunId | null;
}

/** Params of `callboard/saveBuffers`, which the hub asks of a client. */
export interface SaveBuffersParams {
  /** The files. */
  uris: string[];
}

/** Result of `callboard/saveBuffers`. */
export interface SaveBuffersResult {
  /** Those that are saved now. */
  saved?: string[];
}

/** For how long a permission is given. Always to the agent that asked, and to no other. */
export type Scope =
  /** This once. */
  | "once"
  /** For exactly this until the run ends. */
  | "run"
  /** For exactly this until it is revoked. */
  | "always";

/** Params of `callboard/sent`: one of the two. */
export interface SentParams {
  /** A message: what was sent for each of its deliveries, or, of an agent's answer, what the agent had been sent. */
  message?: MessageId | null;
  /** The turn. */
  turn?: TurnId | null;
}

/** What the server offers: `capabilities.experimental.callboard` of its answer to `initialize`. */
export interface ServerOffer {
  /** The notifications that it may send. */
  notifications: string[];
  /** The protocol's version. */
  protocol: number;
  /** The requests that it takes: one that is not here is another version's. */
  requests: string[];
}

/** Params of `callboard/settleFinding`. */
export interface SettleFindingParams {
  /** Which. */
  finding: FindingId;
  /** `dismiss`, `accept` or `reopen`. */
  how: string;
  /** Why: needed to dismiss. */
  reason?: string;
}

/** How much a finding matters, most first. */
export type Severity =
  /** Wrong: it fails, loses data or is unsafe. */
  | "error"
  /** Likely wrong, or will be. */
  | "warning"
  /** Worth knowing. Never opens another round of a loop. */
  | "info"
  /** A matter of taste. Never opens another round of a loop. */
  | "hint";

/** Why a state is believed, strongest first. */
export type Source =
  /** The hub did it itself. */
  | "hub"
  /** The agent's protocol said so. */
  | "protocol"
  /** One of the agent's hooks said so. */
  | "hook"
  /** Its process ended. */
  | "exitStatus"
  /** Its terminal's title says so. */
  | "title"
  /** Its screen looks like it: the last resort, and labelled so. */
  | "screen";

/** Result of `callboard/run`. */
export interface Started {
  /** The revision at which it is in. */
  rev: number;
  /** The run. */
  run: RunId;
}

export type StepId = string;

/** Where a step stands. */
export type StepStatus =
  /** What it needs is not over yet. */
  | "waiting"
  /** Its turn is in the agent's queue. */
  | "queued"
  /** It is going on. */
  | "running"
  /** It waits to be tried again. */
  | "backoff"
  /** It waits for a person. */
  | "paused"
  /** Over, with a result. */
  | "done"
  /** Over, without one: its condition was false, or it was told to be skipped. */
  | "skipped"
  /** Over: it failed. */
  | "failed";

/** A step of a run. */
export interface StepView {
  /** Who does it, where an agent does. */
  agent?: AgentName;
  /** The try, from 1; 0 before the first. */
  attempt: number;
  /** Of a part that an agent operates: what that decided, oldest first: the last fifty. */
  decided?: DecidedView[];
  /** How deep it stands: 0 for the outermost list. */
  depth: number;
  /** When it ended. */
  ended?: Timestamp;
  /** Its failure, the last one. */
  failure?: Failure;
  /** Its id. */
  id: StepId;
  /** Of a step that is done for each item of a list: its item, in short. */
  item?: string;
  /** The pause that it waits at. */
  pause?: PauseId;
  /** Its result. */
  result?: TypedResult;
  /** The lap of the loop that it is in, from 1; 0 outside a loop. */
  round: number;
  /** When it began. */
  started?: Timestamp;
  /** Where it stands. */
  status: StepStatus;
  /** Its title, or its id where it has none. */
  title: string;
  /** The turn that it is in, or was. */
  turn?: TurnId;
  /** What its turns used in this round, as far as its agent reported it. */
  usage?: Usage;
}

/** Params of `callboard/subscribe`. A second call replaces the first. */
export interface SubscribeParams {
  /** Only what belongs to this channel. */
  channel?: ChannelName | null;
  /** Only what belongs to this run. */
  run?: RunId | null;
  /** The revision that the client has: 0 for everything, absent for what comes from now on. */
  since?: number | null;
}

/** Params of `callboard/takeOver`. */
export interface TakeOverParams {
  /** Whether to wait for the end of the turn that it is on; else it is refused as `busy` then. */
  afterTurn?: boolean;
  /** Which agent. */
  agent: AgentName;
}

/** How far a take-over is. */
export type TakenStage =
  /** It waits for the end of the turn that the agent is on. */
  | "afterTurn"
  /** The agent's screen is being opened. */
  | "opening"
  /** The agent's terminal is the person's. */
  | "open"
  /** It is being handed back. */
  | "closing";

/** That a person has taken an agent over. Its turns wait in its queue. */
export interface TakenView {
  /** Who. */
  by: string;
  /** Since when. */
  since: Timestamp;
  /** How far that is. */
  stage: TakenStage;
}

/** A colour. */
export type TerminalColor =
  /** One of the 256 that terminals number; the first 16 are the theme's. */
  | number
  /** `#rrggbb`. */
  | string;

/** Where a terminal's cursor is. */
export interface TerminalCursor {
  /** From 0, from the left. */
  column: number;
  /** From 0, from the top. */
  row: number;
  /** Whether it shows. */
  visible: boolean;
}

/** How frames are written. */
export type TerminalForm =
  /** The rows that changed, as text with colours. */
  | "rows"
  /** Bytes for a terminal emulator of the same size. */
  | "raw";

/** A notification `callboard/terminalFrame`: what changed on a screen since the frame before it. */
export interface TerminalFrame {
  /** Whose. */
  agent: AgentName;
  /** Where the cursor is. */
  cursor: TerminalCursor;
  /** Counted from 1 by each watch. */
  frame: number;
  /** Whether it is the whole screen; what was shown before is to be cleared. */
  full: boolean;
  /** Whether Callboard is typing into it: then a person's keys are refused. */
  locked: boolean;
  /** The bytes to be written to the emulator, in the form `raw`. */
  raw?: string;
  /** The rows that changed, in the form `rows`. */
  rows?: TerminalRow[];
  /** How many rows have left the top so far. Where it rose `callboard/terminalScrollback` has more: new lines, or more of the last one. */
  scrolled: number;
  /** How large it is. */
  size: TerminalSize;
  /** Whether its program runs. */
  state: TerminalState;
  /** Another number is another terminal: the agent's program was started again. 0 where there is none. */
  terminal: number;
  /** The title that the program gave it; empty where it gave none. */
  title: string;
}

/** Params of `callboard/terminalInput`. */
export interface TerminalInputParams {
  /** Whose terminal. */
  agent: AgentName;
  /** Whether it is a paste: it is put in brackets where the program asked for that, and never submitted. */
  paste?: boolean;
  /** The keys as a terminal sends them, sequences too; or the text to be pasted. */
  text: string;
}

/** Params of `callboard/terminalResize`. */
export interface TerminalResizeParams {
  /** Whose terminal. */
  agent: AgentName;
  /** From left to right. */
  columns: number;
  /** From top to bottom. */
  rows: number;
}

/** A row of a screen, whole: it replaces what was in it. */
export interface TerminalRow {
  /** Which, from 0. */
  row: number;
  /** Its text from the left, without the blanks at its end. */
  runs: TerminalRun[];
}

/** Text of one look. */
export interface TerminalRun {
  /** The colour behind it, where it is not the usual one. */
  bg?: TerminalColor;
  /** Its colour, where it is not the usual one. */
  fg?: TerminalColor;
  /** Letters: `b` bold, `d` dim, `i` italic, `u` underlined, `r` reversed. */
  style?: string;
  /** The text; no control in it, and nothing invisible. */
  text: string;
}

/** Result of `callboard/terminalScrollback`: lines that left the top of the screen. */
export interface TerminalScrollback {
  /** The number of the first line here, from 0. Lines before it may be gone. */
  first: number;
  /** The lines, oldest first. */
  lines: string[];
  /** Which terminal, as in its frames; 0 where there is none. */
  terminal: number;
  /** How many lines have left the top so far; the last of them may still grow. */
  total: number;
}

/** Params of `callboard/terminalScrollback`. */
export interface TerminalScrollbackParams {
  /** Whose terminal. */
  agent: AgentName;
  /** At most so many; 200 where absent, 1,000 at most. */
  count?: number | null;
  /** The first line; the last `count` lines where absent. */
  from?: number | null;
}

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** From left to right. */
  columns: number;
  /** From top to bottom. */
  rows: number;
}

/** Whether an agent has a terminal. */
export type TerminalState =
  /** None was started since the hub began. */
  | "absent"
  /** Its program runs. */
  | "live"
  /** Its program has ended; what it showed last is kept. */
  | "ended";

/** One test that failed. */
export interface TestFailure {
  /** The end of what it printed. */
  message: string;
  /** The test's full name, or the build step that failed. */
  name: string;
  /** Where it failed, where that is known. */
  place?: Place;
}

/** Whether tests passed. */
export type TestVerdict =
  /** All that ran passed, and at least one ran. */
  | "passed"
  /** One failed, or they could not be built. */
  | "failed"
  /** There was none to run. */
  | "none";

/** What a test run came to. */
export interface TestsResult {
  /** How many failed. */
  failed: number;
  /** The failures, bounded by the agent. */
  failures: TestFailure[];
  /** How many passed. */
  passed: number;
  /** How many were skipped. */
  skipped: number;
  /** One line, such as `41 passed, 1 failed`. */
  summary: string;
  /** The whole. */
  verdict: TestVerdict;
}

/** Free text. */
export interface TextResult {
  /** The text, as Markdown. */
  text: string;
}

/** Milliseconds since the Unix epoch. The core gets it with each event and never asks a clock. */
export type Timestamp = number;

/** Params of `callboard/trust`. */
export interface TrustParams {
  /** What the person was shown, by the digest of an earlier answer; without one nothing is trusted, only told. */
  digest?: string | null;
}

/** Result of `callboard/trust`. */
export interface TrustResult {
  /** What trust is bound to: SHA-256 in hex of what the workspace configures. */
  digest: string;
  /** What Callboard would do here, for the person who decides. */
  text: string;
  /** Whether the workspace is trusted as it is now. */
  trusted: boolean;
}

export type TurnId = string;

/** How long the parts of a turn may take, in milliseconds. `None` is no limit, which only a user's profile can ask for. */
export interface TurnTimes {
  /** Without a byte from it while it works. */
  idle: number | null;
  /** From the start of its program until it is ready for a prompt. */
  start: number | null;
  /** From the prompt to the end. */
  total: number | null;
}

/** A turn: what was sent, and what came of it. */
export interface TurnView {
  /** Who. */
  agent: AgentName;
  /** When it ended. */
  ended?: Timestamp;
  /** Its id. */
  id: TurnId;
  /** The prompt, whole. */
  prompt: string;
  /** When it was put in the agent's queue. */
  queued: Timestamp;
  /** When the agent began. */
  started?: Timestamp;
  /** What it used, as far as its agent reported it. */
  usage: Usage;
}

/** Params of `callboard/turns`. */
export interface TurnsParams {
  /** Which run. */
  run: RunId;
}

/** A result that has the form its step asked for. */
export type TypedResult =
  /** Free text. */
  | TextResult & { kind: "text" }
  /** A verdict and findings. */
  | ReviewResult & { kind: "review" }
  /** What was changed, and what was declined. */
  | ChangeResult & { kind: "change" }
  /** A verdict and failures. */
  | TestsResult & { kind: "tests" }
  /** Steps to take. */
  | PlanResult & { kind: "plan" }
  /** Anything that fits the step's JSON Schema. */
  | JsonResult & { kind: "json" };

/** Params of `callboard/undo`. */
export interface UndoParams {
  /** Whether files that were changed since by somebody else are put back too. */
  force?: boolean;
  /** Which run. */
  run: RunId;
  /** Only what this step changed. */
  step?: StepId | null;
}

/** Result of `callboard/undo`. */
export interface UndoResult {
  /** The files that are left as they are. */
  clashes: FileNote[];
  /** The files that are as they were before. */
  files: string[];
  /** The revision at which it is in. */
  rev: number;
}

/** Params of `callboard/unwatchTerminal`. */
export interface UnwatchTerminalParams {
  /** Whose. */
  agent: AgentName;
}

/** What a turn used, as far as its program reports it. Absent is "not known", never zero. */
export interface Usage {
  /** Money in millionths of a US dollar. */
  microDollars?: number;
  /** Tokens in and out together. */
  tokens?: number;
}

/** Params of `callboard/watchTerminal`. A second call for the same agent replaces the first. */
export interface WatchTerminalParams {
  /** Whose. */
  agent: AgentName;
  /** How frames are written. */
  form?: TerminalForm;
}

/** Result of `callboard/watchTerminal`: where the terminal stands now. Frames follow. */
export interface WatchTerminalResult {
  /** How large it is; what it will be where there is none yet. */
  size: TerminalSize;
  /** Whether there is one. */
  state: TerminalState;
}

/** Params of `callboard/withdraw`. */
export interface WithdrawParams {
  /** From whom. */
  agent: AgentName;
  /** Which message. */
  message: MessageId;
}

/** A workflow that can be started here, or could if it had no errors. */
export interface WorkflowView {
  /** Whether it has errors and can't be run. */
  broken: boolean;
  /** Its shelf. */
  category: Category;
  /** A paragraph for people; may be empty. */
  description?: string;
  /** Where it comes from: `builtIn`, `user` or `workspace`. */
  from: string;
  /** What it wants to be told, in the file's order. */
  inputs: InputView[];
  /** What it is run by. */
  name: string;
  /** Its file, where it has one. */
  path?: string;
  /** The parts that agents play, in the file's order. */
  roles: RoleView[];
  /** One line for people. */
  title: string;
}

export type WorktreeId = string;

/** How far a worktree is. */
export type WorktreeState =
  /** Its step works in it, or is about to. */
  | "atWork"
  /** What was done in it is being merged, or waits for its place. */
  | "merging"
  /** A person is asked about what does not go together. */
  | "conflict"
  /** It has what is nowhere else, and nothing goes on with it: a person lets it go. */
  | "kept"
  /** It is needed no more, and is being removed. */
  | "going";

/** A folder in which a step works apart from the developer's files. */
export interface WorktreeView {
  /** Its folder; empty before it was made. */
  folder: string;
  /** Its id. */
  id: WorktreeId;
  /** Of which run. */
  run: RunId;
  /** How far it is. */
  stage: WorktreeState;
  /** Of which step. */
  step: StepId;
  /** Why it is kept; empty where it is not. */
  why?: string;
}

/** Result of `callboard/worktrees`. */
export interface WorktreesResult {
  /** The revision that this is of. */
  rev: number;
  /** Those whose folder is needed or still there, by id. */
  worktrees: WorktreeView[];
}

/** Every request: what it takes and what it gives. */
export interface Requests {
  "callboard/post": { params: PostParams; result: Posted };
  "callboard/createChannel": { params: CreateChannelParams; result: Changed };
  "callboard/channels": { params: Nothing; result: ChannelView[] };
  "callboard/messages": { params: MessagesParams; result: MessagesResult };
  "callboard/withdraw": { params: WithdrawParams; result: Changed };
  "callboard/sent": { params: SentParams; result: TurnView[] };
  "callboard/complete": { params: CompleteParams; result: CompleteResult };
  "callboard/run": { params: RunParams; result: Started };
  "callboard/runs": { params: RunsParams; result: RunView[] };
  "callboard/turns": { params: TurnsParams; result: RunTurn[] };
  "callboard/plan": { params: PlanParams; result: Plan };
  "callboard/history": { params: HistoryParams; result: RunHistory };
  "callboard/planText": { params: PlanTextParams; result: PlanText };
  "callboard/editPlan": { params: EditPlanParams; result: EditPlanResult };
  "callboard/workflows": { params: Nothing; result: WorkflowView[] };
  "callboard/inbox": { params: InboxParams; result: PauseView[] };
  "callboard/decide": { params: DecideParams; result: Changed };
  "callboard/permissions": { params: PermissionsParams; result: Rule[] };
  "callboard/revokePermission": { params: RevokePermissionParams; result: Changed };
  "callboard/pause": { params: HoldParams; result: Changed };
  "callboard/resume": { params: ReleaseParams; result: Changed };
  "callboard/cancel": { params: CancelParams; result: Changed };
  "callboard/diff": { params: DiffParams; result: DiffResult };
  "callboard/undo": { params: UndoParams; result: UndoResult };
  "callboard/worktrees": { params: Nothing; result: WorktreesResult };
  "callboard/removeWorktree": { params: RemoveWorktreeParams; result: Changed };
  "callboard/agents": { params: Nothing; result: AgentView[] };
  "callboard/takeOver": { params: TakeOverParams; result: Changed };
  "callboard/handBack": { params: HandBackParams; result: Changed };
  "callboard/fork": { params: ForkParams; result: Forked };
  "callboard/findings": { params: FindingsParams; result: Finding[] };
  "callboard/settleFinding": { params: SettleFindingParams; result: Changed };
  "callboard/watchTerminal": { params: WatchTerminalParams; result: WatchTerminalResult };
  "callboard/unwatchTerminal": { params: UnwatchTerminalParams; result: Nothing };
  "callboard/terminalInput": { params: TerminalInputParams; result: Nothing };
  "callboard/terminalResize": { params: TerminalResizeParams; result: TerminalSize };
  "callboard/terminalScrollback": { params: TerminalScrollbackParams; result: TerminalScrollback };
  "callboard/subscribe": { params: SubscribeParams; result: Changed };
  "callboard/reload": { params: Nothing; result: ReloadResult };
  "callboard/trust": { params: TrustParams; result: TrustResult };
  "callboard/hubStatus": { params: Nothing; result: HubStatus };
  "callboard/stopHub": { params: Nothing; result: Changed };
}

/** Every request from the hub: what it asks and what it is answered. */
export interface ServerRequests {
  "callboard/saveBuffers": { params: SaveBuffersParams; result: SaveBuffersResult };
}

/** Every notification from the hub: what it brings. */
export interface Notifications {
  "callboard/feed": Feed;
  "callboard/terminalFrame": TerminalFrame;
}

/** The methods by short names. */
export const method = {
  post: "callboard/post",
  createChannel: "callboard/createChannel",
  channels: "callboard/channels",
  messages: "callboard/messages",
  withdraw: "callboard/withdraw",
  sent: "callboard/sent",
  complete: "callboard/complete",
  run: "callboard/run",
  runs: "callboard/runs",
  turns: "callboard/turns",
  plan: "callboard/plan",
  history: "callboard/history",
  planText: "callboard/planText",
  editPlan: "callboard/editPlan",
  workflows: "callboard/workflows",
  inbox: "callboard/inbox",
  decide: "callboard/decide",
  permissions: "callboard/permissions",
  revokePermission: "callboard/revokePermission",
  pause: "callboard/pause",
  resume: "callboard/resume",
  cancel: "callboard/cancel",
  diff: "callboard/diff",
  undo: "callboard/undo",
  worktrees: "callboard/worktrees",
  removeWorktree: "callboard/removeWorktree",
  agents: "callboard/agents",
  takeOver: "callboard/takeOver",
  handBack: "callboard/handBack",
  fork: "callboard/fork",
  findings: "callboard/findings",
  settleFinding: "callboard/settleFinding",
  watchTerminal: "callboard/watchTerminal",
  unwatchTerminal: "callboard/unwatchTerminal",
  terminalInput: "callboard/terminalInput",
  terminalResize: "callboard/terminalResize",
  terminalScrollback: "callboard/terminalScrollback",
  subscribe: "callboard/subscribe",
  reload: "callboard/reload",
  trust: "callboard/trust",
  hubStatus: "callboard/hubStatus",
  stopHub: "callboard/stopHub",
  saveBuffers: "callboard/saveBuffers",
  feed: "callboard/feed",
  terminalFrame: "callboard/terminalFrame",
} as const;
