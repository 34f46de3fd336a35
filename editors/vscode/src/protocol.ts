// The wire as `server/src/protocol.rs` has it: what the hub sends and takes. Types only.

export type Timestamp = number;

export interface Changed {
  rev: number;
}

export interface ChannelView {
  name: string;
  defaultAgent?: string;
  messages: number;
  rev: number;
}

export type Author = { is: "person" | "agent"; name: string } | { is: "operator" } | { is: "system" };

export interface About {
  run?: string;
  step?: string;
  turn?: string;
  pause?: string;
}

export type DeliveryState =
  | { is: "stored" | "delivered" | "started" | "withdrawn" }
  | { is: "answered"; message: string }
  | { is: "failed"; why: string }
  | { is: "held"; pause: string };

export interface DeliveryView {
  agent: string;
  state: DeliveryState;
  turn?: string;
}

export interface MessageView {
  id: string;
  channel: string;
  thread?: string;
  author: Author;
  at: Timestamp;
  text: string;
  about?: About;
  hops: number;
  deliveries?: DeliveryView[];
  rev: number;
}

export interface MessagesResult {
  messages: MessageView[];
  rev: number;
}

export type RunStatus = "running" | "waiting" | "held" | "approved" | "done" | "failed" | "rejected" | "stopped";

export type StepStatus = "waiting" | "queued" | "running" | "backoff" | "paused" | "done" | "skipped" | "failed";

export interface Failure {
  class: string;
  message: string;
}

export interface StepView {
  id: string;
  title: string;
  depth: number;
  status: StepStatus;
  round: number;
  attempt: number;
  agent?: string;
  turn?: string;
  pause?: string;
  started?: Timestamp;
  ended?: Timestamp;
  result?: { kind: string; [field: string]: unknown };
  failure?: Failure;
}

export interface Usage {
  inputTokens?: number;
  outputTokens?: number;
  costUsd?: number;
  [field: string]: unknown;
}

export interface RunView {
  id: string;
  workflow: string;
  title: string;
  hash: string;
  channel: string;
  thread?: string;
  by: string;
  started: Timestamp;
  ended?: Timestamp;
  status: RunStatus;
  why?: string;
  inputs: Record<string, unknown>;
  roles: Record<string, string>;
  steps: StepView[];
  turns: number;
  usage: Usage;
  changedFiles: number;
  rev: number;
}

export interface Answered {
  by: string;
  at: Timestamp;
  decision: { decision: string; text?: string };
  hash: string;
}

export interface PauseView {
  id: string;
  kind: string;
  title: string;
  run?: string;
  step?: string;
  channel: string;
  opened: Timestamp;
  document: string;
  hash: string;
  decisions: string[];
  answered?: Answered;
  rev: number;
}

export interface AgentInfo {
  name: string;
  profile: string;
  title: string;
  driver: string;
  access: string;
  goodFor: string[];
  missing?: string | null;
}

export interface AgentView {
  info: AgentInfo;
  claim: { state: { is: string; until?: Timestamp | null }; source: unknown; why: string };
  since: Timestamp;
  turn?: string;
  queued: number;
  rev: number;
}

export interface Place {
  path: string;
  line: number;
  column?: number;
  endLine?: number;
  endColumn?: number;
}

export type Severity = "error" | "warning" | "info" | "hint";

export interface Finding {
  id: string;
  place?: Place;
  severity: Severity;
  code?: string;
  text: string;
  suggestion?: string;
  excerpt?: string;
  run?: string;
  sources: string[];
  state: { is: string; by?: string; reason?: string };
  contested: boolean;
  rev: number;
}

export type Item =
  | ({ item: "channel" } & ChannelView)
  | ({ item: "message" } & MessageView)
  | ({ item: "run" } & RunView)
  | ({ item: "pause" } & PauseView)
  | ({ item: "agent" } & AgentView)
  | ({ item: "finding" } & Finding);

export interface Feed {
  rev: number;
  items: Item[];
}

export interface InputView {
  name: string;
  kind: "text" | "path" | "number" | "flag";
  description: string;
  default?: unknown;
}

export interface RoleView {
  id: string;
  description: string;
  prefer: string[];
  goodFor?: string;
  access: string;
}

export interface WorkflowView {
  name: string;
  title: string;
  description?: string;
  category: "review" | "build" | "test" | "ops";
  from: string;
  path?: string;
  broken: boolean;
  inputs: InputView[];
  roles: RoleView[];
}

export interface RunTurn {
  id: string;
  agent: string;
  step: string;
  queued: Timestamp;
  started?: Timestamp;
  ended?: Timestamp;
  outcome?: string;
  failure?: Failure;
}

export interface TurnView {
  id: string;
  agent: string;
  prompt: string;
  queued: Timestamp;
  started?: Timestamp;
  ended?: Timestamp;
}

export interface FileDiff {
  path: string;
  from?: string;
  kind: "added" | "deleted" | "modified" | "renamed";
  binary: boolean;
  by: string[];
  steps: string[];
  text: string;
}

export interface DiffResult {
  files: FileDiff[];
  notes?: string[];
  rev: number;
}

export interface UndoResult {
  files: string[];
  clashes: { path: string; why: string }[];
  rev: number;
}

export interface HubStatus {
  pid: number;
  version: string;
  protocol: number;
  workspace: string;
  liveRuns: number;
  trusted: boolean;
  inProcess: boolean;
  rev: number;
}
