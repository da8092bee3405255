// Calls that follow one another quickly become one, and a call that is under way is not doubled but repeated after it.

/** Runs `task` some time after the last `poke`; never two at once. */
export class Poke {
  private timer: number | undefined;
  private busy = false;
  private again = false;
  private over = false;

  constructor(
    private readonly task: () => Promise<void>,
    private readonly delay: number
  ) {}

  /** Ask for the task to be run: after the usual delay, or another one. */
  poke(delay: number = this.delay): void {
    if (this.over) {
      return;
    }
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.run(), delay);
  }

  dispose(): void {
    this.over = true;
    window.clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      await this.task();
    } finally {
      this.busy = false;
      if (this.again && !this.over) {
        this.again = false;
        this.poke(0);
      }
    }
  }
}
