// Reads the parts of a ZIP file, which is what a workbook is. It does not know workbooks.
import { inflateRawSync } from "node:zlib";

/** The parts as `[name, text]`, in the order of the directory at the file's end. */
export function parts(bytes) {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0) throw new Error("no ZIP file");
  const out = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n -= 1) {
    const [method, size] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20)];
    const lengths = [28, 30, 32].map((k) => bytes.readUInt16LE(at + k));
    const start = bytes.readUInt32LE(at + 42);
    const name = bytes.toString("utf8", at + 46, at + 46 + lengths[0]);
    // The part has a head of its own, whose further fields may be longer or shorter.
    const from = start + 30 + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28);
    const data = bytes.subarray(from, from + size);
    out.push([name, (method === 8 ? inflateRawSync(data) : data).toString("utf8")]);
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return out;
}
