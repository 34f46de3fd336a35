// The connection of this window to its workspace's hub, and the store that follows it.
//
// The one place that knows the language client. Everything else asks `request`, reads `store`, and listens to `onChange` and
// `onState`. Invariant: after a lost connection the store goes on from its own revision, so nothing is shown twice or missed.

import * as fs from "node:fs";
import * as os from "node:os";
import * as vscode from "vscode";
import { LanguageClient, State } from "vscode-languageclient/node";
import { folderNamed, folders } from "./elsewhere";
import { findServer } from "./find";
import {
  method,
  type AgentView,
  type Changed,
  type ChannelView,
  type ClientOptions,
  type Feed,
  type Finding,
  type HubStatus,
  type PauseView,
  type Requests,
  type RunView,
  type SaveBuffersParams,
  type SaveBuffersResult,
  type TerminalFrame,
} from "./protocol";
import { rootOf } from "./root";
import { settings } from "./settings";
import { Store, type Change } from "./store";

/** The methods by their short names, with what they take and answer. */
type Method = keyof { [M in keyof typeof method as (typeof method)[M] extends keyof Requests ? M : never]: true };
type Params<M extends Method> = Requests[(typeof method)[M] & keyof Requests]["params"];
type Result<M extends Method> = Requests[(typeof method)[M] & keyof Requests]["result"];

/** How long a stop waits for a start that goes on. */
const LONGEST_START = 20_000;
/** Which of several folders is shown, in the window's own memory. */
const CHOSEN = "folder";

export type Phase =
  | { is: "off"; why: "noFolder" | "restricted" | "notStarted" | "stopped" }
  | { is: "missing"; why: string }
  | { is: "starting" }
  | { is: "running"; trusted: boolean }
  | { is: "lost"; why: string };

