// Files that begin as programs of a platform do, and are nothing else.

function bytes(length, ...parts) {
  const all = new Uint8Array(length);
  for (const [at, part] of parts) all.set(part, at);
  return all;
}
const short = (value) => [value & 0xff, value >> 8];
const long = (value) => [...short(value & 0xffff), ...short(value >>> 16)];
const ELF = [0x7f, 0x45, 0x4c, 0x46];

/** An ELF program of 64 bits; `loader` is the path of the one that it asks for, `kind` 1 an object and 3 a program. */
export function elf(machine, { loader = "", kind = 3 } = {}) {
  const path = new TextEncoder().encode(loader);
  const segment = bytes(56, [0, long(loader === "" ? 1 : 3)], [8, long(120)], [32, long(path.length)]);
  const head = [
    [0, ELF],
    [4, [2, 1, 1]],
    [16, short(kind)],
    [18, short(machine)],
    [32, long(64)],
    [54, short(56)],
  ];
  return bytes(120 + path.length, ...head, [56, short(1)], [64, segment], [120, path]);
}

/** An ELF program of 32 bits. */
export function elf32(machine, loader) {
  const path = new TextEncoder().encode(loader);
  const segment = bytes(32, [0, long(3)], [4, long(84)], [16, long(path.length)]);
  const head = [
    [0, ELF],
    [4, [1, 1, 1]],
    [16, short(2)],
    [18, short(machine)],
    [28, long(52)],
    [42, short(32)],
  ];
  return bytes(84 + path.length, ...head, [44, short(1)], [52, segment], [84, path]);
}

/** A Mach-O file; `kind` 2 is a program, 6 a library. */
export function mach(machine, kind = 2) {
  return bytes(32, [0, [0xcf, 0xfa, 0xed, 0xfe]], [4, long(machine)], [12, long(kind)]);
}

/** A Mach-O file of several machines, whose numbers are written the other way round. */
export function universal(...machines) {
  const at = machines.map((it, index) => [8 + index * 20, long(it).reverse()]);
  return bytes(8 + machines.length * 20, [0, [0xca, 0xfe, 0xba, 0xbe]], [4, long(machines.length).reverse()], ...at);
}

/** A PE file; `flags` 0x22 is a program, 0x2022 a library. */
export function pe(machine, flags = 0x22) {
  const head = [
    [0, [0x4d, 0x5a]],
    [0x3c, long(128)],
    [128, [0x50, 0x45, 0, 0]],
    [132, short(machine)],
  ];
  return bytes(160, ...head, [150, short(flags)]);
}

const GLIBC = "/lib64/ld-linux-x86-64.so.2\0";
const MUSL = "/lib/ld-musl-x86_64.so.1\0";

/** A program of each target. */
export const PROGRAMS = {
  "linux-x64": elf(0x3e, { loader: GLIBC }),
  "linux-arm64": elf(0xb7, { loader: "/lib/ld-linux-aarch64.so.1\0" }),
  "linux-armhf": elf32(0x28, "/lib/ld-linux-armhf.so.3\0"),
  "alpine-x64": elf(0x3e, { loader: MUSL }),
  "alpine-arm64": elf(0xb7, { loader: "/lib/ld-musl-aarch64.so.1\0" }),
  "darwin-x64": mach(0x0100_0007),
  "darwin-arm64": mach(0x0100_000c),
  "win32-x64": pe(0x8664),
  "win32-arm64": pe(0xaa64),
};
