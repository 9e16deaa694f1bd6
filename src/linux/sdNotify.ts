// SHELL: messages to the service manager that started us (sd_notify(3)): datagrams to the Unix socket it names. Owns the form of
// that address. Knows nothing of what is said. Contract: never throws and never waits; a message that cannot be sent is lost,
// as the manager's own limits then say.
import { type Native, nativeCalls } from "./native.ts";
import { SOCK_CLOEXEC } from "./sockopt.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
/** Octets of sun_path (unix(7)). */
const MAX_PATH = 108;

/** Sends one message; false: it did not leave. */
export type Notify = (message: string) => boolean;

/** @param socket $NOTIFY_SOCKET: a path, or `@` and an abstract name @returns why nothing can be sent there, instead */
export function openNotifySocket(socket: string): Notify | string {
  const calls = nativeCalls();
  if (typeof calls === "string") return calls;
  const address = unixAddress(socket);
  if (typeof address === "string") return address;
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return `no Unix socket can be made: ${calls.errnoName()}`;
  const encoder = new TextEncoder();
  return (message) => calls.sendto(fd, encoder.encode(message), address) >= 0;
}

/** A socket that hears such messages; for whoever stands in for the manager. @throws Error when it cannot be bound */
export function openNotifyListener(socket: string): { readonly fd: number; readonly calls: Native } {
  const calls = nativeCalls();
  const address = unixAddress(socket);
  if (typeof calls === "string" || typeof address === "string") throw new Error(`${calls}, ${address}`);
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || calls.bind(fd, address, address.length) !== 0) throw new Error(`cannot bind: ${calls.errnoName()}`);
  return { fd, calls };
}

/** struct sockaddr_un; an abstract name begins with a zero octet and has no end mark. */
function unixAddress(socket: string): Uint8Array | string {
  const name = new TextEncoder().encode(socket);
  const isAbstract = socket.startsWith("@");
  if (!isAbstract && !socket.startsWith("/")) return `${JSON.stringify(socket)} is neither a path nor an abstract name`;
  if (name.length >= MAX_PATH) return `the address is longer than ${MAX_PATH - 1} octets`;
  const address = new Uint8Array(2 + name.length + (isAbstract ? 0 : 1));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX; // in the machine's own order
  address.set(name, 2);
  if (isAbstract) address[2] = 0;
  return address;
}