/** A refusal of the hub, or of the connection, with a sentence that a person can act on. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

export class Hub implements vscode.Disposable {
  readonly store = new Store();
  readonly log: vscode.LogOutputChannel;
  phase: Phase = { is: "off", why: "notStarted" };
  /** Where the program was found, for the status item. */
  program = "";

  private client: LanguageClient | undefined;
  private workspace = "";
  private rooted: vscode.Uri | undefined;
  private following = Promise.resolve();
  private turn = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<Change>();
  private readonly phased = new vscode.EventEmitter<Phase>();
  private readonly began = new vscode.EventEmitter<void>();
  private readonly framed = new vscode.EventEmitter<TerminalFrame>();
  private readonly told = new vscode.EventEmitter<{ root: string; feed: Feed }>();
  readonly onChange = this.changed.event;
  readonly onPhase = this.phased.event;
  /** The store was filled anew: whatever was read from it or from the hub before is old. */
  readonly onBegin = this.began.event;
  /** A terminal that is watched shows something else. */
  readonly onFrame = this.framed.event;
  /** Something changed in a folder of this window that is not shown. */
  readonly onElsewhere = this.told.event;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.log = vscode.window.createOutputChannel("Callboard", { log: true });
  }

  /** The folder that is shown: the window's first, unless another was chosen. */
  get folder(): vscode.WorkspaceFolder | undefined {
    const all = folders();
    const chosen = this.context.workspaceState.get<string>(CHOSEN);
    return all.find((it) => it.uri.toString() === chosen) ?? all[0];
  }

  /** What the folder is called, where there are several. */
  get folderName(): string | undefined {
    return folders().length > 1 ? this.folder?.name : undefined;
  }

  /** Shows another folder of this window. Its hub, and that of the one before, go on as they are. */
  async choose(folder: vscode.WorkspaceFolder): Promise<void> {
    if (folder.uri.toString() === this.folder?.uri.toString()) return;
    await this.context.workspaceState.update(CHOSEN, folder.uri.toString());
    await this.restart();
  }

  /** Where paths of the hub begin: the folder, or the repository that it is in. */
  get root(): vscode.Uri | undefined {
    return this.rooted ?? this.folder?.uri;
  }

  get trusted(): boolean {
    return this.phase.is === "running" && this.phase.trusted;
  }

  /** Starts the language server, unless it runs or must not. */
  async start(): Promise<void> {
    return this.inTurn(() => this.begin());
  }

  async stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  async restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      await this.begin();
    });
  }

  /** A client that is disposed of while it starts leaves its providers behind, so one waits for the other; not for ever. */
  private async inTurn(does: () => Promise<void>): Promise<void> {
    const before = Promise.race([this.turn, new Promise<void>((done) => setTimeout(done, LONGEST_START).unref())]);
    const now = before.then(does);
    this.turn = now.catch(() => undefined);
    return now;
  }

  private async begin(): Promise<void> {
    if (this.client !== undefined) return;
    const folder = this.folder;
    if (folder === undefined || !vscode.workspace.isTrusted) {
      this.enter({ is: "off", why: folder === undefined ? "noFolder" : "restricted" });
      return;
    }
    const chosen = settings();
    const found = findServer({
      setting: chosen.path,
      extension: this.context.extensionPath,
      path: process.env.PATH ?? "",
      home: os.homedir(),
      platform: process.platform,
      isProgram,
    });
    if ("missing" in found) {
      this.log.error(`The server was not found: ${found.missing}.`);
      this.enter({ is: "missing", why: found.missing });
      return;
    }
    this.program = found.file;
    this.log.info(`The server is ${found.file} (${found.from}).`);
    this.enter({ is: "starting" });
    const client = new LanguageClient(
      "callboard",
      "Callboard",
      {
        command: found.file,
        args: ["lsp"],
        options: { cwd: folder.uri.fsPath, env: { ...process.env, ...chosen.env } },
      },
      {
        documentSelector: [{ scheme: "file" }],
        workspaceFolder: folder,
        outputChannel: this.log,
        initializationOptions: {
          diagnostics: chosen.diagnostics,
          progress: chosen.progress,
          onCancel: chosen.onCancel,
          // This window shows channels, the inbox and terminals itself. The documents of pause points it has as files.
          prompts: false,
          panel: true,
          notifications: true,
          terminal: true,
          saves: true,
        } satisfies ClientOptions,
        diagnosticCollectionName: "callboard",
        initializationFailedHandler: (error) => {
          this.log.error(String(error));
          return false;
        },
      },
    );
    // The commands are registered by this extension, which asks for what is missing before it passes them on.
    client.getFeature("workspace/executeCommand").initialize = () => undefined;
    // The folder that is shown comes first: what names no root is asked of that one's hub.
    client.registerFeature({
      fillInitializeParams: (params) => {
        const others = folders().filter((it) => it.uri.toString() !== folder.uri.toString());
        params.workspaceFolders = [folder, ...others].map(({ uri, name }) => ({
          uri: client.code2ProtocolConverter.asUri(uri),
          name,
        }));
      },
      fillClientCapabilities: () => undefined,
      initialize: () => undefined,
      getState: () => ({ kind: "static" }),
      clear: () => undefined,
    });
    client.onNotification("callboard/feed", (feed: Feed & { root?: string }) => {
      const { root } = feed;
      const isHere = root === undefined || folderNamed(root)?.uri.toString() === folder.uri.toString();
      if (isHere) this.take(feed);
      else this.told.fire({ root, feed });
    });
    client.onRequest("callboard/saveBuffers", ({ uris }: SaveBuffersParams) => save(uris));
    client.onNotification("callboard/terminalFrame", (frame: TerminalFrame) => this.framed.fire(frame));
    client.onDidChangeState(({ newState }) => {
      if (this.client !== client) return;
      if (newState === State.Running) {
        this.following = this.following.then(() => this.follow(client));
      } else if (newState === State.Starting) {
        this.enter({ is: "starting" });
      } else if (this.phase.is === "running" || this.phase.is === "starting") {
        this.enter({ is: "lost", why: vscode.l10n.t("the language server ended") });
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      this.enter({ is: "lost", why: message(error) });
    }
    await this.following;
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) {
      try {
        await client.dispose(3000);
      } catch (error) {
        this.log.warn(`The server did not end in order: ${message(error)}.`);
      }
    }
    this.enter({ is: "off", why: "stopped" });
  }

  /** Asks the hub something. Whatever goes wrong comes as a `Refused` with a sentence. */
  async request<M extends Method>(name: M, params: Params<M>): Promise<Result<M>> {
    const client = await this.running();
    try {
      return await client.sendRequest<Result<M>>(method[name], params);
    } catch (error) {
      throw refused(error);
    }
  }

  /** Has the server do one of its commands. */
  async execute(command: string, argument: object): Promise<unknown> {
    const client = await this.running();
    try {
      return await client.sendRequest("workspace/executeCommand", { command, arguments: [argument] });
    } catch (error) {
      throw refused(error);
    }
  }

  /** Asks again whether the workspace is trusted; nothing tells a client when that changes. */
  async look(): Promise<void> {
    const client = this.client;
    if (client?.isRunning() !== true || this.phase.is !== "running") return;
    const status = await client.sendRequest<HubStatus>("callboard/hubStatus", {});
    if (this.client === client && status.trusted !== this.trusted) {
      this.enter({ is: "running", trusted: status.trusted });
    }
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
    this.phased.dispose();
    this.began.dispose();
    this.framed.dispose();
    this.told.dispose();
    this.log.dispose();
  }

  private async running(): Promise<LanguageClient> {
    if (this.client === undefined) await this.start();
    const client = this.client;
    if (client?.isRunning() !== true) {
      throw new Refused(vscode.l10n.t("Callboard does not run here: {0}.", this.whyNot()), "off");
    }
    return client;
  }

  whyNot(): string {
    const phase = this.phase;
    switch (phase.is) {
      case "missing":
      case "lost":
        return phase.why;
      case "off":
        if (phase.why === "noFolder") return vscode.l10n.t("no folder is open");
        if (phase.why === "restricted") return vscode.l10n.t("this window is in Restricted Mode");
        return vscode.l10n.t("it was not started");
      default:
        return vscode.l10n.t("it is starting");
    }
  }

  private async follow(client: LanguageClient): Promise<void> {
    const { store } = this;
    const ask = <R>(method: string, params: object): Promise<R> => client.sendRequest<R>(`callboard/${method}`, params);
    try {
      const status = await ask<HubStatus>("hubStatus", {});
      this.rooted = rooted(this.folder?.uri, status.workspace);
      if (!store.ready || status.workspace !== this.workspace || status.rev < store.rev) {
        store.clear();
        this.workspace = status.workspace;
        // From now on first, then what is there: whatever changes in between comes twice, and the newer form stays.
        const { rev } = await ask<Changed>("subscribe", {});
        const [channels, runs, pauses, agents, findings] = await Promise.all([
          ask<ChannelView[]>("channels", {}),
          ask<RunView[]>("runs", {}),
          ask<PauseView[]>("inbox", {}),
          ask<AgentView[]>("agents", {}),
          ask<Finding[]>("findings", {}),
        ]);
        store.take({
          rev,
          items: [
            ...channels.map((it) => ({ item: "channel" as const, ...it })),
            ...runs.map((it) => ({ item: "run" as const, ...it })),
            ...pauses.map((it) => ({ item: "pause" as const, ...it })),
            ...agents.map((it) => ({ item: "agent" as const, ...it })),
            ...findings.map((it) => ({ item: "finding" as const, ...it })),
          ],
        });
        store.ready = true;
      } else {
        await ask<Changed>("subscribe", { since: store.rev });
      }
      if (this.client === client) {
        this.enter({ is: "running", trusted: status.trusted });
        this.began.fire();
        this.listenElsewhere(client);
      }
    } catch (error) {
      if (this.client === client && client.isRunning()) {
        this.log.error(message(error));
        this.enter({ is: "lost", why: message(error) });
      }
    }
  }

  private listenElsewhere(client: LanguageClient): void {
    for (const { uri } of folders().filter((it) => it.uri.toString() !== this.folder?.uri.toString())) {
      const root = client.code2ProtocolConverter.asUri(uri);
      // A folder of the same repository has the same hub.
      client
        .sendRequest("callboard/subscribe", { root })
        .catch((error: unknown) => this.log.info(`${root}: ${message(error)}`));
    }
  }

  private take(feed: Feed): void {
    const change = this.store.take(feed);
    if (!this.store.ready) return;
    if (change.kinds.size > 0) this.changed.fire(change);
    if (this.phase.is === "running" && !this.phase.trusted) {
      void this.look().catch((error: unknown) => this.log.warn(message(error)));
    }
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.phased.fire(phase);
  }
}

/** Saves what is open here and has changes, as the hub was told to ask before a turn. */
async function save(uris: readonly string[]): Promise<SaveBuffersResult> {
  const open = new Map(vscode.workspace.textDocuments.map((it) => [it.uri.toString(), it]));
  const saved: string[] = [];
  for (const uri of uris) {
    const document = open.get(vscode.Uri.parse(uri).toString());
    if (document !== undefined && (!document.isDirty || (await document.save()))) saved.push(uri);
  }
  return { saved };
}

function rooted(folder: vscode.Uri | undefined, workspace: string): vscode.Uri | undefined {
  if (folder === undefined) return undefined;
  const path = (file: string): string => vscode.Uri.file(file).path;
  try {
    const real = path(fs.realpathSync.native(folder.fsPath));
    return folder.with({ path: rootOf({ folder: folder.path, real, workspace: path(workspace) }) });
  } catch {
    return folder;
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  const data: unknown = typeof error === "object" && error !== null && "data" in error ? error.data : undefined;
  const code = typeof data === "object" && data !== null && "code" in data ? String(data.code) : "failed";
  return new Refused(message(error), code);
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
