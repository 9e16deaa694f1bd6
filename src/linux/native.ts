// SHELL: the only contact with native code. Owns the loading of libc through koffi and the calls that the daemon makes to
// it. Knows nothing of what they are for. Contract: every call is synchronous and keeps no pointer; errno is read at once
// after the call that failed; where libc cannot be loaded, a sentence says why and nothing throws.
import { createRequire } from "node:module";
import { endianness } from "node:os";

export interface Native {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  /** SO_ATTACH_FILTER. @param program classic BPF, eight octets per instruction */
  attachFilter(fd: number, program: Uint8Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  /** Takes a finished connection from a listening socket without asking who it is from. @returns its descriptor, -1: none */
  accept(fd: number): number;
  /** @param from filled with the sender's address @returns octets received, -1: none are there, or an error */
  receive(fd: number, into: Uint8Array, from: Uint8Array): number;
  sendto(fd: number, bytes: Uint8Array, to: Uint8Array): number;
  /** @returns 0: there is no such interface */
  interfaceIndex(name: string): number;
  close(fd: number): number;
  /** Name of the last error, e.g. `EPERM`. */
  errnoName(): string;
}

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const MSG_DONTWAIT = 0x40;

/** libc itself, for the modules of this directory that make further calls. */
export interface Libc {
  /** @param prototype in C; `void *` takes a Uint8Array, `size_t` a number. @throws Error when there is no such function */
  func<T extends (...args: never[]) => number>(prototype: string): T;
  /** Where the octets lie: for structures that point at them. Whoever writes it down keeps the array for ever. */
  addressOf(bytes: Uint8Array): bigint;
  /** Octets of a pointer. */
  readonly pointerSize: number;
  /** Name of the last error, e.g. `EPERM`. */
  errnoName(): string;
}

let loaded: Libc | string | undefined;
let native: Native | string | undefined;

/** libc, or why it cannot be had on this machine. */
export function libc(): Libc | string {
  loaded ??= process.platform === "linux" ? loadLibrary() : "native calls need Linux";
  return loaded;
}

/** The calls, or why they cannot be made on this machine. */
export function nativeCalls(): Native | string {
  if (native === undefined) {
    const lib = libc();
    native = typeof lib === "string" ? lib : declare(lib);
  }
  return native;
}

/** Why native calls cannot be made on this machine; null when they can. */
export function nativeProblem(): string | null {
  const calls = nativeCalls();
  return typeof calls === "string" ? calls : null;
}

function loadLibrary(): Libc | string {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const library = koffi.load(null);
    const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
    return {
      func: <T>(prototype: string) => library.func(prototype) as T,
      addressOf: (bytes) => koffi.address(bytes),
      pointerSize: koffi.sizeof("void *"),
      errnoName: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    };
  } catch (error) {
    return `native calls are not available: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function declare(lib: Libc): Native {
  const setsockopt = lib.func<Native["setsockopt"]>("int setsockopt(int, int, int, const void *, uint32_t)");
  type Accept = (fd: number, address: null, length: null) => number;
  const accept = lib.func<Accept>("int accept(int, void *, void *)");
  type Receive = (fd: number, into: Uint8Array, size: number, flags: number, from: Uint8Array, l: Uint8Array) => number;
  const receive = lib.func<Receive>("int64_t recvfrom(int, void *, size_t, int, void *, void *)");
  type Send = (fd: number, bytes: Uint8Array, size: number, flags: number, to: Uint8Array, length: number) => number;
  const send = lib.func<Send>("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)");
  return {
    socket: lib.func("int socket(int, int, int)"),
    setsockopt,
    attachFilter: (fd, program) => {
      const value = filterStruct(lib, program);
      return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, value.length);
    },
    bind: lib.func("int bind(int, const void *, uint32_t)"),
    accept: (fd) => accept(fd, null, null),
    receive: (fd, into, from) => {
      const length = new Uint8Array(Int32Array.of(from.length).buffer);
      return Number(receive(fd, into, into.length, MSG_DONTWAIT, from, length));
    },
    sendto: (fd, bytes, to) => Number(send(fd, bytes, bytes.length, MSG_DONTWAIT, to, to.length)),
    interfaceIndex: lib.func("uint32_t if_nametoindex(const char *)"),
    close: lib.func("int close(int)"),
    errnoName: lib.errnoName,
  };
}

/** struct sock_fprog: number of instructions (u16), then a pointer to them, aligned. The kernel copies them in the call. */
function filterStruct({ addressOf, pointerSize }: Libc, program: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 * pointerSize);
  const view = new DataView(bytes.buffer);
  const isLittle = endianness() === "LE";
  view.setUint16(0, program.length / 8, isLittle);
  if (pointerSize === 8) view.setBigUint64(8, addressOf(program), isLittle);
  else view.setUint32(4, Number(addressOf(program)), isLittle);
  return bytes;
}
