/** How a field's value is written; repeated numbers are packed. */
export type FieldKind =
  | "uint"
  | "bool"
  | "enum"
  | "float"
  | "bytes"
  | "string"
  | "message"
  | "uints"
  | "floats"
  | "messages";

/** One field of a message. */
export interface Field {
  readonly number: number;
  /** As generated types spell it. */
  readonly name: string;
  readonly kind: FieldKind;
  /** Greatest value of a uint; defaults to 2^32 - 1. */
  readonly most?: number;
  /** The names of an enum by number. */
  readonly names?: readonly string[];
  /** What a message is made of. */
  readonly of?: Schema;
  /** The tag that names which member of a oneof is set. */
  readonly oneof?: string;
}

/** A message of the hot path, as the codec walks it. */
export interface Schema {
  /** For errors. */
  readonly name: string;
  /**
   * In the order in which they are written. Large bytes at the end of the last field are not copied, so the
   * field that holds an activation comes last.
   */
  readonly fields: readonly Field[];
  /** A message with every field at its default; messages of a oneof are absent. */
  readonly empty: () => Message;
}

/** A message by its field names. */
export type Message = Record<string, unknown>;

/** The greatest uint64 that a number holds exactly. */
export const most64: number = Number.MAX_SAFE_INTEGER;
