/** Beginning of a group of GPU programs ("fat binary") in a shared library. */
const groupMagic = 0xba55ed50;
const groupHeaderBytes = 16;
/** Kinds of entries: 1 is portable assembly, 2 machine code. */
const machineCode = 2;

/** What was kept and blanked, in bytes. */
export interface KeptCode {
  readonly keptBytes: number;
  readonly blankedBytes: number;
}

/**
 * Blanks, in place, all GPU code of a shared library that is not machine code for one architecture, such as 90 for
 * NVIDIA's Hopper: most of a CUDA library is the same code for other GPUs, and zeros compress to nothing. Such a
 * library is for that architecture only. Layout of the groups as `cuobjdump` shows it: a header of magic, version,
 * header size and length; entries, each with its own header (kind at 0, header size at 4, payload's length at 8,
 * architecture at 28) before its payload.
 */
export function keepArchitecture(library: Buffer, architecture: number): KeptCode {
  let [keptBytes, blankedBytes] = [0, 0];
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(groupMagic);
  for (let at = library.indexOf(magic); at >= 0; at = library.indexOf(magic, at + 4)) {
    if (at + groupHeaderBytes > library.length || library.readUInt16LE(at + 6) !== groupHeaderBytes) continue;
    const end = at + groupHeaderBytes + Number(library.readBigUInt64LE(at + 8));
    if (end > library.length) continue;
    for (let entry = at + groupHeaderBytes; entry + 64 <= end; ) {
      const headerBytes = library.readUInt32LE(entry + 4);
      const payloadBytes = Number(library.readBigUInt64LE(entry + 8));
      const next = entry + headerBytes + payloadBytes;
      if (headerBytes < 32 || next > end) break;
      const wanted =
        library.readUInt16LE(entry) === machineCode && library.readUInt32LE(entry + 28) === architecture;
      if (wanted) keptBytes += payloadBytes;
      else {
        library.fill(0, entry + headerBytes, next);
        blankedBytes += payloadBytes;
      }
      entry = next;
    }
  }
  return { keptBytes, blankedBytes };
}
