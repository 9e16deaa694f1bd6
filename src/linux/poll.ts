// SHELL: waiting for descriptors and time in one call, and an event counter that wakes the waiter from another thread.
// Owns the layout of pollfd and timespec. Knows nothing of what is waited for. Contract: nothing is allocated per wait;
// the caller caps the wait (V8 asks for the end of a thread only when a JavaScript function is entered).
import { endianness } from "node:os";
import { carve } from "./arena.ts";
import { type Libc, libc } from "./native.ts";
import { SocketOptionError } from "./sockopt.ts";

const POLLIN = 1;
const POLLFD_SIZE = 8;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const isLittle = endianness() === "LE";

interface Calls {
  ppoll(fds: Uint8Array, count: number, timeout: Uint8Array, mask: null): number;
  eventfd(initial: number, flags: number): number;
  read(fd: number, into: Uint8Array, length: number): number;
  close(fd: number): number;
}

let calls: Calls | undefined;

function sys(): Calls {
  calls ??= declare(libcOrThrow());
  return calls;
}

const declare = (lib: Libc): Calls => ({
  ppoll: lib.func("int ppoll(void *, unsigned long, const void *, const void *)"),
  eventfd: lib.func("int eventfd(unsigned int, int)"),
  read: lib.func("int64_t read(int, void *, size_t)"),
  close: lib.func("int close(int)"),
});

/** @throws SocketOptionError when there are no native calls, or pointers are not of the size that our structures have */
export function libcOrThrow(): Libc {
  const lib = libc();
  if (typeof lib === "string") throw new SocketOptionError(lib, "ENOSYS");
  if (lib.pointerSize !== 8) throw new SocketOptionError("native loops need a machine with 64-bit pointers", "ENOSYS");
  return lib;
}

/** A set of descriptors that is waited for. Not more than `capacity` at a time. */
export class PollSet {
  readonly #fds: Uint8Array;
  readonly #view: DataView;
  readonly #timeout = carve(16);
  readonly #timeoutView: DataView;
  readonly #sys = sys();
  readonly #members: number[] = [];

  constructor(capacity: number) {
    this.#fds = carve(capacity * POLLFD_SIZE);
    this.#view = viewOf(this.#fds);
    this.#timeoutView = viewOf(this.#timeout);
  }

  /** Replaces the set. */
  set(fds: readonly number[]): void {
    this.#members.splice(0, this.#members.length, ...fds);
    fds.forEach((fd, i) => {
      this.#view.setInt32(i * POLLFD_SIZE, fd, isLittle);
      this.#view.setUint32(i * POLLFD_SIZE + 4, 0, isLittle);
      this.#view.setUint16(i * POLLFD_SIZE + 4, POLLIN, isLittle);
    });
  }

  /**
   * Waits until something can be read or the time is over; a signal ends it early.
   * @param milliseconds with fraction; below 0: does not wait
   * @returns whether anything can be read
   */
  wait(milliseconds: number): boolean {
    const left = milliseconds > 0 ? milliseconds : 0;
    const seconds = Math.floor(left / 1_000);
    // two halves instead of a BigInt: nothing for the garbage collector
    const view = this.#timeoutView;
    view.setUint32(isLittle ? 0 : 4, seconds, isLittle);
    view.setUint32(isLittle ? 8 : 12, Math.round((left - seconds * 1_000) * 1e6) % 1e9, isLittle);
    return this.#sys.ppoll(this.#fds, this.#members.length, this.#timeout, null) > 0;
  }

  /** After a wait: whether the n-th descriptor of the set can be read or is broken. */
  isReady(n: number): boolean {
    return this.#view.getUint16(n * POLLFD_SIZE + 6, isLittle) !== 0;
  }
}

/** A counter that others add to by writing eight octets. @returns a descriptor the caller owns. @throws SocketOptionError */
export function openEvent(): number {
  const fd = sys().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw new SocketOptionError(`cannot make an event counter: ${libcOrThrow().errnoName()}`, "EMFILE");
  return fd;
}

const drained = carve(8);

/** Sets the counter to zero. */
export const drainEvent = (fd: number): void => void sys().read(fd, drained, 8);

export const closeDescriptor = (fd: number): void => void sys().close(fd);

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
