// Where the program is: the setting, the one inside the extension, the PATH. Pure but for the question whether a file is one.

import * as l10n from "@vscode/l10n";

export interface Places {
  setting: string;
  /** The extension's own folder. */
  extension: string;
  path: string;
  home: string;
  platform: NodeJS.Platform;
  isProgram: (file: string) => boolean;
}

export type Found = { file: string; from: "setting" | "bundled" | "path" } | { missing: string };

export function findServer(places: Places): Found {
  const { setting, extension, path, home, platform, isProgram } = places;
  const name = platform === "win32" ? "callboard.exe" : "callboard";
  if (setting !== "") {
    const file = setting.startsWith("~/") ? join(home, setting.slice(2)) : setting;
    if (isProgram(file)) return { file, from: "setting" };
    return { missing: l10n.t("callboard.server.path is {0}, and there is no program of that name", setting) };
  }
  const bundled = join(join(extension, "server"), name);
  if (isProgram(bundled)) return { file: bundled, from: "bundled" };
  for (const folder of path.split(platform === "win32" ? ";" : ":")) {
    // A relative entry would be taken from the workspace, which has no vote on what is started.
    if (!isAbsolute(folder, platform)) continue;
    const file = join(folder, name);
    if (isProgram(file)) return { file, from: "path" };
  }
  return { missing: l10n.t("the program `{0}` is neither inside the extension nor on the PATH", name) };
}

function isAbsolute(folder: string, platform: NodeJS.Platform): boolean {
  return platform === "win32" ? /^[a-z]:[\\/]/i.test(folder) : folder.startsWith("/");
}

function join(folder: string, name: string): string {
  return `${folder.replace(/[\\/]+$/, "")}/${name}`;
}
