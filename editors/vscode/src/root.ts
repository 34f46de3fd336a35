// Where the hub's paths begin: the folder that is open, or one above it where that is the repository's. Pure.

/** What the folder is called here, what it really is, and the root that the hub has, each with `/`. */
export interface Roots {
  folder: string;
  real: string;
  workspace: string;
}

/** The hub's root as this window would name it, so that its files are the ones that are open here. */
export function rootOf({ folder, real, workspace }: Roots): string {
  const [said, root] = [bare(folder), bare(workspace)];
  const below = bare(real).slice(root.length);
  if (!bare(real).startsWith(root) || !(below === "" || below.startsWith("/"))) return root;
  return said.endsWith(below) ? said.slice(0, said.length - below.length) || "/" : root;
}

/** A file's path from the root; `undefined` for one that is outside, `.` for the root. */
export function pathBelow(root: string, file: string): string | undefined {
  const base = `${bare(root)}/`;
  if (bare(file) === bare(root)) return ".";
  return file.startsWith(base) ? file.slice(base.length) : undefined;
}

function bare(path: string): string {
  return path.replace(/\/+$/, "");
}
