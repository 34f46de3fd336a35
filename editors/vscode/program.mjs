// Whether a file is a program for the platform that a package is for: told by its first bytes, since a package with another
// platform's program in it installs without a word and never starts.

const X64 = "x64";
const ARM64 = "arm64";
const ARMHF = "armhf";

/** The platforms that packages are made for, by the editor's names, with what a program for each of them is. */
const TARGETS = new Map([
  ["linux-x64", { form: "ELF", machine: X64, rust: "x86_64-unknown-linux-gnu" }],
  ["linux-arm64", { form: "ELF", machine: ARM64, rust: "aarch64-unknown-linux-gnu" }],
  ["linux-armhf", { form: "ELF", machine: ARMHF, rust: "armv7-unknown-linux-gnueabihf" }],
  ["alpine-x64", { form: "ELF", machine: X64, rust: "x86_64-unknown-linux-musl" }],
  ["alpine-arm64", { form: "ELF", machine: ARM64, rust: "aarch64-unknown-linux-musl" }],
  ["darwin-x64", { form: "Mach-O", machine: X64, rust: "x86_64-apple-darwin" }],
  ["darwin-arm64", { form: "Mach-O", machine: ARM64, rust: "aarch64-apple-darwin" }],
  ["win32-x64", { form: "PE", machine: X64, rust: "x86_64-pc-windows-msvc" }],
  ["win32-arm64", { form: "PE", machine: ARM64, rust: "aarch64-pc-windows-msvc" }],
]);
export const targets = [...TARGETS.keys()];

const ELF_MACHINES = new Map([
  [0x3e, X64],
  [0xb7, ARM64],
  [0x28, ARMHF],
]);
const MACH_MACHINES = new Map([
  [0x0100_0007, X64],
  [0x0100_000c, ARM64],
]);
const PE_MACHINES = new Map([
  [0x8664, X64],
  [0xaa64, ARM64],
]);
const OTHER = "another machine";

/** Says what is wrong with a file as the program of a target, and what to do; nothing where it is one. */
export function refusal(bytes, name, target) {
  const wanted = TARGETS.get(target);
  if (wanted === undefined) {
    return `error: there is no target ${target}\nhelp: choose one of ${targets.join(", ")}`;
  }
  const found = look(bytes);
  const help = `help: build it with \`cargo build --release --target ${wanted.rust}\`, and name that file with --server`;
  if (found === undefined) return `error: ${name} is no program, so it can't be the server of ${target}\n${help}`;
  const fits = found.form === wanted.form && found.machines.includes(wanted.machine);
  const libc = target.startsWith("alpine-") ? "musl" : "glibc";
  // Without a loader it is linked whole, and runs with either.
  if (fits && (found.libc === undefined || found.libc === libc)) return undefined;
  const of = `${found.form}, ${found.machines.join(" and ")}${found.libc === undefined ? "" : `, ${found.libc}`}`;
  const needs = `${wanted.form}, ${wanted.machine}${found.libc === undefined || wanted.form !== "ELF" ? "" : `, ${libc}`}`;
  return `error: ${name} is a program of another platform (${of}); ${target} needs one of its own (${needs})\n${help}`;
}

/** What kind of program it is: its form, the machines, and whose C library it loads. */
function look(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    switch (view.getUint32(0)) {
      case 0x7f45_4c46:
        return elf(view, bytes);
      case 0xcffa_edfe:
        return mach(view);
      case 0xcafe_babe:
        return universal(view);
      default:
        return view.getUint16(0) === 0x4d5a ? pe(view) : undefined;
    }
  } catch (error) {
    // It ends within its header.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function elf(view, bytes) {
  const [is64, little] = [view.getUint8(4) === 2, view.getUint8(5) === 1];
  const kind = view.getUint16(16, little);
  // Fixed or movable; the other kinds are objects and what a crash left.
  if (!little || (kind !== 2 && kind !== 3)) return undefined;
  return {
    form: "ELF",
    machines: [ELF_MACHINES.get(view.getUint16(18, true)) ?? OTHER],
    libc: loader(view, bytes, is64),
  };
}

/** Whose loader an ELF program asks for, in its segment PT_INTERP. */
function loader(view, bytes, is64) {
  const word = (at) => (is64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  const [table, size, count] = [
    word(is64 ? 32 : 28),
    view.getUint16(is64 ? 54 : 42, true),
    view.getUint16(is64 ? 56 : 44, true),
  ];
  for (let at = table; at < table + size * count; at += size) {
    if (view.getUint32(at, true) !== 3) continue;
    const from = word(at + (is64 ? 8 : 4));
    const path = new TextDecoder().decode(bytes.subarray(from, from + word(at + (is64 ? 32 : 16))));
    return path.includes("ld-musl") ? "musl" : "glibc";
  }
  return undefined;
}

function mach(view) {
  // 2 is a program; libraries and objects have other numbers.
  if (view.getUint32(12, true) !== 2) return undefined;
  return { form: "Mach-O", machines: [MACH_MACHINES.get(view.getUint32(4, true)) ?? OTHER] };
}

/** Programs for several machines in one file. */
function universal(view) {
  const count = view.getUint32(4);
  // Compiled Java begins with the same four bytes, and has a version here that is higher than this.
  if (count === 0 || count > 16) return undefined;
  const machines = Array.from({ length: count }, (_, it) => MACH_MACHINES.get(view.getUint32(8 + it * 20)) ?? OTHER);
  return { form: "Mach-O", machines };
}

function pe(view) {
  const at = view.getUint32(0x3c, true);
  const flags = view.getUint16(at + 22, true);
  // "PE\0\0"; executable, and no library.
  if (view.getUint32(at) !== 0x5045_0000 || (flags & 0x0002) === 0 || (flags & 0x2000) !== 0) return undefined;
  return { form: "PE", machines: [PE_MACHINES.get(view.getUint16(at + 4, true)) ?? OTHER] };
}
