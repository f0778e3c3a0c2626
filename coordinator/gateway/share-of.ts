import { createHash } from "node:crypto";

/**
 * The name under which a client takes its share of the service: a hash of its key, so that keys are not kept, or
 * the user that it names; undefined for everybody else together.
 * @param authorization the Authorization header or metadata as it came
 */
export function shareOf(authorization: string | undefined, user: string | undefined): string | undefined {
  if (authorization) return `key:${hashOf(authorization.replace(/^bearer\s+/i, "").trim())}`;
  // A hash here too: a user may have any length.
  return user ? `user:${hashOf(user)}` : undefined;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
