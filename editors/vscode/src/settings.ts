// What the user set, read where it is used.

import * as vscode from "vscode";

export interface Settings {
  path: string;
  env: Record<string, string>;
  autoStart: boolean;
  notify: "all" | "waiting" | "none";
  diagnostics: boolean;
  progress: boolean;
  onCancel: "pause" | "stop";
  pageSize: number;
}

export function settings(): Settings {
  const all = vscode.workspace.getConfiguration("callboard");
  const page = all.get<number>("channel.pageSize", 200);
  return {
    path: all.get<string>("server.path", "").trim(),
    env: all.get<Record<string, string>>("server.env", {}),
    autoStart: all.get<boolean>("autoStart", true),
    notify: all.get<Settings["notify"]>("notify", "all"),
    diagnostics: all.get<boolean>("diagnostics", true),
    progress: all.get<boolean>("progress", true),
    onCancel: all.get<Settings["onCancel"]>("onCancelProgress", "pause"),
    pageSize: Number.isFinite(page) ? Math.min(1000, Math.max(20, Math.round(page))) : 200,
  };
}
