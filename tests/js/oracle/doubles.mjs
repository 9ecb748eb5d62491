// Redis 7.0 prints doubles with 17 digits, 7.2 and later the shortest digits that read back the same. The recorder
// turns the one into the other, so that the row of ours needs no writing by hand.

/** A double as Redis 7.4 replies it. */
export function shortest(value) {
  if (Object.is(value, -0)) return "-0";
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 62) return String(BigInt(value));
  const [mantissa, power] = Math.abs(value).toExponential().split("e");
  const sign = value < 0 ? "-" : "";
  const digits = mantissa.replace(".", "");
  const count = digits.length;
  const exponent = Number(power);
  const last = exponent - (count - 1);
  const size = Math.abs(exponent);
  if (last >= 0 && size < count + 7) return sign + digits + "0".repeat(last);
  if (last < 0 && (last > -7 || size < 4)) {
    const offset = count + last;
    return sign + (offset <= 0 ? "0." + "0".repeat(-offset) + digits : digits.slice(0, offset) + "." + digits.slice(offset));
  }
  return `${sign}${digits[0]}${count > 1 ? "." + digits.slice(1) : ""}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** The reply with every 17-digit double in it rewritten; unchanged where there is none. */
export function shortestReply(frame) {
  if (frame.items) return `${frame.type}${frame.head}\r\n${frame.items.map(shortestReply).join("")}`;
  const text = frame.body;
  if ((frame.type !== "$" && frame.type !== ",") || !text || !/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(text)) return frame.text;
  const value = Number(text);
  // A member that only looks like a number of many digits is not one: it would have to be %.17g's own spelling.
  if (!/[.e]/.test(text) && text.length < 16) return frame.text;
  const ours = shortest(value);
  return frame.type === "," ? `,${ours}\r\n` : `$${ours.length}\r\n${ours}\r\n`;
}

