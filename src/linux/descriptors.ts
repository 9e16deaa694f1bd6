// SHELL: which descriptors a thread has open, in memory that another thread sees. Owns that list. Knows nothing of what they
// are. Contract: a thread that is ended from outside runs none of its code any more, so whoever started it closes what it
// leaves behind; a number is taken from the list before it is closed, so that nobody ever closes a stranger's.
import { closeDescriptor } from "./poll.ts";

/** Descriptors beyond this number are not kept. */
const MOST = 65_536;

export const newDescriptorMemory = (): SharedArrayBuffer => new SharedArrayBuffer(MOST);

export class Descriptors {
  readonly #isOpen: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#isOpen = new Uint8Array(memory);
  }

  /** Takes charge of an open descriptor. @returns it */
  keep(fd: number): number {
    this.#isOpen[fd] = 1;
    return fd;
  }

  close(fd: number): void {
    this.#isOpen[fd] = 0;
    closeDescriptor(fd);
  }

  /** How many are open. */
  get count(): number {
    return this.#isOpen.reduce((sum, one) => sum + one, 0);
  }

  /** For when their thread is gone. */
  closeAll(): void {
    for (let fd = this.#isOpen.indexOf(1); fd >= 0; fd = this.#isOpen.indexOf(1, fd)) this.close(fd);
  }
}
