// What an application may have to catch. Each says what happened, the HTTP status or 0, and what to do.

export class PerdureError extends Error {
  constructor(message, { status = 0, hint = "", ...more } = {}) {
    super(hint ? `${message}; ${hint}` : message);
    this.name = this.constructor.name;
    Object.assign(this, { status, hint, ...more });
  }
}

/** The caller's mistake. */
export class UsageError extends PerdureError {}
/** A send that was surely not taken; `why` says the reason. */
export class SendFailed extends PerdureError {}
/** A send that may have been taken, and nobody can tell any more. */
export class SendUncertain extends PerdureError {}
/** The server may not have taken our `word`: suspend or close. */
export class FarewellNotTaken extends PerdureError {}
/** A session that ended otherwise than well. */
export class SessionFailed extends PerdureError {}
export class SessionExpired extends PerdureError {}
export class TakenOver extends PerdureError {}
/** How a stream ended; `readable` is false where the answer was no event stream of this protocol. */
export class StreamError extends PerdureError {}
